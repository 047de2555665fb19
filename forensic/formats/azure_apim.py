"""Azure API Management's gateway log: JSON with `category` GatewayLogs.

It tells what the client got and what the backend answered; where the gateway itself
made the answer, `lastError` says in which section and why.
"""

import polars as pl

from forensic.fields.columns import http_status, moments, seconds, target, without_port
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_P = "properties."
_KEYS = {
    "stamp": "time",
    "category": "category",
    "client": "callerIpAddress CallerIpAddress",
    "took": "durationMs",
    "request_id": "correlationId CorrelationId",
    "method": f"{_P}method",
    "url": f"{_P}url",
    "status": f"{_P}responseCode",
    "upstream_status": f"{_P}backendResponseCode",
    "upstream_took": f"{_P}backendTime",
    "upstream_url": f"{_P}backendUrl",
    "bytes_sent": f"{_P}responseSize",
    "bytes_received": f"{_P}requestSize",
    "version": f"{_P}clientProtocol",
    "reason": f"{_P}lastError.reason",
    "message": f"{_P}lastError.message",
}
_KEPT = _KEYS.keys() - {"stamp", "client", "request_id"}


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the gateway's records."""
    rows = json_fields(lines, _KEYS, {"category", "properties"}, _KEPT)
    stamps = moments(rows["stamp"])
    url, behind = target(pl.col("url")), target(pl.col("upstream_url"))
    own = (pl.col("category") == "GatewayLogs") & pl.col("status").is_not_null()
    short = pl.when(~own.fill_null(value=False)).then(
        pl.lit("JSON, but no record of API Management's gateway")
    )
    return rows.select(
        *("extra", "flags", "method", "request_id", "reason", "message"),
        **url,
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        client_ip=without_port(pl.col("client")),
        status=http_status(pl.col("status")),
        upstream_status=http_status(pl.col("upstream_status")),
        upstream=behind["host"],
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        bytes_received=pl.col("bytes_received").cast(pl.Int64, strict=False),
        duration=seconds(pl.col("took"), 1e3),
        upstream_duration=seconds(pl.col("upstream_took"), 1e3),
        http_version=pl.col("version").str.strip_prefix("HTTP/"),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="azure_apim",
    title="Azure API Management gateway log",
    hop="load_balancer",
    reference="https://learn.microsoft.com/azure/api-management/gateway-log-schema-reference",
    head=r'^\s*\{[\s\S]*"GatewayLogs"',
    parse=parse,
    json=True,
    stamps_start=True,
    paths=r"(?i)gatewaylogs|apim|azure",
)
