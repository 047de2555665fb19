"""Rule: a program met the end of the memory that it may use."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, plural

#: What runtimes and platforms write then, each in its own words.
_WORDS = (
    r"(Error R1[45] \(Memory quota|heap out of memory|java\.lang\.OutOfMemoryError"
    r"|Allowed memory size of [0-9]+ bytes exhausted"
    r"|Memory limit of [0-9]+ ?[KMG]i?B exceeded|\bOOMKilled\b)"
)


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.with_columns(
        said=pl.col("message").str.extract(_WORDS, 1).str.strip_suffix(" (Memory quota")
    ).filter(pl.col("said").is_not_null())


RULE = Rule(
    id="app-out-of-memory",
    title="A program ran out of the memory that it may use",
    level="high",
    description="A runtime or a platform says that a program met its limit: it is"
    " ended, or so slow that requests time out.",
    falsepositives=["A message that only quotes such an error"],
    references=[
        "https://devcenter.heroku.com/articles/error-codes#r14-memory-quota-exceeded"
    ],
    tags=["app"],
    hop="application",
    needs=["application|app_server|host|web_server"],
    query=counting(
        _rows,
        by=["said", "hostname"],
        tops=["message"],
        summary=pl.format(
            "{} of {}{}: {}",
            plural(pl.col("count"), "line"),
            "said",
            pl.format(" on {}", "hostname").fill_null(""),
            "message_list",
        ),
        ask_for=["memory use of that program over the day, and its limit"],
    ),
    positives=[
        Example(
            title="a quota",
            events=[
                {"hop": "host", "message": "Error R14 (Memory quota exceeded)"},
            ],
        ),
        Example(
            title="a heap",
            events=[
                {
                    "hop": "application",
                    "message": "FATAL ERROR: Reached heap limit Allocation failed -"
                    " JavaScript heap out of memory",
                }
            ],
        ),
    ],
    negatives=[
        Example(
            title="memory is spoken of",
            events=[{"hop": "application", "message": "memory use 81% of heap"}],
        ),
    ],
)
