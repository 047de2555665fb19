"""Fastly's request log as JSON, in the shape of its documentation's example.

The owner chooses the keys; these are the ones that nearly all keep. `response_state`
is Varnish's word for how the answer came about.
"""

import polars as pl

from forensic.fields.columns import http_status, moments, target
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "stamp": "timestamp time_start",
    "client_ip": "client_ip",
    "host": "host request_host",
    "url": "url",
    "method": "request_method",
    "protocol": "request_protocol",
    "referrer": "request_referer",
    "user_agent": "request_user_agent",
    "status": "response_status",
    "why": "response_reason",
    "bytes_sent": "response_body_size",
    "state": "response_state fastly_info_state",
    "request_id": "request_id req_id",
}
_PLAIN = "client_ip host method referrer user_agent request_id".split()


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Fastly's records."""
    marks = {"fastly_server", "response_status"}
    rows = json_fields(lines, _KEYS, marks, {"state", "why"})
    stamps = moments(rows["stamp"])
    address = target(pl.col("url"))
    status = http_status(pl.col("status"))
    asked = pl.col("state").str.contains("^(?:MISS|PASS)")
    short = pl.when(status.is_null() | stamps["local_time"].is_null()).then(
        pl.lit("JSON, but no record of Fastly")
    )
    return rows.select(
        *("extra", "flags"),
        *(pl.when(pl.col(name) != "").then(name).alias(name) for name in _PLAIN),
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        path=address["path"],
        query=address["query"],
        http_version=pl.col("protocol").str.strip_prefix("HTTP/"),
        status=status,
        # Varnish sets ERROR for a page that it made itself.
        upstream_status=pl.when(asked).then(status),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        reason=pl.concat_str("state", "why", separator=" ", ignore_nulls=True),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="fastly",
    title="Fastly request log as JSON",
    hop="cdn",
    reference="https://www.fastly.com/documentation/guides/integrations/logging/useful-log-formats/",
    head=r'^\s*\{[\s\S]*"fastly_server"\s*:',
    parse=parse,
    json=True,
    usual=True,
    paths=r"(?i)fastly",
    stamps_start=True,
)
