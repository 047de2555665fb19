"""Rule: a listener rule answered."""

import polars as pl

from forensic.complaints import balancer_record
from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("hop") == "load_balancer",
        pl.col("action").str.ends_with("fixed-response"),
        pl.col("status") >= 400,
    )


RULE = Rule(
    id="lb-fixed-response",
    title="A listener rule of the load balancer answered with an error",
    level="medium",
    description="A fixed response is configured, for maintenance or as the default; "
    "no target was asked.",
    falsepositives=["Paths that are closed on purpose"],
    references=[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html"
    ],
    tags=["lb"],
    hop="load_balancer",
    needs=["load_balancer"],
    query=counting(
        _rows,
        by=["status", "rule"],
        tops=["path", "client_ip"],
        summary=pl.format(
            "A listener rule{} answered {} with a fixed {}: path {}; client {}",
            pl.when(pl.col("rule") == "0")
            .then(pl.lit(" (the default action)"))
            .otherwise(pl.format(" (priority {})", "rule"))
            .fill_null(""),
            plural(pl.col("count"), "request"),
            "status",
            "path_list",
            "client_ip_list",
        ),
        ask_for=["listener rules and when they last changed"],
    ),
    positives=[
        Example(
            title="maintenance",
            events=[balancer_record(status=503, action="waf,fixed-response")],
        )
    ],
    negatives=[
        Example(
            title="not an error",
            events=[balancer_record(status=200, action="fixed-response")],
        ),
        Example(
            title="forwarded", events=[balancer_record(status=503, action="forward")]
        ),
    ],
)
