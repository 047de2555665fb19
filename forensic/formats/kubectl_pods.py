"""The table that `kubectl get pods` prints: `pod  0/1  CrashLoopBackOff  7 (2m ago)`.

It tells how the pods are when it is printed, not since when: no line has a time.
"""

import polars as pl

from forensic.fields.columns import json_extra, prefix
from forensic.format import Format

__all__ = ["FORMAT"]

_AGE = r"(?:[0-9]+[smhdy])+"
_HEAD = (
    rf"^(?:[a-z0-9-]+ +)?[a-z0-9][a-z0-9.-]+ +[0-9]+/[0-9]+ +[A-Z][A-Za-z0-9:/]+ +"
    rf"[0-9]+(?: \({_AGE} ago\))? +{_AGE}(?: |$)"
)
#: How a pod is that has no trouble.
_WELL = ["Running", "Completed", "Succeeded", "ContainerCreating", "Pending"]


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the table's rows."""
    head = prefix(
        lines,
        r"(?:(?P<namespace>[a-z0-9-]+) +)?(?P<name>[a-z0-9][a-z0-9.-]+) +"
        r"(?P<ready>[0-9]+)/(?P<all>[0-9]+) +(?P<status>[A-Z][A-Za-z0-9:/]+) +"
        rf"(?P<restarts>[0-9]+)(?: \((?P<since>{_AGE}) ago\))? +(?P<age>{_AGE})",
    )
    known = lines.str.contains(_HEAD) & head["rest"].is_not_null()
    well = pl.col("status").is_in(_WELL)
    partly = (pl.col("status") == "Running") & (pl.col("ready") != pl.col("all"))
    why = pl.when(partly).then(pl.lit("NotReady")).when(~well).then("status")
    return head.select(
        reason=why,
        level=pl.when(why.is_not_null()).then(pl.lit("warning")),
        process=pl.when(pl.lit(known)).then(pl.lit("kubernetes")),
        message=pl.format(
            "pod/{} {}: {}/{} ready, {} restarts",
            *("name", pl.coalesce(why, "status"), "ready", "all", "restarts"),
        ),
        extra=json_extra(
            namespace=pl.col("namespace"), age=pl.col("age"), since=pl.col("since")
        ),
        refused=pl.when(~pl.lit(known)).then(pl.lit("no row of kubectl's pods")),
    )


FORMAT = Format(
    name="kubectl_pods",
    title="kubectl get pods",
    hop="host",
    reference="https://kubernetes.io/docs/reference/kubectl/generated/kubectl_get/",
    head=_HEAD,
    header=r"^(?:NAMESPACE +)?NAME +READY +STATUS +RESTARTS +AGE\b|^\$ kubectl ",
    parse=parse,
    payload=False,
    paths=r"(?i)pods?\b|kube|k8s",
)
