"""Azure's firewall records, of Application Gateway and of Front Door: JSON.

One request has a record for every rule that matched; the one that ended it says so in
`action`. The others keep their word in `reason`.
"""

import polars as pl

from forensic.fields.columns import moments, target, without_port
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "stamp": "time timeStamp timestamp",
    "client": "properties.clientIP properties.clientIp",
    "uri": "properties.requestUri",
    "action": "properties.action",
    "rule": "properties.ruleName properties.ruleId",
    "rule_group": "properties.policy properties.policyScopeName",
    "rule_type": "properties.ruleSetType",
    "host": "properties.host properties.hostname",
    "request_id": "properties.transactionId properties.trackingReference",
    "message": "properties.message properties.details.msg",
}
_PLAIN = "rule rule_group rule_type host request_id message".split()
#: Azure's words for what ended a request ▶ those of the other firewalls.
_ENDED = {
    "blocked": "BLOCK",
    "block": "BLOCK",
    "jschallengeissued": "CHALLENGE",
    "jschallengeblock": "BLOCK",
    "jschallenge": "CHALLENGE",
    "captchaissued": "CAPTCHA",
    "captcha": "CAPTCHA",
    "allowed": "ALLOW",
    "allow": "ALLOW",
}


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of firewall records."""
    rows = json_fields(
        lines, _KEYS, {"category", "properties"}, _KEYS.keys() - {"stamp"}
    )
    stamps = moments(rows["stamp"])
    address = target(pl.col("uri"))
    word = pl.col("action").str.to_lowercase().str.replace_all(r"[^a-z]", "")
    ended = word.replace_strict(_ENDED, default=None, return_dtype=pl.String)
    short = pl.when(pl.col("action").is_null() | pl.col("rule").is_null()).then(
        pl.lit("JSON, but no firewall record")
    )
    return rows.select(
        *("extra", "flags"),
        *(pl.when(pl.col(name) != "").then(name).alias(name) for name in _PLAIN),
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        client_ip=without_port(pl.col("client")),
        path=address["path"],
        query=address["query"],
        action=ended,
        reason=pl.when(ended.is_null()).then("action"),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="azure_waf",
    title="Azure firewall log",
    hop="waf",
    reference="https://learn.microsoft.com/azure/web-application-firewall/ag/web-application-firewall-logs",
    head=r'^\s*\{(?:[\s\S]*"properties"\s*:\s*\{)[\s\S]*"(?:ruleId|ruleName)"\s*:',
    parse=parse,
    json=True,
    paths=r"(?i)firewall|azure",
)
