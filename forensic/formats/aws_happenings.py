"""What AWS says happened to servers, as its command line prints it: one record each.

Targets and their health, what autoscaling did, events of RDS, Elastic Beanstalk and
CloudFormation, the history of alarms. They know of no request; the health of targets
is that of the moment of asking, and has no time.
"""

from typing import Any

import polars as pl

from forensic.fields.columns import stamped
from forensic.fields.json_fields import json_rows, value_at
from forensic.format import Format
from forensic.schema import PARSED

__all__ = ["FORMAT"]

_SCHEMA = {
    **{name: PARSED[name] for name in ("level", "process", "message", "reason")},
    "stamp": pl.String(),
}
#: The service ▶ the key that only its records have, and where they say what they are
#: about, what happened, and when.
_KINDS = {
    "elb": (
        "TargetHealth",
        *("Target.Id", "TargetHealth.Description TargetHealth.State", ""),
    ),
    "autoscaling": ("ActivityId", "AutoScalingGroupName", "Description", "StartTime"),
    "cloudwatch": ("HistorySummary", "AlarmName", "HistorySummary", "Timestamp"),
    "cloudformation": (
        "ResourceStatus",
        *("LogicalResourceId", "ResourceStatusReason", "Timestamp"),
    ),
    "elasticbeanstalk": ("EventDate", "EnvironmentName", "Message", "EventDate"),
    "rds": ("SourceIdentifier", "SourceIdentifier", "Message", "Date"),
}
_WORDS = {
    "terminating": "Killing",
    "failover": "Failover",
    "restarted": "Restarted",
    "shutdown": "Restarted",
    "to alarm": "Alarm",
    "to severe": "Unhealthy",
    "_failed": "Failed",
}
_BAD = {"unhealthy", "unavailable", "draining", "unhealthy.draining"}


def _read(record: Any) -> dict[str, Any] | str:
    if not isinstance(record, dict):
        return "JSON, but nothing that happened in AWS"
    kind = next((kind for kind, (mark, *_) in _KINDS.items() if mark in record), None)
    if kind is None:
        return "JSON, but nothing that happened in AWS"
    _, thing, says, at = _KINDS[kind]
    name = value_at(record, thing)
    said = next(
        (str(text) for key in says.split() if (text := value_at(record, key))), ""
    )
    status = value_at(record, "ResourceStatus")
    state = value_at(record, "TargetHealth.State")
    words = f"{said} {status or ''}".lower()
    why = next((word for sign, word in _WORDS.items() if sign in words), None)
    if kind == "elb":
        port = value_at(record, "Target.Port")
        name = f"{name}:{port}" if port else name
        why = "Unhealthy" if str(state) in _BAD else None
    if not isinstance(name, str):
        return "JSON, but nothing that happened in AWS"
    parts = [str(part) for part in (status, said, record.get("Cause")) if part]
    stamp = record.get(at) if at else None
    return {
        "stamp": stamp if isinstance(stamp, str) else None,
        "process": kind,
        "message": f"{kind}/{name} {why or 'said'}: {'; '.join(parts)}",
        "reason": why,
        "level": "warning" if why else None,
        "extra": record,
    }


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of what happened."""
    return stamped(json_rows(lines, _read, _SCHEMA))


FORMAT = Format(
    name="aws_happenings",
    title="what AWS's command line says of servers (target health, autoscaling, RDS)",
    hop="host",
    reference="https://docs.aws.amazon.com/cli/latest/reference/elbv2/describe-target-health.html",
    head=(
        r'^\s*\{[\s\S]*"(?:TargetHealth|AutoScalingGroupName|HistorySummary'
        r'|ResourceStatus|EventDate|SourceIdentifier)"\s*:'
    ),
    parse=parse,
    json=True,
    narrow=True,
    paths=r"(?i)target-?health|autoscaling|alarm|stack-?events|rds|describe-",
)
