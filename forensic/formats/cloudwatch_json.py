"""CloudWatch Logs as JSON: events as the CLI, Insights and subscriptions write them.

The lists around the events (`events`, `logEvents`, `results`) are taken off before
(forensic.documents): a record is one event, or the fields of one Insights row.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from forensic.fields.json_fields import json_rows
from forensic.fields.json_text import compact, nested
from forensic.format import Format
from forensic.schema import PARSED

__all__ = ["FORMAT"]

_SCHEMA = {n: PARSED[n] for n in ("envelope_local", "envelope_offset", "message")}
#: An event of `get-log-events` or `filter-log-events` has one of them.
_MARKS = {"ingestionTime", "eventId", "logStreamName"}
#: All that an event of a subscription may have; records of others have an `id` too.
_SUBSCRIBED = {"id", "timestamp", "message", "extractedFields"}
_INSIGHTS = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\Z")
_KEPT = {
    "logStreamName": "log_stream",
    "@logStream": "log_stream",
    "@log": "log_group",
    "@entity": "entity",
    "eventId": "event_id",
    "id": "event_id",
}


def _event(value: Any) -> dict[str, Any] | None:
    """The keys of an event, however it is written; None for anything else."""
    if isinstance(value, list):  # an Insights row: [{"field": …, "value": …}, …]
        fields = [item for item in value if isinstance(item, dict)]
        value = {str(item.get("field")): item.get("value") for item in fields}
    if not isinstance(value, dict):
        return None
    if "@message" in value:
        return value
    if _INSIGHTS.match(str(value.get("@timestamp", ""))) and len(value) > 1:
        # Insights was asked for single fields: the object that they were taken from.
        apart = {name: value[name] for name in value if not name.startswith("@")}
        return value | {"@message": nested(apart)}
    own = _MARKS & value.keys() or {"id"} < value.keys() <= _SUBSCRIBED
    return value if own and {"message", "timestamp"} <= value.keys() else None


def _moment(written: Any) -> datetime | None:
    """The UTC moment: epoch milliseconds, or `2025-02-06 05:32:07.123` in UTC."""
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001 - columns are naive
    if isinstance(written, str) and not written.isdigit():
        try:
            moment = datetime.fromisoformat(written)
        except ValueError:
            return None
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    try:
        return epoch + timedelta(milliseconds=int(written))
    except (TypeError, ValueError, OverflowError):
        return None


def _read(value: Any) -> dict[str, Any] | str:
    event = _event(value)
    if event is None:
        return "JSON, but no CloudWatch Logs event"
    message = event.get("@message", event.get("message"))
    if isinstance(message, dict | list):
        message = compact({"": message})
        message = message[4:-1] if message else None
    moment = _moment(event.get("@timestamp", event.get("timestamp")))
    extra = {
        name: event[key]
        for key, name in _KEPT.items()
        if isinstance(event.get(key), str)
    }
    return {
        "envelope_local": moment,
        "envelope_offset": None if moment is None else 0,
        "message": message.rstrip("\r\n") if isinstance(message, str) else None,
        "extra": extra,
    }


def _parse(lines: pl.Series) -> pl.DataFrame:
    return json_rows(lines, _read, _SCHEMA)


FORMAT = Format(
    name="cloudwatch_json",
    title="CloudWatch Logs events as JSON",
    hop=None,
    reference="https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilteredLogEvent.html",
    head=(
        r'^\s*(?:\{[\s\S]*"(?:ingestionTime|eventId|logStreamName|@message|id)"\s*:'
        r'|\{[\s\S]*"@timestamp"\s*:\s*"\d{4}-\d\d-\d\d \d\d:'
        r'|\[\s*\{\s*"(?:field|value)"\s*:)'
    ),
    parse=_parse,
    envelope=True,
    payload=False,
    json=True,
    paths=r"(?i)cloudwatch|insights|log-events|firehose",
)
