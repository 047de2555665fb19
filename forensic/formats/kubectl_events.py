"""The table that `kubectl get events` prints: `12m  Warning  BackOff  pod/x  text`.

`kubectl events` has the kind of a thing in capitals: `Pod/x`. It tells how long ago
each event was, not when: no line has a time.
"""

import polars as pl

from forensic.fields.columns import json_extra, prefix
from forensic.format import Format

__all__ = ["FORMAT"]

_AGE = r"(?:(?:[0-9]+[smhdy])+(?: \(x[0-9]+ over [0-9smhdy]+\))?|<unknown>|<invalid>)"
_KIND = r"(?:Normal|Warning)"
#: `-o wide` has the container and who says so before the message, and behind it when
#: it was first said, how often, and the event's own name.
_WIDE = (
    rf"^(?:spec\.[^ ]+ +)?[a-z][a-z0-9-]*(?:, [^ ]+)? {{3,}}([^ ].*?) {{3,}}{_AGE} +"
    r"[0-9]+ +[a-z0-9][a-z0-9.-]*$"
)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the table's rows."""
    head = prefix(
        lines,
        rf"(?:(?P<namespace>[a-z0-9.-]+) +)?(?P<age>{_AGE}) +(?P<level>{_KIND}) +"
        r"(?P<reason>[A-Za-z0-9]+) +(?P<thing>[A-Za-z0-9.-]+/[^ ]+) +",
    )
    known = pl.col("rest").is_not_null()
    rest = pl.col("rest").str.strip_chars()
    said = pl.coalesce(rest.str.extract(_WIDE), rest)
    kind = pl.col("thing").str.extract(r"^([^/]*/)").str.to_lowercase()
    thing = pl.concat_str(kind, pl.col("thing").str.replace(r"^[^/]*/", ""))
    return head.select(
        "reason",
        level=pl.col("level").str.to_lowercase(),
        process=pl.when(known).then(pl.lit("kubernetes")),
        message=pl.format("{} {}: {}", thing, "reason", said),
        extra=json_extra(age=pl.col("age"), namespace=pl.col("namespace")),
        refused=pl.when(~known).then(pl.lit("no row of kubectl's events")),
    )


FORMAT = Format(
    name="kubectl_events",
    title="kubectl get events",
    hop="host",
    reference="https://kubernetes.io/docs/reference/kubectl/generated/kubectl_events/",
    head=rf"^(?:[a-z0-9.-]+ +)?{_AGE} +{_KIND} +[A-Za-z0-9]+ +[A-Za-z0-9.-]+/[^ ]+ ",
    header=r"^(?:NAMESPACE +)?LAST SEEN +TYPE +REASON +OBJECT +"
    r"(?:SUBOBJECT +SOURCE +)?MESSAGE|^\$ kubectl ",
    parse=parse,
    paths=r"(?i)events?|kube|k8s",
)
