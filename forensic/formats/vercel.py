"""Vercel's log drain: one JSON object a message, with the request in `proxy`.

`source` says what made the answer: a function (`lambda`, `edge`), a file, a redirect,
another origin, or the firewall.
"""

import polars as pl

from forensic.fields.columns import http_status, json_extra, target
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "counted": "proxy.timestamp timestamp",
    "source": "source",
    "level": "level",
    "message": "message",
    "method": "proxy.method",
    "url": "proxy.path path",
    "host": "proxy.host host",
    "status": "proxy.statusCode statusCode",
    "made": "statusCode",
    "client": "proxy.clientIp",
    "agents": "proxy.userAgent",
    "referrer": "proxy.referer",
    "scheme": "proxy.scheme",
    "bytes_sent": "proxy.responseByteSize",
    "action": "proxy.wafAction",
    "rule": "proxy.wafRuleId",
    "cache": "proxy.vercelCache",
    "region": "proxy.region",
    "request_id": "requestId",
    "trace_id": "traceId",
    "entrypoint": "entrypoint",
}
#: Sources whose answer is not Vercel's own.
_ASKED = ["lambda", "edge", "external"]
_BROKEN = r"(Task timed out after [0-9.]+ seconds|[A-Z]+(?:_[A-Z]+)*_INVOCATION_[A-Z]+)"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Vercel's records."""
    rows = json_fields(
        lines, _KEYS, {"deploymentId", "source", "timestamp"}, {"source"}
    )
    counted = pl.col("counted").cast(pl.Int64, strict=False)
    moment = pl.from_epoch(counted, time_unit="ms").cast(pl.Datetime("us"))
    url = target(pl.col("url"))
    broken = pl.col("message").str.extract(_BROKEN)
    passed = pl.col("source").is_in(_ASKED) & broken.is_null()
    # What a build prints is no answer to anybody.
    answered = pl.col("method").is_not_null()
    return rows.select(
        *("flags", "method", "host", "scheme", "request_id", "trace_id", "rule"),
        *(
            pl.when(pl.col(name) != "").then(name).alias(name)
            for name in ("referrer", "action")
        ),
        local_time=moment,
        utc_offset=pl.when(moment.is_not_null()).then(pl.lit(0, pl.Int32)),
        level="level",
        client_ip="client",
        path=url["path"],
        query=url["query"],
        status=pl.when(answered).then(http_status(pl.col("status"))),
        upstream_status=pl.when(answered & passed).then(http_status(pl.col("made"))),
        upstream=pl.when(passed).then("entrypoint"),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        user_agent=pl.col("agents").str.extract(r'^\{"":\["(.*)"\]\}$'),
        reason=pl.coalesce(broken, "source"),
        message=pl.when(pl.col("message") != "").then(
            pl.col("message").str.strip_chars_end()
        ),
        extra=json_extra(
            source=pl.col("source"), cache=pl.col("cache"), region=pl.col("region")
        ),
        refused="refused",
    )


FORMAT = Format(
    name="vercel",
    title="Vercel log drain",
    hop="cdn",
    reference="https://vercel.com/docs/drains/reference/logs",
    head=r'^\s*\{[\s\S]*"deploymentId"\s*:\s*"dpl_',
    parse=parse,
    json=True,
    sure=True,
    paths=r"(?i)vercel",
)
