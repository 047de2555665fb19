"""`httpRequest` of Google's log entries ▶ the columns of a request.

Their stamp is when the request came; https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry.
"""

import polars as pl

from forensic.fields.columns import moments, seconds, target

__all__ = ["KEYS", "request"]

#: A column's name ▶ where an entry has its text.
KEYS = {
    "stamp": "timestamp",
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
    "trace_id": "trace",
    "request_id": "insertId",
}


def request(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows (KEYS as text) with what all such entries have as typed columns.

    `status` is as it is written, where it is one; `duration` is in seconds.
    """
    stamps = moments(rows["stamp"])
    url = target(pl.col("url"))
    zone = pl.duration(seconds=pl.col("utc_offset"))
    status = pl.col("status").cast(pl.Int16, strict=False)
    known = status.is_between(100, 599) | (status == 0)
    return rows.with_columns(
        stamps["local_time"],
        stamps["utc_offset"],
        pl.col("bytes_sent", "bytes_received").cast(pl.Int64, strict=False),
        scheme=url["scheme"],
        host=url["host"],
        path=url["path"],
        query=url["query"],
        http_version=pl.col("protocol").str.strip_prefix("HTTP/"),
        status=pl.when(known).then(status),
        duration=seconds(pl.col("latency").str.strip_suffix("s"), 1.0),
        trace_id=pl.col("trace_id").str.extract("([^/]+)$"),
    ).with_columns(start_time=(pl.col("local_time") - zone).dt.replace_time_zone("UTC"))
