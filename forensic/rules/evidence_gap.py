"""Rule: a log pauses, or lacks files, where its own rate says it should not."""

import polars as pl

from forensic.rule import Example, Frames, Rule, plural, report, tally


def _query(frames: Frames) -> pl.LazyFrame:
    holes = frames.gaps.filter(pl.col("kind") != "absent").with_columns(
        pl.col("hop").cast(pl.String), first="start", last="end"
    )
    asks = holes.group_by("kind", "hop").agg(
        asks=pl.col("ask_for").drop_nulls().unique().sort().head(5),
        expected=pl.col("expected").sum(),
    )
    keys = ["kind", "hop"]
    groups = tally(holes, keys, tops=["source", "detail"])
    return report(
        groups.join(asks, on=keys, nulls_equal=True),
        summary=pl.format(
            "{} in the evidence of {} ({}): {}. {}",
            plural(pl.col("count"), "hole"),
            pl.col("hop").fill_null("an unknown hop").str.replace("_", " "),
            pl.col("kind").str.replace_all("_", " "),
            "source_list",
            "detail_list",
        ),
        confidence="strong",
        ask_for=pl.col("asks"),
    )


def _gap(kind: str) -> dict[str, object]:
    return {
        "hop": "web_server",
        "source": "nginx/access.log",
        "kind": kind,
        "start": "2025-02-06T05:00:00+00:00",
        "end": "2025-02-06T05:30:00+00:00",
        "expected": 120.0,
        "detail": "30 minutes without a line",
        "ask_for": "nginx access log of that half hour",
    }


RULE = Rule(
    id="evidence-gap",
    title="Holes in the evidence",
    level="medium",
    description="Where a log has a hole, the absence of a record proves nothing.",
    falsepositives=["A service that had no traffic, or was stopped"],
    references=["https://csrc.nist.gov/pubs/sp/800/92/final"],
    tags=["coverage"],
    query=_query,
    positives=[
        Example(title="a pause", gaps=[_gap("gap")]),
        Example(title="a lost file", gaps=[_gap("rotation_hole")]),
    ],
    negatives=[Example(title="no such log at all", gaps=[_gap("absent")])],
)
