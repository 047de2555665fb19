"""Rule: an own rule refused what a counted managed rule had only labelled."""

import polars as pl

from forensic.rule import Example, Frames, Rule, each, gather, plural, report

_KEYS = ["rule", "group", "ruleId"]


def _query(frames: Frames) -> pl.LazyFrame:
    """Refusals by an own rule of requests that carry the label of a counted rule."""
    refused = frames.telling.filter(
        pl.col("hop") == "waf",
        pl.col("action").is_in(["BLOCK", "CAPTCHA", "CHALLENGE"]),
        pl.col("rule_type") == "REGULAR",
        pl.col("rule").ne_missing(pl.lit("Default_Action")),
    )
    name = pl.col("ruleId").str.to_lowercase()
    labelled = pl.col("labels").list.join("\n").str.to_lowercase()
    keys = ["group", "ruleId", "overriddenAction", "overridden_group"]
    chained = each(refused, "counted", keys).filter(
        pl.any_horizontal(pl.col(keys[2:]).is_not_null()),
        labelled.str.contains(pl.concat_str(pl.lit(":"), name), literal=True),
    )
    return report(
        gather(frames, chained, _KEYS, tops=["path", "client_ip"]),
        summary=pl.format(
            "{} ended {} that {} of {} had counted and labelled: the own rule acts on "
            "the managed rule's label, so the managed rule is the real reason. "
            "Path {}; client {}",
            pl.col("rule").fill_null("An unnamed rule"),
            plural(pl.col("count"), "request"),
            "ruleId",
            pl.col("group").fill_null("the web ACL"),
            "path_list",
            "client_ip_list",
        ),
        ask_for=["the statement of that rule in the web ACL"],
    )


_GROUP = (
    '{"counted":[{"group":"AWS#AWSManagedRulesCommonRuleSet","ruleId":'
    '"NoUserAgent_HEADER","action":"BLOCK","overridden_group":true}]}'
)


def _record(**columns: object) -> dict[str, object]:
    record: dict[str, object] = {
        "hop": "waf",
        "action": "BLOCK",
        "rule": "block-labelled",
        "rule_type": "REGULAR",
        "path": "/app",
        "labels": ["awswaf:managed:aws:core-rule-set:NoUserAgent_Header"],
        "extra": '{"counted":[{"group":"AWS#AWSManagedRulesCommonRuleSet",'
        '"ruleId":"NoUserAgent_HEADER","action":"COUNT","overriddenAction":"BLOCK"}]}',
    }
    return record | columns


RULE = Rule(
    id="waf-label-chain",
    title="An own WAF rule acts on the label of a counted managed rule",
    level="medium",
    description="The record names the own rule; what it objected to was decided by the "
    "managed rule that set the label.",
    falsepositives=["The own rule refused for another reason; the label is incidental"],
    references=[
        "https://docs.aws.amazon.com/waf/latest/developerguide/waf-labels.html"
    ],
    tags=["waf"],
    hop="waf",
    needs=["waf"],
    query=_query,
    positives=[
        Example(title="label and count", events=[_record()]),
        Example(title="the whole group counts", events=[_record(extra=_GROUP)]),
    ],
    negatives=[
        Example(title="no label", events=[_record(labels=[])]),
        Example(title="allowed", events=[_record(action="ALLOW")]),
        Example(title="nothing counted", events=[_record(extra=None)]),
    ],
)
