"""Other entries of Google's logging: audit, App Engine's requests, the VPC's firewall.

Who changed what just before, which rule dropped a packet, and what App Engine's front
end answered. The entry's own stamp counts; of a request it is when that began.
"""

import polars as pl

from forensic.fields.columns import http_status, moments, target
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_P, _J = "protoPayload", "jsonPayload"
_KEYS = {
    "log": "logName",
    "stamp": f"timestamp {_P}.startTime receiveTimestamp",
    "level": "severity",
    "kind": f"{_P}.@type",
    "client": f"{_P}.requestMetadata.callerIp {_P}.ip {_J}.connection.src_ip",
    "agent": f"{_P}.requestMetadata.callerSuppliedUserAgent {_P}.userAgent",
    "who": f"{_P}.authenticationInfo.principalEmail",
    "did": f"{_P}.methodName",
    "to": f"{_P}.resourceName",
    "said": f"{_P}.status.message {_J}.MESSAGE {_J}.message",
    "code": f"{_P}.status.code",
    "method": f"{_P}.method",
    "resource": f"{_P}.resource",
    "host": f"{_P}.host",
    "version": f"{_P}.httpVersion",
    "status": f"{_P}.status",
    "sent": f"{_P}.responseSize",
    "took": f"{_P}.latency",
    "referrer": f"{_P}.referrer",
    "request_id": f"{_P}.requestId insertId",
    "trace_id": "trace",
    "disposition": f"{_J}.disposition",
    "rule": f"{_J}.rule_details.reference",
    "hostname": f"{_J}._HOSTNAME {_J}.instance.vm_name resource.labels.instance_id",
    "process": f"{_J}.SYSLOG_IDENTIFIER {_J}._COMM",
    "pid": f"{_J}._PID",
}
_KEPT = _KEYS.keys() - {"stamp", "level", "trace_id"}
_REQUEST = "appengine.logging.v1.RequestLog"
_DONE = {"DENIED": "BLOCK", "ALLOWED": "ALLOW"}
#: What such an entry has: the journal's fields, the firewall's, or its own payload.
_HEAD = (
    r'^\s*\{[\s\S]*"(?:protoPayload|jsonPayload)"\s*:\s*\{[\s\S]*'
    r'"(?:@type|disposition|connection|_BOOT_ID|SYSLOG_IDENTIFIER)"\s*:'
)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the entries."""
    rows = json_fields(lines, _KEYS, {"logName", "resource"}, _KEPT)
    stamps = moments(rows["stamp"])
    request = pl.col("kind").str.contains(_REQUEST, literal=True).fill_null(value=False)
    url = target(pl.col("resource"))
    acted = pl.concat_str("did", "to", separator=" ", ignore_nulls=True)
    said = pl.concat_str(
        pl.when(acted != "").then(acted), "said", separator=": ", ignore_nulls=True
    )
    own = pl.any_horizontal(
        pl.col(name).is_not_null()
        for name in ("did", "disposition", "process", "client")
    )
    short = pl.when(~own).then(pl.lit("JSON, but no entry of these logs"))
    zone = pl.lit(stamps["utc_offset"])
    began = pl.lit(stamps["local_time"]) - pl.duration(seconds=zone)
    return rows.select(
        *("extra", "flags", "referrer", "hostname", "process", "request_id"),
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        start_time=pl.when(request).then(began.dt.replace_time_zone("UTC")),
        hop=pl.when(request).then(pl.lit("load_balancer")),
        level=pl.col("level").str.to_lowercase().replace("default", None),
        client_ip="client",
        user="who",
        user_agent="agent",
        method="method",
        host=pl.when(request).then("host"),
        path=url["path"],
        query=url["query"],
        http_version=pl.col("version").str.strip_prefix("HTTP/"),
        status=pl.when(request).then(http_status(pl.col("status"))),
        bytes_sent=pl.col("sent").cast(pl.Int64, strict=False),
        duration=pl.col("took").str.strip_suffix("s").cast(pl.Float64, strict=False),
        trace_id=pl.col("trace_id").str.extract(r"([^/]*)$"),
        action=pl.col("disposition").replace_strict(
            _DONE, default=None, return_dtype=pl.String
        ),
        rule="rule",
        pid=pl.col("pid").cast(pl.Int64, strict=False),
        reason=pl.when(pl.col("code") != "0").then("code"),
        message=pl.when(said != "").then(said),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="gcp_entry",
    title="Google Cloud: audit, App Engine, firewall",
    hop=None,
    reference="https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry",
    head=_HEAD,
    parse=parse,
    json=True,
    narrow=True,
    stamps_start=True,
    paths=r"(?i)gcp|google|cloudaudit|appengine",
)
