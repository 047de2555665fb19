"""Railway's log of requests at its edge: one JSON object a request.

Where its edge could not get an answer, `upstreamErrors` says why, a list of the tries
as text.
"""

import polars as pl

from forensic.fields.columns import http_status, json_extra, moments, seconds, target
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "stamp": "timestamp",
    "method": "method",
    "url": "path",
    "host": "host",
    "status": "httpStatus",
    "client": "srcIp",
    "user_agent": "clientUa",
    "details": "responseDetails",
    "errors": "upstreamErrors",
    "upstream": "upstreamAddress",
    "took": "totalDuration",
    "waited": "upstreamRqDuration",
    "bytes_sent": "txBytes",
    "bytes_received": "rxBytes",
    "request_id": "requestId",
    "region": "edgeRegion",
}
_PLAIN = "method host request_id user_agent upstream".split()


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Railway's requests."""
    rows = json_fields(lines, _KEYS, {"httpStatus", "totalDuration"})
    stamps = moments(rows["stamp"])
    status = http_status(pl.col("status"))
    url = target(pl.col("url"))
    error = pl.col("errors").str.extract(r'(?s).*"error"\s*:\s*"([^"]+)"')
    details = pl.when(pl.col("details") != "").then("details")
    asked = pl.col("upstream") != ""
    passed = asked & error.is_null() & details.is_null()
    short = pl.when(status.is_null() | pl.col("method").is_null()).then(
        pl.lit("JSON, but no request of Railway's")
    )
    return rows.select(
        *("flags",),
        *(pl.when(pl.col(name) != "").then(name).alias(name) for name in _PLAIN),
        *(
            pl.col(name).cast(pl.Int64, strict=False)
            for name in ("bytes_sent", "bytes_received")
        ),
        local_time=pl.lit(stamps["local_time"]),
        utc_offset=pl.lit(stamps["utc_offset"]),
        client_ip="client",
        path=url["path"],
        query=url["query"],
        status=status,
        upstream_status=pl.when(passed.fill_null(value=False)).then(status),
        duration=seconds(pl.col("took"), 1e3),
        upstream_duration=pl.when(asked).then(seconds(pl.col("waited"), 1e3)),
        reason=pl.coalesce(error, details),
        extra=json_extra(
            region=pl.col("region"),
            details=pl.col("details"),
            errors=pl.col("errors"),
        ),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="railway",
    title="Railway HTTP log",
    hop="load_balancer",
    reference="https://docs.railway.com/observability/logs#http-logs",
    head=r'^\s*\{[\s\S]*"(?:upstreamRqDuration|downstreamProto)"\s*:',
    parse=parse,
    json=True,
    usual=True,
    paths=r"(?i)railway",
)
