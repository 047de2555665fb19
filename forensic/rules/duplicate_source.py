"""Rule: files that are in the archive twice."""

import polars as pl

from forensic.rule import Example, Frames, Rule, plural, report, tally


def _query(frames: Frames) -> pl.LazyFrame:
    copies = frames.sources.filter(
        pl.col("duplicate_of").is_not_null(), pl.col("events") > 0
    ).with_columns(
        first="first_time",
        last="last_time",
        pair=pl.format("{} is {}", "source", "duplicate_of"),
        all=pl.lit(value=True),
    )
    return report(
        tally(copies, ["all"], tops=["pair"]),
        summary=pl.format(
            "{} in the archive twice: {}. They count once",
            plural(pl.col("count"), "log"),
            pl.col("pair_list").str.replace_all(" (1)", "", literal=True),
        ),
        confidence="certain",
    )


RULE = Rule(
    id="duplicate-source",
    title="The same log stands in the archive twice",
    level="informational",
    description="Files with the same content would count every request twice.",
    falsepositives=["none: the content is compared byte for byte by its hash"],
    references=["https://csrc.nist.gov/pubs/fips/180-4/upd1/final"],
    tags=["coverage"],
    query=_query,
    positives=[
        Example(
            title="a copy",
            sources=[{"source": "b.log", "duplicate_of": "a.log", "events": 5}],
        )
    ],
    negatives=[
        Example(title="one", sources=[{"source": "a.log", "events": 5}]),
        Example(
            title="empty files",
            sources=[{"source": "b.log", "duplicate_of": "a.log", "events": 0}],
        ),
    ],
)
