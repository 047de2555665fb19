"""Entries of Google Cloud's logging that hold a line of some log: GKE, Cloud Run.

What a container writes is kept as `textPayload`, or as `jsonPayload` where it was an
object, less the fields that Google takes for the entry's own, such as the severity. A
text that does not stamp itself is what an application said (`app_json`).
"""

from typing import Any

import polars as pl

from forensic.fields.exported import exported, is_line
from forensic.fields.json_text import compact
from forensic.format import Format

__all__ = ["FORMAT"]


#: Keys of objects that Google's own services write.
_SERVICES = {"@type", "disposition", "connection", "MESSAGE", "SYSLOG_IDENTIFIER"}
_KEPT = {"log": "logName", "insertId": "insertId"}
_LEVELS = {"level", "levelname", "severity", "lvl", "log.level", "loglevel"}


def _line(record: dict[str, Any]) -> str | None:
    """The line that the entry holds, as it was written; None where there is none."""
    text, fields = record.get("textPayload"), record.get("jsonPayload")
    if isinstance(text, str):
        return text.rstrip("\r\n") if is_line(text) else None
    if not isinstance(fields, dict) or "httpRequest" in record or not fields:
        return None
    if not _SERVICES.isdisjoint(fields):
        return None
    taken = _LEVELS.isdisjoint(fields) and isinstance(record.get("severity"), str)
    return compact(fields | ({"severity": record["severity"]} if taken else {}))


def _read(record: Any) -> dict[str, Any] | None:
    line = _line(record) if isinstance(record, dict) else None
    if line is None:
        return None
    resource = record.get("resource")
    labels = resource.get("labels") if isinstance(resource, dict) else None
    labels = labels if isinstance(labels, dict) else {}
    names = ("namespace_name", "container_name", "service_name", "revision_name")
    return {
        "stamp": record.get("timestamp"),
        "hostname": labels.get("pod_name") or labels.get("instance_id"),
        "message": line,
        "extra": {name: labels.get(name) for name in names}
        | {name: record.get(key) for name, key in _KEPT.items()},
    }


def _parse(lines: pl.Series) -> pl.DataFrame:
    return exported(lines, _read, "JSON, but no line in an entry of Google's")


FORMAT = Format(
    name="gcp_text",
    title="lines in Google Cloud log entries",
    hop=None,
    reference="https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry",
    head=r'^\s*\{[\s\S]*"(?:text|json)Payload"\s*:',
    parse=_parse,
    envelope=True,
    json=True,
    paths=r"(?i)gcp|gke|cloud.?run|stackdriver",
)
