"""Kong's log plugins (file, HTTP, TCP, syslog): one JSON object a request.

`source` says who answered: the upstream, or Kong itself. Older versions have none; a
proxy latency of -1 then means that no upstream was asked.
"""

import polars as pl

from forensic.fields.columns import (
    http_status,
    json_extra,
    seconds,
    target,
    without_port,
)
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "began": "started_at",
    "client": "client_ip",
    "method": "request.method",
    "url": "request.url request.request_uri",
    "uri": "request.uri",
    "host": "request.headers.host",
    "user_agent": "request.headers.user-agent",
    "referrer": "request.headers.referer",
    "forwarded_for": "request.headers.x-forwarded-for",
    "trace_id": "request.headers.x-amzn-trace-id",
    "request_id": "request.id response.headers.x-kong-request-id",
    "bytes_received": "request.size",
    "status": "response.status",
    "bytes_sent": "response.size",
    "asked": "upstream_status",
    "took": "latencies.request",
    "waited": "latencies.proxy",
    "own": "latencies.kong",
    "source": "source",
    "tries": "tries",
    "route": "route.name",
    "service": "service.name",
    "consumer": "consumer.username authenticated_entity.id",
}
_EITHER = [502, 503, 504]
_PLAIN = "method user_agent referrer forwarded_for request_id".split()


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Kong's records."""
    rows = json_fields(lines, _KEYS, {"request", "response", "started_at"})
    began = (pl.col("began").cast(pl.Float64, strict=False) * 1000).cast(
        pl.Int64, strict=False
    )
    start = began.cast(pl.Datetime("us"))
    took = pl.col("took").cast(pl.Float64, strict=False)
    moment = start + pl.duration(
        microseconds=(took.fill_null(0.0) * 1000).cast(pl.Int64, strict=False)
    )
    url, uri = target(pl.col("url")), target(pl.col("uri"))
    status = http_status(pl.col("status"))
    waited = pl.col("waited").cast(pl.Float64, strict=False)
    kong = (pl.col("source") != "upstream") | (
        pl.col("source").is_null() & (waited < 0)
    )
    # An old record does not tell a 502 of the upstream from one of Kong's own.
    unclear = pl.col("source").is_null() & ((waited < 0) | status.is_in(_EITHER))
    passed = pl.when(~kong.fill_null(value=False) & ~unclear).then(status)
    peer = pl.col("tries").str.extract(r'(?s).*"ip":"([^"]+)"')
    port = pl.col("tries").str.extract(r'(?s).*"port":([0-9]+)')
    short = pl.when(status.is_null() | moment.is_null()).then(
        pl.lit("JSON, but no record of Kong")
    )
    return rows.select(
        *("flags",),
        *(pl.when(pl.col(name) != "").then(name).alias(name) for name in _PLAIN),
        *(
            pl.col(name).cast(pl.Int64, strict=False)
            for name in ("bytes_sent", "bytes_received")
        ),
        local_time=moment,
        utc_offset=pl.when(moment.is_not_null()).then(pl.lit(0, pl.Int32)),
        start_time=start.dt.replace_time_zone("UTC"),
        client_ip=without_port(pl.col("client")),
        scheme=url["scheme"],
        host=pl.coalesce(pl.col("host").str.replace(r":\d+$", ""), url["host"]),
        path=pl.coalesce(uri["path"], url["path"]),
        query=pl.coalesce(uri["query"], url["query"]),
        status=status,
        upstream_status=passed,
        upstream=pl.concat_str(peer, pl.lit(":"), port),
        duration=seconds(took, 1e3),
        upstream_duration=seconds(pl.when(waited >= 0).then(waited), 1e3),
        trace_id=pl.col("trace_id").str.extract(r"(?:Root=)?([^;]+)"),
        user="consumer",
        reason=pl.when(kong).then(pl.lit("kong")).otherwise("source"),
        extra=json_extra(
            route=pl.col("route"),
            service=pl.col("service"),
            kong_ms=pl.col("own"),
            upstream_statuses=pl.col("asked"),
        ),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="kong",
    title="Kong request log",
    hop="load_balancer",
    reference="https://developer.konghq.com/plugins/file-log/",
    head=r'^\s*\{[\s\S]*"started_at"\s*:',
    parse=parse,
    json=True,
    paths=r"(?i)kong",
    stamps_end=True,
)
