"""Rule: a log pauses, or lacks files, where its own rate says it should not."""

import polars as pl

from forensic.rule import (
    Example,
    Frames,
    Rule,
    asked_at,
    hop_words,
    plural,
    report,
    tally,
)
from forensic.schema import EVENT

#: A pause in a log that says little anyway (an error log, say) is no hole: so many
#: lines must the log have, and so many must its rate give for the pause.
_LINES = 200
_ENOUGH = 20


def _query(frames: Frames) -> pl.LazyFrame:
    """Holes in which the log's own rate gives more than a few lines."""
    moment = asked_at(frames.question)
    size = frames.sources.select("source", size="events")
    talks = pl.col("size").fill_null(_LINES) >= _LINES
    sized = frames.gaps.join(size, on="source", how="left")
    holes = sized.filter(
        pl.col("kind") != "absent",
        (pl.col("kind") != "gap") | (pl.col("expected") >= _ENOUGH) & talks,
    ).with_columns(pl.col("hop").cast(pl.String), first="start", last="end")
    asks = holes.group_by("kind", "hop").agg(
        asks=pl.col("ask_for").drop_nulls().unique().sort().head(5),
        asked=pl.lit(moment, EVENT["time"]).is_between("start", "end").any(),
        details=pl.col("detail").drop_nulls().unique().sort().head(3).str.join(" "),
    )
    keys = ["kind", "hop"]
    groups = tally(holes, keys, tops=["source"])
    return report(
        groups.join(asks, on=keys, nulls_equal=True),
        summary=pl.format(
            "{} in the evidence of {} ({}): {}. {}",
            plural(pl.col("count"), "hole"),
            hop_words().fill_null("an unknown hop"),
            pl.col("kind").str.replace_all("_", " "),
            "source_list",
            "details",
        ),
        level=pl.when("asked")
        .then(pl.lit("high"))
        .when(pl.col("kind") == "gap")
        .then(pl.lit("low"))
        .otherwise(pl.lit("medium")),
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
        Example(
            title="at the moment in question",
            gaps=[_gap("gap")],
            question={"at": "2025-02-06T05:10:00+00:00"},
        ),
        Example(title="a lost file", gaps=[_gap("rotation_hole")]),
    ],
    negatives=[
        Example(title="no such log at all", gaps=[_gap("absent")]),
        Example(title="a few lines missing", gaps=[_gap("gap") | {"expected": 3.0}]),
        Example(
            title="an error log with a burst",
            gaps=[_gap("gap")],
            sources=[{"source": "nginx/access.log", "events": 11}],
        ),
    ],
)
