"""Access log of Linkerd's proxy, which stands before an application in its pod: JSON.

The status is what the proxy sent: the application's, or its own for one that it did not
reach.
"""

import polars as pl

from forensic.fields.columns import moments, seconds, target, without_port
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "stamp": "timestamp",
    "client": "client.addr",
    "identity": "client.id",
    "host": "host",
    "method": "method",
    "uri": "uri",
    "version": "version",
    "status": "status",
    "sent": "response_bytes",
    "received": "request_bytes",
    "took": "total_ns",
    "user_agent": "user_agent",
    "trace_id": "trace_id",
}
_MARKS = ["client.addr", "total_ns", "status", "timestamp"]


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of access records."""
    rows = json_fields(lines, _KEYS, _MARKS, ["identity"])
    stamps = moments(rows["stamp"])
    url = target(pl.col("uri"))
    return rows.select(
        *("method", "extra", "flags", "refused"),
        *(
            pl.when(pl.col(name) != "").then(name).alias(name)
            for name in ("user_agent", "trace_id")
        ),
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        client_ip=without_port(pl.col("client")),
        scheme=url["scheme"],
        host=pl.coalesce(url["host"], pl.col("host").str.replace(r":\d+$", "")),
        path=url["path"],
        query=url["query"],
        http_version=pl.col("version").str.strip_prefix("HTTP/"),
        status=pl.col("status").cast(pl.Int16, strict=False),
        bytes_sent=pl.col("sent").cast(pl.Int64, strict=False),
        bytes_received=pl.col("received").cast(pl.Int64, strict=False),
        duration=seconds(pl.col("took"), 1e9),
    )


FORMAT = Format(
    name="linkerd",
    title="Linkerd proxy access log",
    hop="web_server",
    reference="https://linkerd.io/2/features/access-logging/",
    head=r'^\s*\{[\s\S]*"client\.addr"\s*:',
    parse=parse,
    json=True,
    narrow=True,
    sure=True,
    paths=r"(?i)linkerd",
)
