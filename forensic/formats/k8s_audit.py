"""Audit records of the Kubernetes API server: one JSON object a stage of a request.

Its own host of a cluster answers kubectl and controllers, not the site's users. What
tells that a deployment was rolled out, scaled or deleted at a moment stands here.
"""

import polars as pl

from forensic.fields.columns import http_status, moments, target
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "version": "apiVersion",
    "stamp": "stageTimestamp requestReceivedTimestamp timestamp",
    "began": "requestReceivedTimestamp",
    "stage": "stage",
    "uri": "requestURI",
    "verb": "verb",
    "user": "user.username",
    "sources": "sourceIPs",
    "user_agent": "userAgent",
    "status": "responseStatus.code",
    "why": "responseStatus.reason",
    "said": "responseStatus.message",
    "kind": "objectRef.resource",
    "namespace": "objectRef.namespace",
    "name": "objectRef.name",
    "request_id": "auditID",
}
_KEPT = {"version", "verb", "stage", "sources", "began"}


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of audit records."""
    rows = json_fields(lines, _KEYS, {"apiVersion", "auditID", "verb"}, _KEPT)
    ended, began = moments(rows["stamp"]), moments(rows["began"])
    address = target(pl.col("uri"))
    own = pl.col("version").str.starts_with("audit.k8s.io/")
    start = pl.lit(began["local_time"])
    took = (pl.lit(ended["local_time"]) - start).dt.total_microseconds() / 1e6
    parts = (pl.col("verb"), "kind", pl.concat_str("namespace", "name", separator="/"))
    spoken = pl.concat_str(*parts[:2], pl.coalesce(parts[2], "name"), separator=" ")
    said = pl.coalesce(spoken, pl.concat_str(*parts[:2], separator=" "), "verb")
    short = pl.when(~own).then(pl.lit("JSON, but no audit record of Kubernetes"))
    return rows.select(
        *("extra", "flags", "user", "user_agent", "request_id"),
        local_time=ended["local_time"],
        utc_offset=ended["utc_offset"],
        start_time=start.dt.replace_time_zone("UTC"),
        client_ip=pl.col("sources").str.extract(r'\["([^"]*)"'),
        path=address["path"],
        query=address["query"],
        status=http_status(pl.col("status")),
        duration=pl.when(took > 0).then(took.round(6)),
        reason="why",
        process=pl.lit("kube-apiserver"),
        message=pl.when(pl.col("said").is_null())
        .then(said)
        .otherwise(pl.concat_str(said, pl.lit(": "), "said")),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="k8s_audit",
    title="Kubernetes audit log",
    hop="host",
    reference="https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/",
    head=r'^\s*\{[\s\S]*"audit\.k8s\.io/',
    parse=parse,
    json=True,
    usual=True,
    paths=r"(?i)audit",
)
