"""Entries of Google Cloud's logging whose text is a line of some log: GKE, Cloud Run.

What a container writes is kept as `textPayload`, with the severity that Google guessed.
A text that does not stamp itself is what an application said (`app_json`).
"""

from typing import Any

import polars as pl

from forensic.exported import exported, is_line
from forensic.format import Format

__all__ = ["FORMAT"]


def _read(record: Any) -> dict[str, Any] | None:
    text = record.get("textPayload") if isinstance(record, dict) else None
    if not isinstance(text, str) or not is_line(text):
        return None
    resource = record.get("resource")
    labels = resource.get("labels") if isinstance(resource, dict) else None
    labels = labels if isinstance(labels, dict) else {}
    names = ("namespace_name", "container_name", "service_name", "revision_name")
    return {
        "stamp": record.get("timestamp"),
        "hostname": labels.get("pod_name") or labels.get("instance_id"),
        "message": text.rstrip("\r\n"),
        "extra": {name: labels.get(name) for name in names}
        | {"log": record.get("logName")},
    }


def _parse(lines: pl.Series) -> pl.DataFrame:
    return exported(lines, _read, "JSON, but no line in an entry of Google's")


FORMAT = Format(
    name="gcp_text",
    title="lines in Google Cloud log entries",
    hop=None,
    reference="https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry",
    head=r'^\s*\{[\s\S]*"textPayload"\s*:',
    parse=_parse,
    envelope=True,
    json=True,
    paths=r"(?i)gcp|gke|cloud.?run|stackdriver",
)
