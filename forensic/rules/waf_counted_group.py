"""Rule: a whole rule group is overridden to COUNT, so its refusals did nothing."""

import polars as pl

from forensic.rule import Example, Frames, Rule, each, gather, plural, report

_KEYS = ["group", "ruleId"]
_SIGN = '"overridden_group"'


def _query(frames: Frames) -> pl.LazyFrame:
    allowed = frames.of("waf").filter(
        pl.col("action") == "ALLOW",
        pl.col("extra").str.contains(_SIGN, literal=True),
    )
    fields = [*_KEYS, "action", "overridden_group"]
    ended = each(allowed, "counted", fields).filter(
        pl.col("overridden_group").is_not_null(), pl.col("action") == "BLOCK"
    )
    return report(
        gather(frames, ended, _KEYS, tops=["path", "client_ip"]),
        summary=pl.format(
            "{} of {} says BLOCK for {} of {} that were allowed all the same: the "
            "whole group is overridden to COUNT. Path {}; client {}",
            "ruleId",
            "group",
            plural(pl.col("count"), "request"),
            plural(pl.col("client_ip_count"), "client"),
            "path_list",
            "client_ip_list",
        ),
        confidence="strong",
        ask_for=["the override action of that rule group in the web ACL"],
    )


def _record(action: str, counted: str) -> dict[str, object]:
    extra = f'{{"counted":[{counted}]}}'
    return {"hop": "waf", "action": action, "path": "/app/admin", "extra": extra}


_BLOCK = (
    '{"group":"AWS#AWSManagedRulesAdminProtectionRuleSet","action":"BLOCK",'
    '"ruleId":"AdminProtection_URIPATH","overridden_group":true}'
)

RULE = Rule(
    id="waf-counted-group",
    title="A rule group's refusals are overridden to COUNT",
    level="low",
    description="The group shows a terminating rule although the request was allowed; "
    "whoever reads the record quickly takes it for the cause.",
    falsepositives=["The group is being tested before it is put in force"],
    references=[
        "https://docs.aws.amazon.com/waf/latest/developerguide/web-acl-rule-group-override-options.html"
    ],
    tags=["waf"],
    hop="waf",
    needs=["waf"],
    signs=[_SIGN],
    query=_query,
    positives=[Example(title="overridden", events=[_record("ALLOW", _BLOCK)])],
    negatives=[
        Example(title="refused", events=[_record("BLOCK", _BLOCK)]),
        Example(
            title="one rule counts",
            events=[
                _record(
                    "ALLOW",
                    '{"group":"g","ruleId":"r","action":"COUNT",'
                    '"overriddenAction":"BLOCK"}',
                )
            ],
        ),
    ],
)
