"""Flows of Cilium, as `hubble observe -o json` prints them: who got through to whom.

A flow of Kubernetes that a policy dropped is what a security group's REJECT is.
"""

import polars as pl

from forensic.fields.columns import moments
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "stamp": "flow.time time",
    "verdict": "flow.verdict verdict",
    "why": "flow.drop_reason_desc drop_reason_desc",
    "client_ip": "flow.IP.source IP.source",
    "server": "flow.IP.destination IP.destination",
    "tcp": "flow.l4.TCP.destination_port l4.TCP.destination_port",
    "udp": "flow.l4.UDP.destination_port l4.UDP.destination_port",
    "from": "flow.source.pod_name source.pod_name",
    "to": "flow.destination.pod_name destination.pod_name",
    "summary": "flow.Summary Summary flow.summary summary",
    "hostname": "node_name flow.node_name",
}
_DROPPED = ["DROPPED", "ERROR"]


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of flows."""
    rows = json_fields(lines, _KEYS, set(), _KEYS.keys() - {"stamp", "hostname"})
    stamps = moments(rows["stamp"])
    dropped = pl.col("verdict").is_in(_DROPPED)
    port = pl.coalesce("tcp", "udp")
    known = pl.col("verdict").is_not_null() & pl.col("server").is_not_null()
    return rows.select(
        *("extra", "flags", "client_ip", "hostname"),
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        process=pl.lit("hubble"),
        upstream=pl.format("{}:{}", "server", port),
        action=pl.when(dropped).then(pl.lit("REJECT")).otherwise(pl.lit("ACCEPT")),
        reason=pl.when(dropped).then(pl.coalesce("why", pl.lit("DROPPED"))),
        level=pl.when(dropped).then(pl.lit("warning")),
        message=pl.format(
            "{} ▶ {} {}: {}",
            pl.coalesce("from", "client_ip", pl.lit("?")),
            pl.coalesce("to", "server"),
            "verdict",
            pl.col("summary").fill_null(""),
        ),
        refused=pl.coalesce(
            "refused", pl.when(~known).then(pl.lit("JSON, but no flow of Cilium"))
        ),
    )


FORMAT = Format(
    name="hubble",
    title="flows of Cilium (Hubble)",
    hop="host",
    reference="https://docs.cilium.io/en/stable/_api/v1/flow/README/",
    head=r'^\s*\{[\s\S]*"verdict"\s*:\s*"[A-Z_]+"[\s\S]*"traffic_direction"\s*:',
    parse=parse,
    json=True,
    sure=True,
    paths=r"(?i)hubble|cilium|flows?\b",
)
