"""F5 BIG-IP Telemetry Streaming: one JSON object a record of ASM or of LTM.

`telemetryEventCategory` names the module. ASM's keys are those of its own log; what
LTM's request logging sends, the site's template names: these are AS3's and usual ones.
"""

import polars as pl

from forensic.fields.columns import (
    http_status,
    iso_stamp,
    moments,
    target,
    without_port,
)
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "kind": "telemetryEventCategory",
    "local": "date_time req_start_time",
    "stamp": "event_timestamp",
    "client": "ip_client client_ip src_ip",
    "forwarded_for": "x_forwarded_for_header_value x_forwarded_for",
    "method": "method http_method",
    "uri": "uri http_uri",
    "given": "query_string http_query",
    "version": "http_version",
    "status": "response_code http_statcode http_status",
    "host": "http_host",
    "user_agent": "http_user_agent",
    "referrer": "http_referrer",
    "user": "username",
    "request_id": "support_id",
    "done": "request_status",
    "rule": "violations attack_type",
    "rule_group": "policy_name",
    "rule_type": "attack_type",
    "upstream": "server_ip node",
    "hostname": "hostname",
    "sent": "bytes_out response_size",
    "request": "request",
}
_PLAIN = (
    "forwarded_for method user_agent referrer user request_id rule_group rule_type"
    " upstream hostname"
).split()
_NONE = ["", "N/A"]
_DONE = {"blocked": "BLOCK", "alerted": "COUNT", "passed": "ALLOW"}
_KINDS = {"ASM": "waf", "LTM": "load_balancer"}
#: A header of the request as the record has it.
_HEADER = r"(?i)\n{}: *([^\r\n]+)"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the records."""
    marks = {"telemetryEventCategory"}
    rows = json_fields(lines, _KEYS, marks, {"kind", "request", "done"})
    stamps = moments(rows["stamp"])
    local = iso_stamp(pl.col("local").str.replace_all("/", "-", literal=True))
    address = target(pl.col("uri"))
    done = pl.col("done").str.to_lowercase()
    action = done.replace_strict(_DONE, default=None, return_dtype=pl.String)
    hop = pl.col("kind").replace_strict(_KINDS, default=None, return_dtype=pl.String)
    own = (
        hop.is_not_null()
        & pl.col("client").is_not_null()
        & address["path"].is_not_null()
    )
    short = pl.when(~own).then(pl.lit("JSON, but no request that F5 tells of"))
    rule = pl.when(~pl.col("rule").is_in(_NONE)).then("rule")
    host = pl.coalesce("host", pl.col("request").str.extract(_HEADER.format("host")))
    agent = pl.col("request").str.extract(_HEADER.format("user-agent"))
    status = http_status(pl.col("status"))
    # It names no server where it asked none.
    served = (hop == "load_balancer") & ~pl.col("upstream").is_in(_NONE)
    return rows.select(
        *("extra", "flags"),
        *(pl.when(~pl.col(n).is_in(_NONE)).then(n).alias(n) for n in _PLAIN),
        hop=hop,
        local_time=pl.coalesce(stamps["local_time"], local),
        utc_offset=stamps["utc_offset"],
        client_ip=without_port(pl.col("client")),
        scheme=address["scheme"],
        host=pl.coalesce(host.str.replace(r":\d+$", ""), address["host"]),
        path=address["path"],
        query=pl.coalesce(
            address["query"], pl.when(pl.col("given") != "").then("given")
        ),
        http_version=pl.col("version").str.strip_prefix("HTTP/"),
        status=status,
        upstream_status=pl.when(served.fill_null(value=False)).then(status),
        bytes_sent=pl.col("sent").cast(pl.Int64, strict=False),
        action=action,
        rule=pl.when(action != "ALLOW").then(rule),
        reason=pl.when(done != "").then("done"),
        message=rule,
        refused=pl.coalesce("refused", short),
    ).with_columns(user_agent=pl.coalesce("user_agent", rows.select(agent).to_series()))


FORMAT = Format(
    name="f5_telemetry",
    title="F5 BIG-IP Telemetry Streaming",
    hop="load_balancer",
    reference="https://clouddocs.f5.com/products/extensions/f5-telemetry-streaming/latest/output-example.html",
    head=r'^\s*\{[\s\S]*"telemetryEventCategory"\s*:',
    parse=parse,
    json=True,
    usual=True,
    paths=r"(?i)f5|big-?ip|telemetry",
)
