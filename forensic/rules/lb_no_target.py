"""Rule: the load balancer had nobody to ask."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, plural

#: Of these a 503 without a server says enough; others make it for many reasons, and
#: tell which.
_PLAIN = pl.col("format").is_null() | pl.col("format").str.contains(
    r"^(?:aws_|haproxy$|traefik$)"
)
_TOLD = (
    r"(?:^|,)(?:UH|LH)(?:,|$)|^no_healthy_upstream|UPSTREAM_NO_LIVE"
    r"|^failed_to_pick_backend"
)


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("hop") == "load_balancer",
        pl.col("upstream_status").is_null(),
        pl.col("upstream").is_null(),
        pl.col("status") == 503,
        ~pl.col("action").fill_null("").str.contains(r"(waf|fixed-response|redirect)$"),
        _PLAIN | pl.col("reason").str.contains(_TOLD).fill_null(value=False),
    ).with_columns(
        group=pl.col("extra")
        .str.json_path_match("$.target_group_arn")
        .str.extract(r"targetgroup/([^/]+)")
    )


def _line(**columns: object) -> dict[str, object]:
    line: dict[str, object] = {"hop": "load_balancer", "status": 200, "path": "/shop"}
    return line | columns


RULE = Rule(
    id="lb-no-target",
    title="The load balancer had no usable target",
    level="high",
    description="No target was registered or healthy, so the load balancer answered "
    "503 itself.",
    falsepositives=["A planned change of all targets"],
    references=[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"
    ],
    tags=["lb"],
    hop="load_balancer",
    needs=["load_balancer"],
    query=counting(
        _rows,
        by=["group"],
        tops=["path", "client_ip"],
        summary=pl.format(
            "The load balancer answered {} with 503, no target in {}: path {}; client"
            " {}",
            plural(pl.col("count"), "request"),
            pl.col("group").fill_null("its target group"),
            "path_list",
            "client_ip_list",
        ),
        ask_for=["health check log and registration history of the target group"],
    ),
    positives=[
        Example(title="no target", events=[_line(status=503)]),
        Example(
            title="no healthy one",
            events=[_line(status=503, format="envoy", reason="UH")],
        ),
    ],
    negatives=[
        Example(
            title="target answered",
            events=[_line(status=503, upstream_status=503, upstream="10.0.1.23:80")],
        ),
        Example(
            title="a circuit breaker",
            events=[_line(status=503, format="envoy", reason="UO")],
        ),
        Example(title="fine", events=[_line(status=200)]),
        Example(
            title="a listener rule says so",
            events=[_line(status=503, action="waf,fixed-response")],
        ),
        Example(title="the WAF says so", events=[_line(status=503, action="waf")]),
    ],
)
