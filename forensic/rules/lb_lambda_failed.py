"""Rule: a Lambda target failed."""

import polars as pl

from forensic.complaints import balancer_record
from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("hop") == "load_balancer", pl.col("reason").str.starts_with("Lambda")
    )


RULE = Rule(
    id="lb-lambda-failed",
    title="A Lambda target failed",
    level="high",
    description="The load balancer called a function instead of a server, and could "
    "not use the outcome.",
    falsepositives=["none is known"],
    references=[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"
    ],
    tags=["lb"],
    hop="load_balancer",
    needs=["load_balancer"],
    query=counting(
        _rows,
        by=["reason", "status"],
        tops=["path"],
        summary=pl.format(
            "Lambda failed for {} with {} ({}): path {}",
            plural(pl.col("count"), "request"),
            pl.col("status").cast(pl.String).fill_null("no status"),
            "reason",
            "path_list",
        ),
        ask_for=["logs of the function"],
    ),
    positives=[
        Example(
            title="throttled",
            events=[balancer_record(status=502, reason="LambdaThrottling")],
        )
    ],
    negatives=[
        Example(
            title="login",
            events=[balancer_record(status=500, reason="AuthInvalidCookie")],
        )
    ],
)
