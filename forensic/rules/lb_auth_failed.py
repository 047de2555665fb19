"""Rule: the load balancer's login failed."""

import polars as pl

from forensic.complaints import amid, answered, answers, balancer_record, said
from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return answers(frames, "load_balancer", ["auth_failed"])


RULE = Rule(
    id="lb-auth-failed",
    title="Authentication at the load balancer failed",
    level="high",
    description="It asks for a login, or an authorization service, before any server: "
    "that said no (401, 403), or failed itself (500, 561).",
    falsepositives=["Users who leave the login open too long"],
    references=[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html"
    ],
    tags=["lb"],
    hop="load_balancer",
    needs=["load_balancer"],
    query=counting(
        _rows,
        by=["server", "status", "why"],
        tops=["path", "client_ip"],
        summary=pl.format(
            "The login at {} failed for {} with {} ({}){}",
            amid(),
            plural(pl.col("count"), "request"),
            "status",
            "why",
            said("path", "client_ip"),
        ),
        level=pl.when(pl.col("status") >= 500)
        .then(pl.lit("high"))
        .otherwise(pl.lit("medium")),
        ask_for=["logs of the identity provider"],
    ),
    positives=[
        Example(
            title="token endpoint",
            events=[balancer_record(status=500, reason="AuthTokenEpRequestTimeout")],
            requests=[answered("auth_failed")],
        ),
        Example(
            title="Envoy's authorization",
            events=[balancer_record(status=403, format="envoy", reason="UAEX")],
            requests=[answered("auth_failed")],
        ),
    ],
    negatives=[
        Example(
            title="target's own",
            events=[balancer_record(status=401, upstream_status=401)],
            requests=[answered("application_response", hop="application")],
        ),
        Example(title="fine", events=[balancer_record(status=200)]),
    ],
)
