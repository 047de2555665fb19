"""Rule: a hop that must exist left no log in the archive."""

import polars as pl

from forensic.rule import Example, Frames, Rule, hop_words, report, tally


def _query(frames: Frames) -> pl.LazyFrame:
    absent = frames.gaps.filter(pl.col("kind") == "absent").with_columns(
        pl.col("hop").cast(pl.String), first="start", last="end"
    )
    said = absent.group_by("hop").agg(
        asks=pl.col("ask_for").drop_nulls().unique().sort().head(5),
        details=pl.col("detail").drop_nulls().unique().sort().head(3).str.join(" "),
    )
    return report(
        tally(absent, ["hop"]).join(said, on="hop", nulls_equal=True),
        summary=pl.format(
            "The archive holds no log of the {}. {}",
            hop_words().fill_null("hop in front"),
            "details",
        ),
        confidence="strong",
        ask_for=pl.col("asks"),
    )


def _gap(kind: str) -> dict[str, object]:
    return {
        "hop": "load_balancer",
        "kind": kind,
        "detail": "every client of the web server is private",
        "ask_for": "access logs of the load balancer",
    }


RULE = Rule(
    id="evidence-absent",
    title="A hop without any log",
    level="medium",
    description="Other evidence shows that the hop exists; its own log is not there.",
    falsepositives=["The hop does not log"],
    references=["https://csrc.nist.gov/pubs/sp/800/92/final"],
    tags=["coverage"],
    query=_query,
    positives=[Example(title="no balancer log", gaps=[_gap("absent")])],
    negatives=[Example(title="a pause", gaps=[_gap("gap")])],
)
