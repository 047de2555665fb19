"""open-appsec's security events (Check Point's CloudGuard WAF): one JSON object each.

`eventReferenceId` is the number that the blocking page shows to the user.
"""

import polars as pl

from forensic.fields.columns import http_status, moments, target
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "stamp": "eventTime",
    "level": "eventLogLevel",
    "source_ip": "eventData.sourceIP",
    "behind": "eventData.httpSourceId",
    "method": "eventData.httpMethod",
    "host": "eventData.httpHostName",
    "uri": "eventData.httpUriPath",
    "arguments": "eventData.httpUriQuery",
    "status": "eventData.httpResponseCode",
    "done": "eventData.securityAction",
    "rule": "eventData.ruleName",
    "rule_group": "eventData.practiceName",
    "rule_type": "eventData.practiceSubType",
    "reason": "eventData.waapIncidentType",
    "request_id": "eventData.eventReferenceId",
    "message": "eventName",
}
#: The marks of any rule and of an address that nobody forwarded.
_NONE = ["", "Any", "None"]
_PLAIN = "level method host rule rule_group rule_type reason request_id message".split()
_DONE = {"prevent": "BLOCK", "block": "BLOCK", "detect": "COUNT", "accept": "ALLOW"}


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of open-appsec's records."""
    marks = {"eventTime", "eventName", "eventData"}
    rows = json_fields(lines, _KEYS, marks, {"done", "message"})
    stamps = moments(rows["stamp"])
    address = target(pl.col("uri"))
    given = pl.when(pl.col("arguments") != "").then("arguments")
    done = pl.col("done").str.to_lowercase()
    # The agent's own events have no client.
    short = pl.when(pl.col("source_ip").is_null() | pl.col("done").is_null()).then(
        pl.lit("JSON, but no security event of open-appsec")
    )
    return rows.select(
        *("extra", "flags"),
        *(pl.when(~pl.col(n).is_in(_NONE)).then(n).alias(n) for n in _PLAIN),
        local_time=stamps["local_time"],
        # The agent writes UTC, and no zone behind it.
        utc_offset=pl.when(pl.lit(stamps["local_time"]).is_not_null()).then(
            pl.lit(stamps["utc_offset"]).fill_null(0)
        ),
        client_ip="source_ip",
        forwarded_for=pl.when(pl.col("behind") != pl.col("source_ip")).then("behind"),
        path=address["path"],
        query=pl.coalesce(address["query"], given),
        status=http_status(pl.col("status")),
        action=done.replace_strict(_DONE, default=None, return_dtype=pl.String),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="open_appsec",
    title="open-appsec security events",
    hop="waf",
    reference="https://docs.openappsec.io/references/events-logs-schema",
    head=r'^\s*\{[\s\S]*"eventData"\s*:\s*\{',
    parse=parse,
    json=True,
    paths=r"(?i)app-?sec|nano-http",
)
