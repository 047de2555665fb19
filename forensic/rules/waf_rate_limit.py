"""Rule: rate-based rules, whom they stop, and whether the key is a proxy's address."""

import polars as pl

from forensic.rule import Example, Frames, Rule, each, gather, plural, report

_FIELDS = ["rateBasedRuleName", "limitKey", "maxRateAllowed", "evaluationWindowSec"]


def _query(frames: Frames) -> pl.LazyFrame:
    """One row a rate rule; a private or INVALID key stands for many users."""
    stopped = frames.telling.filter(
        pl.col("hop") == "waf",
        pl.col("rule_type") == "RATE_BASED",
        pl.col("action") != "ALLOW",
    )
    limited = each(stopped, "rateBasedRuleList", [*_FIELDS, "limitValue"])
    keys = ["rule", *_FIELDS[1:]]
    ours = limited.filter(pl.col("rateBasedRuleName").fill_null("") == pl.col("rule"))
    groups = gather(frames, ours, keys, tops=["limitValue", "path"])
    shared = ours.group_by(keys).agg(
        shared=(
            (pl.col("limitKey") == "IP")
            & pl.col("client_scope").is_in(["private", "shared"])
            | (pl.col("limitValue") == "INVALID")
        ).sum()
    )
    joined = groups.join(shared, on=keys, how="left", nulls_equal=True)
    trap = pl.when(pl.col("shared") > 0).then(
        pl.lit(" The key is a proxy's address, so all users behind it are stopped.")
    )
    return report(
        joined,
        summary=pl.format(
            "Rate rule {} stopped {} (key {}, {} per {} s); key values {}; path {}.{}",
            "rule",
            plural(pl.col("count"), "request"),
            pl.col("limitKey").fill_null("unknown"),
            pl.col("maxRateAllowed").fill_null("?"),
            pl.col("evaluationWindowSec").fill_null("?"),
            "limitValue_list",
            "path_list",
            trap.otherwise(pl.lit("")),
        ),
        level=pl.when(pl.col("shared") > 0)
        .then(pl.lit("high"))
        .otherwise(pl.lit("medium")),
        confidence="certain",
    )


def _record(key: str, value: str, scope: str = "public") -> dict[str, object]:
    return {
        "hop": "waf",
        "action": "BLOCK",
        "rule": "flood",
        "rule_type": "RATE_BASED",
        "client_scope": scope,
        "path": "/login",
        "extra": '{"rateBasedRuleList":[{"rateBasedRuleName":"flood",'
        f'"limitKey":"{key}","limitValue":"{value}","maxRateAllowed":100}}]}}',
    }


RULE = Rule(
    id="waf-rate-limit",
    title="A rate-based WAF rule stopped clients",
    level="medium",
    description="Shows the rate rule, its key and its limit. Where the key is the "
    "address of a load balancer or CDN, one busy user stops everybody.",
    falsepositives=["A flood that the rule is there to stop"],
    references=[
        "https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-rate-based.html"
    ],
    tags=["waf"],
    hop="waf",
    needs=["waf"],
    query=_query,
    positives=[
        Example(title="one client", events=[_record("IP", "203.0.113.9")]),
        Example(title="a proxy", events=[_record("IP", "10.0.1.5", "private")]),
        Example(title="no header", events=[_record("FORWARDED_IP", "INVALID")]),
    ],
    negatives=[
        Example(
            title="another type",
            events=[_record("IP", "203.0.113.9") | {"rule_type": "REGULAR"}],
        ),
        Example(
            title="allowed", events=[_record("IP", "203.0.113.9") | {"action": "ALLOW"}]
        ),
    ],
)
