"""Rule: the load balancer refused requests itself."""

import polars as pl

from forensic.complaints import answered, answers, balancer_record
from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return answers(frames, "load_balancer", ["bad_request", "body_too_large"])


RULE = Rule(
    id="lb-refused",
    title="The load balancer refused requests by its own checks",
    level="medium",
    description="Malformed, too long, too slow or of a wrong protocol: 400, 405, 408,"
    " 413, 414, 463, 464, 501 or 505 without a target.",
    falsepositives=["Scanners"],
    references=[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"
    ],
    tags=["lb"],
    hop="load_balancer",
    needs=["load_balancer"],
    query=counting(
        _rows,
        by=["server", "status"],
        tops=["client_ip", "path", "reason", "user_agent"],
        summary=pl.format(
            "{} answered {} with {} itself: client {}; path {}; reason {}; agent {}",
            "server",
            plural(pl.col("count"), "request"),
            "status",
            "client_ip_list",
            "path_list",
            "reason_list",
            "user_agent_list",
        ),
    ),
    positives=[
        Example(
            title="malformed",
            events=[balancer_record(status=400)],
            requests=[answered("bad_request")],
        ),
        Example(
            title="too many proxies",
            events=[balancer_record(status=463)],
            requests=[answered("bad_request")],
        ),
    ],
    negatives=[
        Example(
            title="by the target",
            events=[balancer_record(status=400, upstream_status=400)],
            requests=[answered("application_response", hop="application")],
        ),
        Example(
            title="captcha of the WAF",
            events=[balancer_record(status=405, action="waf")],
            requests=[answered("waf_rule", hop="waf")],
        ),
    ],
)
