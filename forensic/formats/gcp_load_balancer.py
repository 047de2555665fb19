"""Google Cloud's load balancer: log entries with `httpRequest` and `statusDetails`.

They say whether the answer is the backend's or its own; a regional one has
`proxyStatus` instead, and only where it answers itself. Where Cloud Armor is asked,
the policy and what it did stand beside them.
"""

import polars as pl

from forensic.fields.columns import without_port
from forensic.fields.http_request import KEYS, request
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_POLICY = "jsonPayload.enforcedSecurityPolicy"
_KEYS = KEYS | {
    "client": "httpRequest.remoteIp jsonPayload.remoteIp",
    "upstream": "httpRequest.serverIp",
    "reason": "jsonPayload.statusDetails",
    "proxy": "jsonPayload.proxyStatus",
    "entry": "jsonPayload.@type",
    "rule_group": f"{_POLICY}.name",
    "rule": f"{_POLICY}.priority",
    "action": f"{_POLICY}.outcome",
}
_SAME = (
    "extra flags request_id bytes_sent bytes_received local_time utc_offset start_time "
    "scheme host path query http_version status duration trace_id"
).split()
_PLAIN = "method user_agent referrer upstream rule rule_group action".split()
#: Details of an answer that a backend made.
_DENIED = "denied_by_security_policy"
_ENTRY = ".LoadBalancerLogEntry"
_BACKEND = "response_sent_by_backend|backend_early_response"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the entries of requests."""
    told = {"rule", "rule_group", "action", "reason", "proxy", "entry"}
    rows = json_fields(lines, _KEYS, {"httpRequest", "jsonPayload"}, told)
    proxy = pl.coalesce(
        pl.col("proxy").str.extract(r'details="([^"]+)"'),
        pl.col("proxy").str.extract(r'error="([^"]+)"'),
    )
    entry = pl.col("entry").str.ends_with(_ENTRY).fill_null(value=False)
    refused = pl.when(pl.col("action") == "DENY").then(pl.lit(_DENIED))
    details = pl.coalesce("reason", proxy, refused)
    # A regional load balancer says nothing of the answers that it passes on.
    served = pl.coalesce(details.str.contains(_BACKEND), entry)
    lone = pl.col("reason").is_null() & ~entry
    short = pl.when(lone | pl.col("method").is_null()).then(
        pl.lit("JSON, but no entry of a load balancer")
    )
    return request(rows).select(
        *_SAME,
        *(pl.when(pl.col(name) != "").then(name).alias(name) for name in _PLAIN),
        client_ip=without_port(pl.col("client")),
        upstream_status=pl.when(served).then("status"),
        reason=pl.when(details != "").then(details),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="gcp_load_balancer",
    title="Google Cloud load balancer log",
    hop="load_balancer",
    reference="https://cloud.google.com/load-balancing/docs/https/https-logging-monitoring",
    head=r'^\s*\{[\s\S]*?(?:"statusDetails"\s*:|LoadBalancerLogEntry")',
    parse=parse,
    json=True,
    usual=True,
    sure=True,
    paths=r"(?i)gcp|gclb|(?:^|/)requests/",
    stamps_start=True,
)
