"""Rule: the load balancer could not reach the WAF."""

import polars as pl

from forensic.complaints import balancer_record
from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("hop") == "load_balancer",
        pl.col("action").str.contains("waf-failed", literal=True)
        # WAFServiceError and its kin; API Gateway's WAF_FILTERED is a refusal.
        | pl.col("reason").str.contains(r"^WAF[A-Z]"),
    )


RULE = Rule(
    id="lb-waf-unavailable",
    title="The load balancer could not consult the WAF",
    level="high",
    description="It answers 500 then, or lets the request pass unchecked where it is "
    "set to fail open.",
    falsepositives=["none is known"],
    references=[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"
    ],
    tags=["lb"],
    hop="load_balancer",
    needs=["load_balancer"],
    query=counting(
        _rows,
        by=["status", "reason"],
        tops=["path"],
        summary=pl.format(
            "The load balancer could not consult the WAF for {}, status {} ({}): path"
            " {}",
            plural(pl.col("count"), "request"),
            pl.col("status").cast(pl.String).fill_null("none"),
            pl.col("reason").fill_null("no reason logged"),
            "path_list",
        ),
        ask_for=["the provider's status page for that time"],
    ),
    positives=[
        Example(
            title="timeout",
            events=[
                balancer_record(
                    status=500, action="waf-failed", reason="WAFConnectionTimeout"
                )
            ],
        )
    ],
    negatives=[
        Example(title="refused", events=[balancer_record(status=403, action="waf")]),
        Example(
            title="refused at an API gateway",
            events=[balancer_record(status=403, reason="WAF_FILTERED")],
        ),
        Example(title="fine", events=[balancer_record(action="waf,forward")]),
    ],
)
