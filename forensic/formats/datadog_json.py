"""Logs that Datadog kept, as JSON: its archives in buckets, and what its API answers.

The message is the line as it was sent; of a log that was JSON it is one field, and the
others are attributes. The list around the API's records is taken off before
(forensic.documents).
"""

from typing import Any

import polars as pl

from forensic.fields.exported import exported, line_or_record
from forensic.format import Format

__all__ = ["FORMAT"]

#: Attributes that Datadog itself adds.
_OWN = {"hostname", "timestamp", "service", "status", "@timestamp"}


def _inner(record: dict[str, Any]) -> dict[str, Any] | None:
    """What was logged: at the top in an archive, below it in an answer of the API."""
    log = record.get("type") == "log"
    below: Any = record.get("attributes" if log else "content")
    if isinstance(below, dict) and "timestamp" in below:
        return below
    return record if {"_id", "date", "message"} <= record.keys() else None


def _read(record: Any) -> dict[str, Any] | None:
    found = _inner(record) if isinstance(record, dict) else None
    if found is None:
        return None
    stamp = found.get("date", found.get("timestamp"))
    told = found.get("attributes")
    told = told if isinstance(told, dict) else {}
    fields = {key: value for key, value in told.items() if key not in _OWN}
    return {
        "stamp": stamp,
        "hostname": found.get("host"),
        "message": line_or_record(
            found.get("message"), fields, stamp, found.get("status")
        ),
        "extra": {name: found.get(name) for name in ("service", "source")},
    }


def _parse(lines: pl.Series) -> pl.DataFrame:
    return exported(lines, _read, "JSON, but no log of Datadog")


FORMAT = Format(
    name="datadog_json",
    title="logs of Datadog as JSON",
    hop=None,
    reference="https://docs.datadoghq.com/logs/log_configuration/archives/",
    head=(
        r'^\s*\{[\s\S]*?(?:"type"\s*:\s*"log"|"content"\s*:\s*\{'
        r'|"_id"\s*:[\s\S]*"date"\s*:|"date"\s*:[\s\S]*"_id"\s*:)'
    ),
    parse=_parse,
    envelope=True,
    payload=False,
    json=True,
    paths=r"(?i)datadog|archive_[0-9]",
)
