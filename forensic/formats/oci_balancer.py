"""Oracle Cloud: the access, error and firewall logs of its load balancer, as JSON.

A record of Logging has the request in `data`, as the console downloads it below
`logContent`. Of several backends that were tried the values stand in a list; the last
one counts. What the firewall ended names the rules that matched; those of a kind that
is looked at later never come to it.
"""

import polars as pl

from forensic.fields.columns import (
    dash_to_null,
    http_status,
    moments,
    request_line,
    target,
    without_port,
)
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_OWN = {
    "client": "clientAddr clientAdd",
    "forwarded_for": "forwardedForAddr",
    "host": "host",
    "line": "request",
    "method": "request.method",
    "path": "request.path",
    "version": "request.httpVersion",
    "request_id": "request.id",
    "user_agent": "userAgent",
    "status": "lbStatusCode response.code",
    "upstream_status": "backendStatusCode",
    "upstream": "backendAddr",
    "took": "requestProcessingTime",
    "connected": "backendConnectTime",
    "waited": "backendProcessingTime",
    "bytes_sent": "sentBytes response.size",
    "bytes_received": "receivedBytes",
    "action": "action",
    "by": "responseProvider",
    "access": "requestAccessControl.matchedRules",
    "rate": "requestRateLimiting.matchedRules",
    "protection": "requestProtection.matchedRules",
    "matched": "requestProtection.matchedIds",
    "message": "errorLog.errorDetails",
    "reason": "errorLog.type",
    "written": "timestamp",
}
_KEYS = {
    **{
        name: " ".join(
            f"{above}data.{key}"
            for key in keys.split()
            for above in ("logContent.", "")
        )
        for name, keys in _OWN.items()
    },
    "stamp": "logContent.time time",
    "type": "logContent.type type",
}


def _text(name: str) -> pl.Expr:
    """The value, where there is one."""
    return pl.when(~pl.col(name).is_in(["", "-"])).then(name)


def _last(name: str) -> pl.Expr:
    """The last value of a list such as `10.0.0.1:80, 10.0.0.2:80`."""
    return dash_to_null(_text(name).str.extract(r"([^, ]+)\s*$"))


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the records."""
    rows = json_fields(lines, _KEYS, set(), _KEYS.keys() - {"stamp"})
    stamps = moments(rows.select(pl.coalesce("stamp", "written")).to_series())
    line = request_line(pl.when(~pl.col("line").str.starts_with("{")).then("line"))
    url = target(pl.coalesce(line["target"], _text("path")))
    firewall = pl.col("type").str.ends_with(".waf")
    blocked = pl.col("action").str.to_lowercase() == "block"
    ended = pl.coalesce(_text("protection"), _text("rate"), _text("access"))
    limited = _text("protection").is_null() & _text("rate").is_not_null()
    short = pl.when(
        ~pl.col("type")
        .str.contains(r"\.loadbalancer\.(?:access|error|waf)$")
        .fill_null(value=False)
    ).then(pl.lit("JSON, but no record of Oracle's load balancer"))
    return rows.select(
        *("extra", "flags"),
        **{name: _text(name) for name in ("user_agent", "forwarded_for", "request_id")},
        **{name: _text(name) for name in ("message", "reason")},
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        hop=pl.when(firewall).then(pl.lit("waf")).otherwise(pl.lit("load_balancer")),
        level=pl.when(pl.col("message").is_not_null()).then(pl.lit("error")),
        client_ip=without_port(_text("client")),
        method=pl.coalesce(line["method"], _text("method")),
        scheme=url["scheme"],
        host=pl.coalesce(_text("host"), url["host"]),
        path=url["path"],
        query=url["query"],
        http_version=pl.coalesce(
            line["http_version"], _text("version").str.strip_prefix("HTTP/")
        ),
        status=http_status(_text("status")),
        # Of one that was not reached, the status is the balancer's own.
        upstream_status=pl.when(_last("connected").is_not_null()).then(
            http_status(_last("upstream_status"))
        ),
        upstream=_last("upstream"),
        duration=_text("took").cast(pl.Float64, strict=False),
        upstream_duration=_last("waited").cast(pl.Float64, strict=False),
        bytes_sent=_text("bytes_sent").cast(pl.Int64, strict=False),
        bytes_received=_text("bytes_received").cast(pl.Int64, strict=False),
        action=pl.when(blocked)
        .then(pl.lit("BLOCK"))
        .when(firewall)
        .then(pl.lit("ALLOW")),
        rule=pl.when(blocked).then(ended.str.extract(r"([^;]+)\s*$")),
        rule_type=pl.when(blocked & limited).then(pl.lit("RATE_BASED")),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="oci_balancer",
    title="Oracle Cloud load balancer and firewall logs",
    hop="load_balancer",
    reference="https://docs.oracle.com/iaas/Content/Logging/Reference/details_for_load_balancer_logs.htm",
    head=r'^\s*\{[\s\S]*"com\.oraclecloud\.loadbalancer\.(?:access|error|waf)"',
    parse=parse,
    json=True,
    sure=True,
    stamps_end=True,
    paths=r"(?i)\boci\b|oracle",
)
