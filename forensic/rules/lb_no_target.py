"""Rule: the load balancer had nobody to ask."""

import polars as pl

from forensic.complaints import answered, answers, balancer_record, said
from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return answers(frames, "load_balancer", ["no_target"]).with_columns(
        group=pl.col("extra")
        .str.json_path_match("$.target_group_arn")
        .str.extract(r"targetgroup/([^/]+)")
    )


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
        by=["server", "group", "status"],
        tops=["path", "client_ip"],
        summary=pl.format(
            "{} answered {} with {}, no target in {}{}",
            "server",
            plural(pl.col("count"), "request"),
            "status",
            pl.col("group").fill_null("its group of servers"),
            said("path", "client_ip"),
        ),
        ask_for=["health checks of its servers, and when they came and went"],
    ),
    positives=[
        Example(
            title="no target",
            events=[balancer_record(status=503)],
            requests=[answered("no_target")],
        ),
        Example(
            title="no healthy one",
            events=[balancer_record(status=503, format="envoy", reason="UH")],
            requests=[answered("no_target")],
        ),
    ],
    negatives=[
        Example(
            title="target answered",
            events=[
                balancer_record(
                    status=503, upstream_status=503, upstream="10.0.1.23:80"
                )
            ],
            requests=[answered("application_response", hop="application")],
        ),
        Example(
            title="a circuit breaker",
            events=[balancer_record(status=503, format="envoy", reason="UO")],
            requests=[answered("rate_limited")],
        ),
        Example(title="fine", events=[balancer_record(status=200)]),
    ],
)
