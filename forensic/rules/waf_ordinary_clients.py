"""Rule: mostly allowed clients are refused by one rule; what a change frees."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, report

#: A client is ordinary if it was allowed this often for each refusal, or more.
_ALLOWED_PER_REFUSAL = 3
_KEYS = ["rule_group", "rule"]
_STOPPED = ["BLOCK", "CAPTCHA", "CHALLENGE"]


def _query(frames: Frames) -> pl.LazyFrame:
    """Refusals of clients that no other rule refused and that mostly are allowed."""
    records = frames.events.filter(
        pl.col("hop") == "waf", pl.col("client_ip").is_not_null()
    )
    stopped = pl.col("action").is_in(_STOPPED)
    refused = records.filter(stopped, pl.col("rule") != "Default_Action")
    clients = records.group_by("client_ip").agg(
        allowed=(pl.col("action") == "ALLOW").sum().cast(pl.Int64),
        stopped=stopped.sum().cast(pl.Int64),
    )
    only = refused.group_by("client_ip").agg(rules=pl.struct(_KEYS).n_unique())
    ordinary = (
        clients.filter(
            pl.col("stopped") > 0,
            pl.col("allowed") >= _ALLOWED_PER_REFUSAL * pl.col("stopped"),
        )
        .join(only.filter(pl.col("rules") == 1), on="client_ip")
        .select("client_ip", "allowed")
    )
    hit = refused.join(ordinary, on="client_ip")
    all_of = refused.group_by(_KEYS).agg(refusals=pl.len())
    groups = gather(frames, hit, _KEYS, tops=["path", "client_ip"])
    return _describe(groups.join(all_of, on=_KEYS, how="left", nulls_equal=True))


def _describe(groups: pl.LazyFrame) -> pl.LazyFrame:
    others = pl.col("refusals") - pl.col("count")
    return report(
        groups,
        summary=pl.format(
            "{} refused {} of {} that are allowed otherwise and that no other rule "
            "stops: likely honest users. On path {}; client {}. If the rule only "
            "counted there, these would pass, and up to {} of other clients with them",
            "rule",
            plural(pl.col("count"), "request"),
            plural(pl.col("client_ip_count"), "client"),
            "path_list",
            "client_ip_list",
            plural(others, "request"),
        ),
        confidence=pl.when(pl.col("client_ip_count") > 1)
        .then(pl.lit("strong"))
        .otherwise(pl.lit("weak")),
        ask_for=["application logs of these clients' sessions before the refusal"],
    )


def _records(
    *actions: str, rule: str = "AdminProtection_URIPATH"
) -> list[dict[str, object]]:
    return [
        {
            "hop": "waf",
            "action": action,
            "rule": rule if action == "BLOCK" else "Default_Action",
            "client_ip": "203.0.113.9",
            "path": "/app/admin" if action == "BLOCK" else "/",
        }
        for action in actions
    ]


RULE = Rule(
    id="waf-ordinary-clients",
    title="A WAF rule refuses clients that are otherwise allowed",
    level="high",
    description="The signs of a false positive: a client that passes most of the time, "
    "is refused by one rule only, and mostly on the same path.",
    falsepositives=[
        "An attacker who browses like a user before the attack",
        "Many users behind one address, one of whom attacks",
    ],
    references=[
        "https://docs.aws.amazon.com/waf/latest/developerguide/web-acl-testing.html"
    ],
    tags=["waf", "false-positive"],
    hop="waf",
    needs=["waf"],
    query=_query,
    positives=[
        Example(
            title="mostly allowed", events=_records("ALLOW", "ALLOW", "BLOCK", "ALLOW")
        ),
    ],
    negatives=[
        Example(title="never allowed", events=_records("BLOCK", "BLOCK")),
        Example(title="mostly refused", events=_records("ALLOW", "BLOCK", "BLOCK")),
        Example(
            title="several rules",
            events=_records(*["ALLOW"] * 9, "BLOCK")
            + _records("BLOCK", rule="SQLi_BODY"),
        ),
    ],
)
