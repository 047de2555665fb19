"""F5 Distributed Cloud: the records of its load balancers and of their firewalls.

Every record has the request and the status. One of a security event says besides what
was done, and by which signature; a request that was blocked may have the status 200,
which is that of the blocking page.
"""

import polars as pl

from forensic.fields.columns import dash_to_null, http_status, moments, target
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "stamp": "@timestamp time",
    "client_ip": "src_ip",
    "forwarded_for": "x_forwarded_for",
    "method": "method",
    "target": "req_path original_path path",
    "query": "req_params",
    "host": "domain authority",
    "version": "http_version",
    "status": "rsp_code",
    "details": "rsp_code_details",
    "bytes_sent": "rsp_size",
    "bytes_received": "req_size",
    "user_agent": "user_agent",
    "request_id": "req_id",
    "upstream": "dst_ip",
    "event": "sec_event_type",
    "name": "sec_event_name",
    "done": "action",
    "mode": "waf_mode",
    "rule_group": "app_firewall_name vh_name",
    "signatures": "signatures",
    "violations": "violations",
    "attacks": "attack_types",
}
_KEPT = {"details", "name", "mode", "signatures", "violations", "event"}
_PLAIN = (
    "client_ip forwarded_for method user_agent request_id upstream rule_group"
).split()


def _first(column: str, key: str) -> pl.Expr:
    """The value of a key of the first object in a list."""
    return pl.col(column).str.extract(rf'"{key}":"([^"]+)"', 1)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the records."""
    rows = json_fields(lines, _KEYS, {"vh_name", "rsp_code"}, _KEPT)
    stamps = moments(rows["stamp"])
    rows = rows.with_columns(stamps.select("local_time", "utc_offset"))
    address = target(pl.col("target"))
    status = http_status(pl.col("status"))
    event = pl.col("event").is_not_null()
    blocked = pl.col("done").str.contains("(?i)block|deny")
    matched = _first("signatures", "id").is_not_null()
    counted = matched & (pl.col("mode").fill_null("report") == "report")
    action = (
        pl.when(blocked)
        .then(pl.lit("BLOCK"))
        .when(pl.col("done").str.contains("(?i)challenge|captcha"))
        .then(pl.lit("CHALLENGE"))
        .when(counted)
        .then(pl.lit("COUNT"))
        .otherwise(pl.lit("ALLOW"))
    )
    rule = pl.coalesce(_first("signatures", "id"), _first("violations", "name"), "name")
    passed = pl.col("details").str.contains("^via_upstream")
    short = pl.when(pl.col("method").is_null() | stamps["local_time"].is_null()).then(
        pl.lit("JSON, but no record of F5's load balancers")
    )
    return rows.select(
        *("extra", "flags", "local_time", "utc_offset"),
        *(pl.when(pl.col(name) != "").then(name).alias(name) for name in _PLAIN),
        hop=pl.when(event).then(pl.lit("waf")).otherwise(pl.lit("load_balancer")),
        host=pl.coalesce(address["host"], "host").str.replace(r":\d+$", ""),
        path=address["path"],
        query=pl.coalesce(
            address["query"], pl.when(pl.col("query") != "").then("query")
        ),
        http_version=dash_to_null(pl.col("version")).str.strip_prefix("HTTP/"),
        status=status,
        upstream_status=pl.when(passed).then(status),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        bytes_received=pl.col("bytes_received").cast(pl.Int64, strict=False),
        action=pl.when(event).then(action),
        rule=pl.when(event & (action != "ALLOW")).then(rule),
        rule_type=_first("attacks", "name"),
        reason=pl.when(event).then("name").otherwise("details"),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="f5_xc",
    title="F5 Distributed Cloud",
    hop=None,
    reference="https://docs.cloud.f5.com/docs-v2/observability/reference/event-reference",
    head=r'^\s*\{[\s\S]*"vh_name"\s*:',
    parse=parse,
    json=True,
    usual=True,
    paths=r"(?i)f5|volterra",
)
