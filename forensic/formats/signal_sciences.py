"""Requests of Fastly's Next-Gen WAF (Signal Sciences), from its console, feed or API.

`agentResponseCode` is what the agent told the web server to do: 200 to let it pass, 406
or another one of the site's choice to block. The tags are the signals that it saw.
"""

import polars as pl

from forensic.fields.columns import dash_to_null, http_status, moments, seconds, target
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "stamp": "timestamp",
    "client_ip": "remoteIP",
    "method": "method",
    "host": "serverName",
    "server": "serverHostname",
    "path": "path",
    "uri": "uri",
    "scheme": "scheme",
    "protocol": "protocol",
    "status": "responseCode",
    "told": "agentResponseCode",
    "bytes_sent": "responseSize",
    "took": "responseMillis",
    "user_agent": "userAgent",
    "request_id": "id",
    "tags": "tags",
}
_KEPT = {"tags"}
_PLAIN = "client_ip user_agent request_id scheme".split()
#: Lets the request pass; of 0 and below the agent took no decision.
_PASSED = 200
#: Signals that say what was done, not why.
_DONE = r"^(?:BLOCKED|TAGGED|SITE-FLAGGED-IP)$"


def _signals() -> pl.Expr:
    """The types of a request's signals, those that only repeat the outcome last."""
    named = pl.col("tags").str.extract_all(r'"type":"[^"]+"')
    kinds = named.list.eval(pl.element().str.extract(r':"([^"]+)"'))
    return pl.concat_list(
        kinds.list.eval(pl.element().filter(~pl.element().str.contains(_DONE))),
        kinds.list.eval(pl.element().filter(pl.element().str.contains(_DONE))),
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the records."""
    rows = json_fields(lines, _KEYS, {"remoteIP", "agentResponseCode", "tags"}, _KEPT)
    stamps = moments(rows["stamp"])
    rows = rows.with_columns(stamps.select("local_time", "utc_offset"))
    address = target(pl.coalesce("uri", "path"))
    told = pl.col("told").cast(pl.Int64, strict=False)
    blocked = told > _PASSED
    signal = _signals().list.first()
    status = http_status(pl.col("status"))
    short = pl.when(pl.col("method").is_null() | stamps["local_time"].is_null()).then(
        pl.lit("JSON, but no request of the Next-Gen WAF")
    )
    return rows.select(
        *("extra", "flags", "method", "local_time", "utc_offset"),
        *(pl.when(pl.col(name) != "").then(name).alias(name) for name in _PLAIN),
        hostname=pl.when(pl.col("server") != "").then("server"),
        host=pl.col("host").str.replace(r":\d+$", ""),
        path=address["path"],
        query=address["query"],
        http_version=dash_to_null(pl.col("protocol")).str.strip_prefix("HTTP/"),
        status=pl.when(blocked)
        .then(told.cast(pl.Int16, strict=False))
        .otherwise(status),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        duration=seconds(pl.col("took"), 1e3),
        action=pl.when(blocked).then(pl.lit("BLOCK")).otherwise(pl.lit("ALLOW")),
        rule=pl.when(blocked).then(signal),
        labels=pl.when(_signals().list.len() > 0).then(_signals()),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="signal_sciences",
    title="Fastly Next-Gen WAF (Signal Sciences)",
    hop="waf",
    reference="https://www.fastly.com/documentation/signalsciences/api/",
    head=r'^\s*\{[\s\S]*"agentResponseCode"\s*:',
    parse=parse,
    json=True,
    narrow=True,
    paths=r"(?i)sigsci|signal-?sciences|ngwaf",
)
