"""Rule: managed rules that only count would refuse these requests."""

import polars as pl

from forensic.rule import Example, Frames, Rule, each, gather, plural, report

_FIELDS = ["group", "ruleId", "overriddenAction", "exclusionType"]
_KEYS = ["group", "ruleId"]
_SIGNS = ['"overriddenAction":"BLOCK"', '"EXCLUDED_AS_COUNT"']


def _query(frames: Frames) -> pl.LazyFrame:
    """Rules whose own action is to refuse, set to COUNT by who configured the ACL."""
    allowed = frames.of("waf").filter(
        pl.col("action") == "ALLOW",
        pl.any_horizontal(
            pl.col("extra").str.contains(sign, literal=True) for sign in _SIGNS
        ),
    )
    would = each(allowed, "counted", [*_FIELDS, "overridden_group"]).filter(
        (pl.col("overriddenAction") == "BLOCK")
        | (pl.col("exclusionType") == "EXCLUDED_AS_COUNT"),
        pl.col("overridden_group").is_null(),
    )
    return report(
        gather(frames, would, _KEYS, tops=["path", "client_ip"]),
        summary=pl.format(
            "{} of {} only counts; set to its own action it would refuse {} of {} "
            "that were let through. Path {}; client {}",
            "ruleId",
            pl.col("group").fill_null("the web ACL"),
            plural(pl.col("count"), "request"),
            plural(pl.col("client_ip_count"), "client"),
            "path_list",
            "client_ip_list",
        ),
        confidence="certain",
    )


def _record(action: str, counted: str) -> dict[str, object]:
    extra = f'{{"counted":[{counted}]}}'
    return {"hop": "waf", "action": action, "path": "/upload", "extra": extra}


_COUNTED = (
    '{"group":"AWS#AWSManagedRulesCommonRuleSet","ruleId":"SizeRestrictions_BODY",'
    '"action":"COUNT","overriddenAction":"BLOCK"}'
)
_EXCLUDED = '{"ruleId":"NoUserAgent_HEADER","exclusionType":"EXCLUDED_AS_COUNT"}'

RULE = Rule(
    id="waf-counted-rule",
    title="A rule set to COUNT would refuse requests that are let through",
    level="low",
    description="Shows whom the rule would hit before anybody sets it to refuse.",
    falsepositives=["The rule was set to COUNT for good because it is often wrong"],
    references=[
        "https://docs.aws.amazon.com/waf/latest/developerguide/web-acl-testing.html"
    ],
    tags=["waf"],
    hop="waf",
    needs=["waf"],
    signs=_SIGNS,
    query=_query,
    positives=[
        Example(title="overridden", events=[_record("ALLOW", _COUNTED)]),
        Example(title="excluded", events=[_record("ALLOW", _EXCLUDED)]),
    ],
    negatives=[
        Example(
            title="a counting rule of one's own",
            events=[_record("ALLOW", '{"ruleId":"watch","action":"COUNT"}')],
        ),
        Example(title="refused anyway", events=[_record("BLOCK", _COUNTED)]),
        Example(title="none", events=[_record("ALLOW", "")]),
    ],
)
