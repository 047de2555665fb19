"""Pods as `kubectl get pods -o json` prints them: how their containers are and ended.

One record a pod. Its stamp is that of the last end of a container, of one for want of
memory where there is one; what only waits has no stamp.
"""

from typing import Any

import polars as pl

from forensic.fields.columns import stamped
from forensic.fields.json_fields import json_rows, value_at
from forensic.format import Format
from forensic.schema import PARSED

__all__ = ["FORMAT"]

_COLUMNS = ("level", "process", "message", "reason", "hostname")
_SCHEMA = {
    **{name: PARSED[name] for name in _COLUMNS},
    "stamp": pl.String(),
}
_WELL = {"Completed", "ContainerCreating", "PodInitializing"}
_LISTS = "containerStatuses initContainerStatuses".split()


def _read(record: Any) -> dict[str, Any] | str:
    status = record.get("status") if isinstance(record, dict) else None
    name = value_at(record, "metadata.name") if isinstance(record, dict) else None
    if not isinstance(status, dict) or not isinstance(name, str):
        return "JSON, but no pod of Kubernetes"
    if record.get("kind", "Pod") != "Pod":
        return "JSON, but another thing of Kubernetes"
    node = value_at(record, "spec.nodeName")
    listed = [some for key in _LISTS for some in _dicts(status.get(key))]
    ends = [end for some in listed for end in _ends(some)]
    memory = [end for end in ends if end[1] == "OOMKilled"]
    last = max(memory or ends, default=None)
    waits = [found for some in listed if (found := value_at(some, "state.waiting"))]
    waiting = [(wait.get("reason"), wait.get("message")) for wait in _dicts(waits)]
    said, why = str(status.get("phase")), status.get("reason")
    if last is not None:
        why, said = last[1], f"container {last[2]} ended, exit code {last[3]}"
    elif waiting:
        why, said = waiting[0][0], waiting[0][1] or said
    elif why:
        said = status.get("message") or said
    told = {
        "namespace": value_at(record, "metadata.namespace"),
        "pod_ip": status.get("podIP"),
        "restarts": sum(_count(some.get("restartCount")) for some in listed),
        "waiting": [word for word, _ in waiting],
    }
    bad = bool(why) and str(why) not in _WELL
    return {
        "process": "kubernetes",
        "stamp": last[0] if last else None,
        "message": f"pod/{name} {why or said}: {said}",
        "reason": str(why) if why else None,
        "level": "warning" if bad else None,
        "hostname": node if isinstance(node, str) else None,
        "extra": {name: value for name, value in told.items() if value},
    }


def _ends(container: dict[str, Any]) -> list[tuple[str, str, str, int]]:
    """When a container ended, why, its name and its exit code; once or twice."""
    found = [
        value_at(container, f"{state}.terminated") for state in ("state", "lastState")
    ]
    return [
        (
            str(end.get("finishedAt")),
            str(end.get("reason")),
            str(container.get("name")),
            _count(end.get("exitCode")),
        )
        for end in _dicts(found)
    ]


def _dicts(values: Any) -> list[dict[str, Any]]:
    """The objects in a list."""
    return (
        [v for v in values if isinstance(v, dict)] if isinstance(values, list) else []
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of pods."""
    return stamped(json_rows(lines, _read, _SCHEMA))


FORMAT = Format(
    name="kubernetes_pods",
    title="kubectl get pods -o json",
    hop="host",
    reference="https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodStatus",
    head=r'^\s*\{[\s\S]*"(?:containerStatuses|podIPs|hostIP)"\s*:',
    parse=parse,
    json=True,
    paths=r"(?i)pods?\b|k8s|kube",
)
