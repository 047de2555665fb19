"""Kubernetes events as JSON: `kubectl get events -o json`, or what an exporter ships.

Why a pod was killed, could not start or was found unhealthy. One event stands for all
its repetitions; the stamp is that of the last, `start_time` that of the first.
"""

import polars as pl

from forensic.fields.columns import moments
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "stamp": "lastTimestamp eventTime series.lastObservedTime deprecatedLastTimestamp"
    " firstTimestamp metadata.creationTimestamp",
    "first": "firstTimestamp deprecatedFirstTimestamp",
    "level": "type",
    "why": "reason",
    "said": "message note",
    "logger": "source.component reportingComponent reportingController",
    "hostname": "source.host deprecatedSource.host",
    "kind": "involvedObject.kind regarding.kind",
    "name": "involvedObject.name regarding.name",
}


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of events."""
    rows = json_fields(lines, _KEYS, {"metadata"}, {"first", "why", "kind", "name"})
    stamps = moments(rows["stamp"])
    first = moments(rows["first"])["local_time"].dt.replace_time_zone("UTC")
    short = pl.when(pl.col("name").is_null() | pl.col("why").is_null()).then(
        pl.lit("JSON, but no event of Kubernetes")
    )
    thing = pl.concat_str(pl.col("kind").str.to_lowercase(), "name", separator="/")
    return rows.select(
        *("extra", "flags", "hostname"),
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        start_time=first,
        level=pl.col("level").str.to_lowercase(),
        logger=pl.when(pl.col("logger") != "").then("logger"),
        process=pl.lit("kubernetes"),
        message=pl.format(
            "{} {}: {}", thing, "why", pl.col("said").fill_null("").str.strip_chars()
        ),
        reason="why",
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="kubernetes_events",
    title="Kubernetes events",
    hop="host",
    reference="https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/",
    head=r'^\s*\{[\s\S]*"(?:involvedObject|regarding)"\s*:',
    parse=parse,
    json=True,
    usual=True,
    paths=r"(?i)events?\.json|k8s|kube",
)
