"""What ECS says of its tasks and services: `describe-tasks`, `describe-services`.

A task that ended has its own reason, and one for each container beside its exit code;
EventBridge sends the same as `detail`. Of a service each event is a sentence that
begins with `(service NAME)`. What stands for itself here is told in words, since a
cause of a request is no more than likely: 137 may be a lack of memory, or a stop that
took too long.
"""

import re
from typing import Any

import polars as pl

from forensic.fields.columns import stamped
from forensic.fields.json_fields import json_rows
from forensic.format import Format
from forensic.schema import PARSED

__all__ = ["FORMAT"]

_COLUMNS = ("level", "process", "message", "reason", "hostname")
_SCHEMA = {
    **{name: PARSED[name] for name in _COLUMNS},
    "stamp": pl.String(),
}
_STAMPS = "executionStoppedAt stoppedAt stoppingAt startedAt createdAt".split()
#: What a service's sentence holds ▶ the word for it.
_SAID = {
    "is unhealthy": "Unhealthy",
    "health checks failed": "Unhealthy",
    "unable to place": "FailedPlacement",
    "unable to consistently start": "BackOff",
    "deployment failed": "DeploymentFailed",
    "deregistered": "Deregistered",
    "has stopped": "Killing",
    "has begun draining": "Draining",
}
_KILLED = "OutOfMemory"
_SERVICE = re.compile(r"\(service ([^)\s]+)\)")


def _read(record: Any) -> dict[str, Any] | str:
    if isinstance(record, dict) and isinstance(record.get("detail"), dict):
        record = record["detail"]
    if not isinstance(record, dict):
        return "JSON, but nothing of ECS"
    if "taskArn" in record and "lastStatus" in record:
        return _task(record)
    said = record.get("message")
    named = _SERVICE.match(said) if isinstance(said, str) else None
    if named is not None:
        why = next((w for words, w in _SAID.items() if words in named.string), None)
        bad = why in {"Unhealthy", "FailedPlacement", "BackOff", "DeploymentFailed"}
        return {
            "process": "ecs",
            "stamp": _text(record.get("createdAt")),
            "message": f"service/{named[1]} {why or 'said'}: {named.string}",
            "reason": why,
            "level": "warning" if bad else None,
            "extra": {"id": record.get("id")},
        }
    return "JSON, but nothing of ECS"


def _task(record: dict[str, Any]) -> dict[str, Any]:
    """The columns of a task."""
    name = str(record["taskArn"]).rpartition("/")[2]
    whose = str(record.get("group") or "").removeprefix("service:")
    status = str(record["lastStatus"])
    listed = record.get("containers")
    listed = listed if isinstance(listed, list) else []
    inside = [c for c in listed if isinstance(c, dict)]
    ends = [_end(c) for c in inside if c.get("exitCode") is not None or c.get("reason")]
    killed = any(_KILLED in str(c.get("reason")) for c in inside)
    failed = any(c.get("exitCode") not in (None, 0) for c in inside) or killed
    why = [str(record["stoppedReason"])] if record.get("stoppedReason") else []
    of = [f"of {whose}"] if whose else []
    ended = status == "STOPPED"
    words = "OOMKilled" if killed else "Failed" if failed else "Killing"
    words = words if ended else status
    known = ("stopCode", "clusterArn", "taskDefinitionArn", "containerInstanceArn")
    return {
        "process": "ecs",
        "stamp": next((_text(record[key]) for key in _STAMPS if record.get(key)), None),
        "message": f"task/{name} {words}: {'; '.join([*of, *why, *ends])}",
        "reason": words,
        "level": "warning" if failed else None,
        "hostname": _address(inside),
        "extra": {key: record[key] for key in known if record.get(key)},
    }


def _end(container: dict[str, Any]) -> str:
    """How a container ended, in words."""
    code, why = container.get("exitCode"), container.get("reason")
    parts = [f"container {container.get('name')}"]
    parts += [f"exit code {code}"] if code is not None else []
    return ", ".join([*parts, str(why)] if why else parts)


def _address(containers: list[dict[str, Any]]) -> str | None:
    """The address of the task, by which a load balancer knows it."""
    found = [c.get("networkInterfaces") for c in containers]
    cards = [card for some in found if isinstance(some, list) for card in some]
    held = (c.get("privateIpv4Address") for c in cards if isinstance(c, dict))
    return next((address for address in held if isinstance(address, str)), None)


def _text(stamp: Any) -> str | None:
    """A stamp as text: older command lines print seconds since 1970."""
    if isinstance(stamp, int | float) and 0 < stamp < 1 << 32:
        moment = pl.Series([round(stamp * 1e6)]).cast(pl.Datetime("us"))
        return f"{moment.dt.strftime('%Y-%m-%dT%H:%M:%S.%6f')[0]}Z"
    return stamp if isinstance(stamp, str) else None


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of tasks and of the events of services."""
    return stamped(json_rows(lines, _read, _SCHEMA))


FORMAT = Format(
    name="aws_ecs",
    title="ECS tasks and service events",
    hop="host",
    reference="https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html",
    head=(r'^\s*\{[\s\S]*"(?:taskDefinitionArn"\s*:|message"\s*:\s*"\(service )'),
    parse=parse,
    json=True,
    narrow=True,
    paths=r"(?i)ecs|describe-(?:tasks|services)",
)
