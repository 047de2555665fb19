"""Rule: the load balancer could not use a target's answer."""

import polars as pl

from forensic.complaints import answered, answers, balancer_record, said
from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return answers(frames, "load_balancer", ["target_connection_error", "bad_gateway"])


RULE = Rule(
    id="lb-target-connection",
    title="The connection between load balancer and target broke",
    level="high",
    description="The target refused, reset or cut the connection, or its answer was "
    "malformed: the load balancer answered 502 or 503 itself. Few and spread "
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
        by=["server", "upstream", "status"],
        tops=["path", "reason"],
        summary=pl.format(
            "{} answered {} with {} for {}{}{}",
            "server",
            plural(pl.col("count"), "request"),
            "status",
            pl.col("upstream").fill_null("its targets"),
            said("path"),
            pl.when(pl.col("reason_count") > 0)
            .then(pl.format("; reason {}", "reason_list"))
            .otherwise(pl.lit("")),
        ),
        ask_for=pl.concat_list(
            pl.format(
                "keep-alive time of the server at {}, and its restarts",
                pl.col("upstream").fill_null("the target's address"),
            )
        ),
    ),
    positives=[
        Example(
            title="reset",
            events=[balancer_record(status=502, upstream="10.0.1.23:80")],
            requests=[answered("target_connection_error")],
        ),
        Example(
            title="HAProxy's server refuses",
            events=[balancer_record(status=503, format="haproxy", reason="SC--")],
            requests=[answered("target_connection_error")],
        ),
    ],
    negatives=[
        Example(
            title="target said 502",
            events=[balancer_record(status=502, upstream_status=502)],
            requests=[answered("upstream_closed", hop="web_server")],
        ),
        Example(
            title="other",
            events=[balancer_record(status=504)],
            requests=[answered("target_timeout")],
        ),
        Example(
            title="a guess",
            events=[balancer_record(status=502)],
            requests=[answered("target_connection_error") | {"confidence": "weak"}],
        ),
    ],
)
