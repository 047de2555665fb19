"""Rule: logs whose lines stand in another log, too."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, report


def _query(frames: Frames) -> pl.LazyFrame:
    held: dict[str, list[str]] = {}
    for copy, log in sorted(frames.again.items()):
        held.setdefault(log, []).append(copy)
    answers = (pl.col("hop") == "web_server") & pl.col("status").is_not_null()
    whole = frames.events.filter(pl.col("source").is_in(list(held)) & answers)
    copies = {log: ", ".join(names) for log, names in held.items()}
    counts = {log: len(names) for log, names in held.items()}
    source = pl.col("source")
    groups = gather(frames, whole, ["source"], most=1).with_columns(
        count=source.replace_strict(counts, default=0, return_dtype=pl.Int64),
        copies=source.replace_strict(copies, default="", return_dtype=pl.String),
    )
    return report(
        groups,
        summary=pl.format(
            "{} holds every request of {}: {}. They count once",
            "source",
            plural(pl.col("count"), "other log"),
            "copies",
        ),
    )


def _access(source: str, minutes: range) -> list[dict[str, object]]:
    return [
        {
            "source": source,
            "line": minute + 1,
            "hop": "web_server",
            "time": f"2025-02-06T05:{minute:02d}:07+00:00",
            "client_ip": "192.0.2.7",
            "method": "GET",
            "path": f"/{minute}",
            "status": 200,
        }
        for minute in minutes
    ]


RULE = Rule(
    id="copied-lines",
    title="Lines of a log stand in another log of the archive",
    level="informational",
    description="A tail, an extract or an export of a log beside it would count every "
    "request twice.",
    falsepositives=["Two servers that log the same requests alike in every field"],
    references=["https://csrc.nist.gov/pubs/fips/180-4/upd1/final"],
    tags=["coverage"],
    hop="web_server",
    needs=["web_server"],
    query=_query,
    positives=[
        Example(
            title="a tail",
            events=[
                *_access("access.log", range(9)),
                *_access("tail.txt", range(4, 9)),
            ],
        )
    ],
    negatives=[
        Example(
            title="a rotation",
            events=[
                *_access("access.log", range(5, 9)),
                *_access("access.log.1", range(5)),
            ],
        ),
    ],
)
