"""Rule: files of the archive that could not be read whole."""

import polars as pl

from forensic.rule import Example, Frames, Rule, plural, report, tally

#: What happened to one file, and to several.
_HAPPENED = {
    "truncated": ("ends too early", "end too early"),
    "over_budget": ("is larger than allowed", "are larger than allowed"),
    "changed": ("changed while it was read", "changed while they were read"),
}


def _happened(*, one: bool) -> pl.Expr:
    words = {name: said[0 if one else 1] for name, said in _HAPPENED.items()}
    return pl.col("verdict").replace_strict(words, default="could not be read")


def _query(frames: Frames) -> pl.LazyFrame:
    verdict = pl.col("verdict").cast(pl.String)
    broken = frames.sources.with_columns(
        verdict=verdict, first="first_time", last="last_time"
    ).filter(~verdict.is_in(["complete", "unsupported"]))
    return report(
        tally(broken, ["verdict"], tops=["source", "detail"]),
        summary=pl.format(
            "{} of the archive {}: {}. What is lost is missing in every answer. {}",
            plural(pl.col("count"), "file"),
            pl.when(pl.col("count") == 1)
            .then(_happened(one=True))
            .otherwise(_happened(one=False)),
            "source_list",
            "detail_list",
        ),
        confidence="certain",
        ask_for=["fresh copies of these files, unpacked where they say so"],
    )


def _source(verdict: str) -> dict[str, object]:
    return {"source": "nginx/access.log.1.gz", "verdict": verdict, "detail": "cut"}


RULE = Rule(
    id="unreadable-source",
    title="Evidence that could not be read whole",
    level="high",
    description="Truncated, damaged or unreadable files: their lines are missing.",
    falsepositives=["A file that was still being written when it was copied"],
    references=["https://www.rfc-editor.org/rfc/rfc1952"],
    tags=["coverage"],
    query=_query,
    positives=[
        Example(title="cut", sources=[_source("truncated")]),
        Example(title="damaged", sources=[_source("unreadable")]),
    ],
    negatives=[
        Example(title="whole", sources=[_source("complete")]),
        Example(title="a picture", sources=[_source("unsupported")]),
    ],
)
