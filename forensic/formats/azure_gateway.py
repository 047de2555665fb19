"""Azure Application Gateway and Front Door access logs: JSON with `properties`."""

import polars as pl

from forensic.fields.columns import http_status, moments, seconds, target, without_port
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "stamp": "time timeStamp timestamp",
    "client": "properties.clientIP properties.clientIp",
    "method": "properties.httpMethod",
    "uri": "properties.originalRequestUriWithArgs properties.requestUri",
    "query": "properties.requestQuery",
    "user_agent": "properties.userAgent",
    "status": "properties.httpStatus properties.httpStatusCode",
    "version": "properties.httpVersion",
    "bytes_received": "properties.receivedBytes properties.requestBytes",
    "bytes_sent": "properties.sentBytes properties.responseBytes",
    "duration": "properties.timeTaken",
    "host": "properties.originalHost properties.host properties.hostName",
    "upstream": "properties.serverRouted properties.originIp",
    "upstream_status": "properties.serverStatus",
    "upstream_duration": "properties.serverResponseLatency",
    "request_id": "properties.transactionId properties.trackingReference",
    "reason": "properties.error_info properties.errorInfo",
    "referrer": "properties.referer",
    "waf_mode": "properties.WAFMode",
    "instance": "properties.instanceId",
    "category": "category",
}
_PLAIN = "method user_agent upstream request_id referrer".split()
#: How instances of version 1 are named, which counts milliseconds, not seconds.
_FIRST = "ApplicationGatewayRole"
_NONE = ["", "-", "NoError", "ERRORINFO_NO_ERROR"]


def _status(name: str) -> pl.Expr:
    return http_status(pl.col(name).cast(pl.Float64, strict=False))


def _reason() -> pl.Expr:
    """The error that the record names, or that a firewall may have ended it."""
    named = pl.when(~pl.col("reason").is_in(_NONE)).then("reason")
    blocks = pl.col("waf_mode").str.to_lowercase() == "prevention"
    alone = (_status("status") == 403) & _status("upstream_status").is_null()
    return pl.coalesce(named, pl.when(blocks & alone).then(pl.lit("waf_prevention")))


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of access records."""
    rows = json_fields(
        lines, _KEYS, {"category", "properties"}, _KEYS.keys() - {"stamp"}
    )
    stamps = moments(rows["stamp"])
    address = target(pl.col("uri"))
    given = pl.col("query").str.strip_prefix("?")
    short = pl.when(_status("status").is_null() | pl.col("client").is_null()).then(
        pl.lit("JSON, but no access record")
    )
    duration = pl.col("duration").cast(pl.Float64, strict=False)
    return rows.select(
        *("extra", "flags"),
        *(pl.when(~pl.col(n).is_in(_NONE)).then(n).alias(n) for n in _PLAIN),
        *(
            pl.col(name).cast(pl.Int64, strict=False)
            for name in ("bytes_sent", "bytes_received")
        ),
        duration=pl.when(pl.col("instance").str.starts_with(_FIRST))
        .then(seconds(duration, 1e3))
        .otherwise(duration),
        upstream_duration=pl.col("upstream_duration").cast(pl.Float64, strict=False),
        # Front Door is a content delivery network before anything else.
        hop=pl.when(pl.col("category").str.contains("(?i)^frontdoor"))
        .then(pl.lit("cdn"))
        .otherwise(pl.lit("load_balancer")),
        reason=_reason(),
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        client_ip=without_port(pl.col("client")),
        scheme=address["scheme"],
        host=pl.coalesce("host", address["host"]),
        path=address["path"],
        query=pl.coalesce(address["query"], pl.when(given != "").then(given)),
        http_version=pl.col("version").str.extract(r"([0-9](?:\.[0-9])?)"),
        status=_status("status"),
        upstream_status=_status("upstream_status"),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="azure_gateway",
    title="Azure Application Gateway or Front Door access log",
    hop="load_balancer",
    reference="https://learn.microsoft.com/azure/application-gateway/monitor-application-gateway-reference",
    head=r'^\s*\{[\s\S]*"properties"\s*:\s*\{',
    parse=parse,
    json=True,
    paths=r"(?i)applicationgateway|frontdoor|azure",
    stamps_end=True,
)
