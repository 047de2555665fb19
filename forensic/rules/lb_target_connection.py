"""Rule: the load balancer could not use a target's answer."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("hop") == "load_balancer",
        pl.col("upstream_status").is_null(),
        pl.col("status") == 502,
        ~pl.col("action").fill_null("").str.contains(r"(waf|fixed-response|redirect)$"),
        ~pl.col("reason").fill_null("").str.starts_with("Lambda"),
    )


def _line(**columns: object) -> dict[str, object]:
    line: dict[str, object] = {"hop": "load_balancer", "status": 200, "path": "/shop"}
    return line | columns


RULE = Rule(
    id="lb-target-connection",
    title="The connection between load balancer and target broke",
    level="high",
    description="The target refused, reset or cut the connection, or its answer was "
    "malformed: the load balancer answered 502 itself. Few and spread "
    "out: the target closes idle connections sooner than the load "
    "balancer. In bursts: a restart or crash.",
    falsepositives=["A restart of a target"],
    references=[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"
    ],
    tags=["lb"],
    hop="load_balancer",
    needs=["load_balancer"],
    query=counting(
        _rows,
        by=["upstream"],
        tops=["path", "reason"],
        summary=pl.format(
            "The load balancer answered {} with 502 for {}: path {}; reason {}",
            plural(pl.col("count"), "request"),
            pl.col("upstream").fill_null("its targets"),
            "path_list",
            "reason_list",
        ),
        ask_for=["keep-alive time of the target's server and its restarts"],
    ),
    positives=[
        Example(title="reset", events=[_line(status=502, upstream="10.0.1.23:80")])
    ],
    negatives=[
        Example(
            title="target said 502", events=[_line(status=502, upstream_status=502)]
        ),
        Example(title="other", events=[_line(status=504)]),
        Example(title="the WAF says so", events=[_line(status=502, action="waf")]),
    ],
)
