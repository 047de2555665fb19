"""Rule: a target did not answer the load balancer."""

import polars as pl

from forensic.complaints import answered, answers, balancer_record, said
from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    aws = pl.col("format").str.starts_with("aws_").fill_null(value=True)
    connecting = aws & pl.col("duration").is_between(9.5, 11.5)
    connecting |= pl.col("reason").str.contains(r"^sC").fill_null(value=False)
    return answers(frames, "load_balancer", ["target_timeout"]).with_columns(
        phase=pl.when(connecting)
        .then(pl.lit("while it waited for a connection"))
        .otherwise(pl.lit("while it waited for the answer"))
    )


RULE = Rule(
    id="lb-target-timeout",
    title="A target did not answer the load balancer in time",
    level="high",
    description="Either no connection was made in time (an ALB waits ten seconds: "
    "security group, network, backlog), or the target took the request and stayed "
    "silent.",
    falsepositives=["Requests that are meant to take longer than the idle timeout"],
    references=[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"
    ],
    tags=["lb"],
    hop="load_balancer",
    needs=["load_balancer"],
    query=counting(
        _rows,
        by=["server", "upstream", "phase"],
        tops=["path", "client_ip"],
        summary=pl.format(
            "{} gave up on {} for {}, {}{}",
            "server",
            pl.col("upstream").fill_null("a target"),
            plural(pl.col("count"), "request"),
            "phase",
            said("path", "client_ip"),
        ),
        ask_for=pl.concat_list(
            pl.format(
                "logs of {} for the minute before each of these",
                pl.col("upstream").fill_null("the target"),
            )
        ),
    ),
    positives=[
        Example(
            title="silent",
            events=[balancer_record(status=504, duration=60.0)],
            requests=[answered("target_timeout")],
        ),
        Example(
            title="no connection to a server of HAProxy",
            events=[balancer_record(status=503, format="haproxy", reason="sC--")],
            requests=[answered("target_timeout")],
        ),
    ],
    negatives=[
        Example(
            title="target said 504",
            events=[balancer_record(status=504, upstream_status=504)],
            requests=[answered("target_timeout", hop="web_server")],
        ),
        Example(
            title="the WAF says so",
            events=[balancer_record(status=504, action="waf")],
            requests=[answered("waf_rule", hop="waf")],
        ),
    ],
)
