"""Rule: a target did not answer the load balancer."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("hop") == "load_balancer",
        pl.col("upstream_status").is_null(),
        pl.col("status") == 504,
        ~pl.col("action").fill_null("").str.contains(r"(waf|fixed-response|redirect)$"),
    ).with_columns(
        phase=pl.when(pl.col("duration").is_between(9.5, 11.5))
        .then(pl.lit("after the 10 s for a connection"))
        .otherwise(pl.lit("while it waited for the answer"))
    )


def _line(**columns: object) -> dict[str, object]:
    line: dict[str, object] = {"hop": "load_balancer", "status": 200, "path": "/shop"}
    return line | columns


RULE = Rule(
    id="lb-target-timeout",
    title="A target did not answer the load balancer in time",
    level="high",
    description="About ten seconds: the connection was never made (security group, "
    "network, backlog). The idle timeout, sixty by default: the target "
    "took the request and stayed silent.",
    falsepositives=["Requests that are meant to take longer than the idle timeout"],
    references=[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"
    ],
    tags=["lb"],
    hop="load_balancer",
    needs=["load_balancer"],
    query=counting(
        _rows,
        by=["upstream", "phase"],
        tops=["path", "client_ip"],
        summary=pl.format(
            "The load balancer gave up on {} for {}, {}: path {}; client {}",
            pl.col("upstream").fill_null("a target"),
            plural(pl.col("count"), "request"),
            "phase",
            "path_list",
            "client_ip_list",
        ),
        ask_for=["logs of that target for the minute before each of these"],
    ),
    positives=[
        Example(title="silent", events=[_line(status=504, duration=60.0)]),
        Example(title="no connection", events=[_line(status=504, duration=10.01)]),
    ],
    negatives=[
        Example(
            title="target said 504", events=[_line(status=504, upstream_status=504)]
        ),
        Example(title="the WAF says so", events=[_line(status=504, action="waf")]),
    ],
)
