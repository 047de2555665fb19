"""Cloud Run's log of requests: entries of Google's logging with `httpRequest`.

What the platform answers itself has a text that says why; what the service answered
has none. The stamp is when the request came.
"""

import polars as pl

from forensic.columns import json_extra, moments, seconds, target
from forensic.format import Format
from forensic.json_fields import json_fields

__all__ = ["FORMAT"]

_KEYS = {
    "stamp": "timestamp",
    "log": "logName",
    "said": "textPayload",
    "level": "severity",
    "client": "httpRequest.remoteIp",
    "method": "httpRequest.requestMethod",
    "url": "httpRequest.requestUrl",
    "protocol": "httpRequest.protocol",
    "status": "httpRequest.status",
    "bytes_received": "httpRequest.requestSize",
    "bytes_sent": "httpRequest.responseSize",
    "user_agent": "httpRequest.userAgent",
    "referrer": "httpRequest.referer",
    "latency": "httpRequest.latency",
    "service": "resource.labels.service_name",
    "revision": "resource.labels.revision_name",
    "instance": "labels.instanceId",
    "trace_id": "trace",
    "request_id": "insertId",
}
_REQUESTS = "run.googleapis.com%2Frequests"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Cloud Run's requests."""
    rows = json_fields(lines, _KEYS, {"httpRequest", "logName"})
    stamps = moments(rows["stamp"])
    status = pl.col("status").cast(pl.Int16, strict=False)
    status = pl.when(status.is_between(100, 599)).then(status)
    url = target(pl.col("url"))
    other = ~pl.col("log").str.ends_with(_REQUESTS) | pl.col("method").is_null()
    short = pl.when(other.fill_null(value=True)).then(
        pl.lit("JSON, but no request of Cloud Run")
    )
    said = pl.when(pl.col("said") != "").then("said")
    rows = rows.with_columns(stamps.select("local_time", "utc_offset"))
    zone = pl.duration(seconds=pl.col("utc_offset"))
    return rows.select(
        *("flags", "method", "request_id", "user_agent", "referrer"),
        *(
            pl.col(name).cast(pl.Int64, strict=False)
            for name in ("bytes_sent", "bytes_received")
        ),
        local_time=pl.col("local_time"),
        utc_offset=pl.col("utc_offset"),
        start_time=(pl.col("local_time") - zone).dt.replace_time_zone("UTC"),
        level=pl.col("level").str.to_lowercase(),
        client_ip=pl.col("client"),
        scheme=url["scheme"],
        host=url["host"],
        path=url["path"],
        query=url["query"],
        http_version=pl.col("protocol").str.strip_prefix("HTTP/"),
        status=status,
        upstream_status=pl.when(said.is_null()).then(status),
        upstream=pl.when(pl.col("instance") != "").then("revision"),
        duration=seconds(pl.col("latency").str.strip_suffix("s"), 1.0),
        reason=said,
        trace_id=pl.col("trace_id").str.extract("([^/]+)$"),
        extra=json_extra(
            service=pl.col("service"),
            revision=pl.col("revision"),
            instance=pl.col("instance"),
        ),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="cloud_run",
    title="Cloud Run request log",
    hop="load_balancer",
    reference="https://cloud.google.com/run/docs/logging#log-types",
    head=r'^\s*\{[\s\S]*run\.googleapis\.com%2Frequests"',
    parse=parse,
    json=True,
    sure=True,
    paths=r"(?i)cloud.?run|gcp",
    stamps_start=True,
)
