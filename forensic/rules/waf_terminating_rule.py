"""Rule: which WAF rule refused which requests, of whom, since when."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, report

#: Managed rules that often refuse honest users, and those that rarely do.
_OFTEN_WRONG = (
    r"^(SizeRestrictions_BODY|AdminProtection_URIPATH|HostingProviderIPList"
    r"|AnonymousIPList|AWSManagedReconnaissanceList|CategoryHttpLibrary"
    r"|CategoryMonitoring|SignalNonBrowserUserAgent|NoUserAgent_HEADER"
    r"|CrossSiteScripting_(BODY|COOKIE)|GenericRFI_(BODY|QUERYARGUMENTS))$"
)
_RARELY_WRONG = (
    r"^(Log4JRCE|JavaDeserializationRCE|ExploitablePaths_URIPATH|PROPFIND_METHOD"
    r"|Host_localhost_HEADER|WordPressExploitablePaths|ReactJSRCE)"
)
#: What the client gets where the record names no response code.
_DEFAULT_STATUS = {"BLOCK": 403, "CAPTCHA": 405, "CHALLENGE": 202, "MONETIZE": 402}
_KEYS = ["action", "rule_group", "rule", "rule_type"]


def _query(frames: Frames) -> pl.LazyFrame:
    action = pl.col("action").str.to_uppercase()
    default = action.replace_strict(
        _DEFAULT_STATUS, default=None, return_dtype=pl.Int16
    )
    ended = frames.telling.filter(
        pl.col("hop") == "waf",
        action.is_in(list(_DEFAULT_STATUS)),
        pl.col("rule").ne_missing(pl.lit("Default_Action")),
    ).with_columns(
        action=action,
        status=pl.coalesce("status", default),
        country=pl.coalesce(
            pl.col("extra").str.json_path_match("$.country"),
            pl.col("extra").str.json_path_match("$.httpRequest.country"),
        ),
    )
    tops = ["path", "client_ip", "country", "status"]
    return _describe(gather(frames, ended, _KEYS, tops=tops))


def _describe(groups: pl.LazyFrame) -> pl.LazyFrame:
    group = pl.col("rule_group")
    # Where the record does not say which rule of a group it was, the group stands in.
    inside = (
        pl.when(group == pl.col("rule"))
        .then(pl.lit(", a rule group,"))
        .when(group.is_not_null())
        .then(pl.format(" of {}", group))
    )
    country = pl.when(pl.col("country_count") > 0).then(
        pl.format(", country {}", "country_list")
    )
    rule = pl.col("rule")
    return report(
        groups,
        summary=pl.format(
            "{}{} ({}) ended {} of {}: path {}; client {}{}; status {}",
            rule.fill_null("An unnamed rule"),
            inside.otherwise(pl.lit("")),
            "action",
            plural(pl.col("count"), "request"),
            plural(pl.col("client_ip_count"), "client"),
            "path_list",
            "client_ip_list",
            country.otherwise(pl.lit("")),
            "status_list",
        ),
        level=pl.when(rule.str.contains(_OFTEN_WRONG))
        .then(pl.lit("high"))
        .when(rule.str.contains(_RARELY_WRONG))
        .then(pl.lit("low"))
        .otherwise(pl.lit("medium")),
        confidence="certain",
        ask_for=["the web ACL's rules and when they were last changed"],
    )


def _record(**columns: object) -> dict[str, object]:
    record: dict[str, object] = {
        "hop": "waf",
        "action": "BLOCK",
        "rule": "AdminProtection_URIPATH",
        "rule_group": "AWS#AWSManagedRulesAdminProtectionRuleSet",
        "rule_type": "MANAGED_RULE_GROUP",
        "path": "/app/admin",
        "client_ip": "203.0.113.9",
        "extra": '{"country":"JP"}',
    }
    return record | columns


RULE = Rule(
    id="waf-terminating-rule",
    title="A WAF rule refused requests",
    level="medium",
    description="Names the rule that ended the request, inside its group where it has "
    "one. An ordinary block has no response code in the record; the client got 403.",
    falsepositives=["The rule did its work: scanners and attacks are refused rightly"],
    references=[
        "https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html"
    ],
    tags=["waf"],
    hop="waf",
    needs=["waf"],
    query=_query,
    positives=[
        Example(title="managed rule", events=[_record()]),
        Example(
            title="captcha of an own rule",
            events=[
                _record(action="CAPTCHA", rule="bots", rule_group=None, status=405),
            ],
        ),
        Example(
            title="no extra, lower case", events=[_record(action="block", extra=None)]
        ),
    ],
    negatives=[
        Example(
            title="allowed",
            events=[_record(action="ALLOW", rule="Default_Action", rule_group=None)],
        ),
        Example(title="counted", events=[_record(action="COUNT")]),
    ],
)
