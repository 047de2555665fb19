"""Rule: a WAF rule stops ordinary users, and what a rollback would free."""

import polars as pl

from forensic.hops import waf_false_positives
from forensic.rule import FINDING, Example, Frames, Rule, plural

#: Judgements that are worth a finding; the rest is a WAF that does its work.
_WORTH = {"likely": "high", "possible": "medium"}
_MOST = 20


def _query(frames: Frames) -> pl.LazyFrame:
    seen = frames.of("waf", "load_balancer", "web_server")
    judged = waf_false_positives(seen, frames.telling).lazy()
    worth = judged.filter(
        pl.col("verdict").is_in(list(_WORTH)), pl.col("reasons").list.len() > 0
    )
    place = pl.element().struct.with_fields(
        length=pl.lit(None, pl.Int64), time=pl.lit(None, pl.Datetime("us", "UTC"))
    )
    against = pl.col("counter_evidence").list.join("; ")
    return (
        worth.with_columns(
            summary=pl.format(
                "{}{} stopped {} of {} on {}: {} ordinary users ({}){}. {}",
                pl.col("rule").fill_null("An unnamed rule"),
                pl.format(" of {}", "rule_group").fill_null(""),
                plural(pl.col("blocked"), "request"),
                plural(pl.col("clients"), "client"),
                pl.col("path").fill_null("(path redacted)"),
                "verdict",
                pl.col("reasons").list.join("; "),
                pl.when(against != "")
                .then(pl.format(", though {}", against))
                .otherwise(pl.lit("")),
                "preview",
            ),
            count="blocked",
            level=pl.col("verdict").replace_strict(_WORTH, default=None),
            confidence=pl.when(pl.col("verdict") == "likely")
            .then(pl.lit("strong"))
            .otherwise(pl.lit("weak")),
            evidence=pl.col("evidence").list.eval(place),
            ask_for=pl.lit(
                ["the web ACL's rules and when they were last changed"],
                pl.List(pl.String),
            ),
        )
        .select(FINDING)
        .head(_MOST)
    )


def _record(action: str, path: str, client: str) -> dict[str, object]:
    stopped = action == "BLOCK"
    return {
        "hop": "waf",
        "action": action,
        "rule": "AdminProtection_URIPATH" if stopped else "Default_Action",
        "client_ip": client,
        "path": path,
    }


RULE = Rule(
    id="waf-false-positive",
    title="A WAF rule may stop ordinary users",
    level="high",
    description="Weighs what else the stopped clients did: served before or after, "
    "several of them on one path, against attack strings and scanners.",
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
            title="served otherwise",
            events=[
                _record("ALLOW", "/", "203.0.113.9"),
                _record("BLOCK", "/app/admin", "203.0.113.9"),
            ],
        ),
    ],
    negatives=[
        Example(
            title="an attack string",
            events=[_record("BLOCK", "/../../etc/passwd", "203.0.113.9")],
        ),
        Example(title="allowed", events=[_record("ALLOW", "/", "203.0.113.9")]),
    ],
)
