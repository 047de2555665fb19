"""Knative's queue-proxy, which stands before an application in its pod: its requests.

A record has Google's `httpRequest` and no stamp: the container's envelope has one. The
status is what the proxy sent: it answers itself where the application does not.
"""

import polars as pl

from forensic.fields.http_request import KEYS, request
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = KEYS | {"trace_id": "traceId"}
_NEEDED = ["httpRequest"]


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of queue-proxy's records."""
    rows = request(json_fields(lines, _KEYS, _NEEDED))
    peer = r"^\[?([0-9A-Fa-f.:]+?)\]?(?::[0-9]+)?$"
    known = pl.col("status").is_not_null() & pl.col("method").is_not_null()
    short = pl.when(~known | pl.col("stamp").is_not_null()).then(
        pl.lit("JSON, but no request of queue-proxy")
    )
    return rows.select(
        *("method", "host", "path", "query", "http_version", "status", "duration"),
        *("bytes_sent", "user_agent", "flags"),
        client_ip=pl.col("client").str.extract(r"^(.*):[0-9]+$").str.extract(peer),
        referrer=pl.when(pl.col("referrer") != "").then("referrer"),
        trace_id=pl.col("trace_id").str.extract("^([0-9a-f]{16,32})$"),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="knative",
    title="Knative queue-proxy",
    hop="web_server",
    reference="https://knative.dev/docs/serving/observability/logging/request-logging/",
    head=r'^\{"httpRequest": ?\{"requestMethod": ?"',
    parse=parse,
    json=True,
    paths=r"(?i)queue-proxy|knative",
)
