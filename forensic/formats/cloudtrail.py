"""AWS CloudTrail events: what was changed, by whom, just before."""

from datetime import UTC, datetime
from typing import Any

import polars as pl

from forensic.fields.json_fields import json_rows
from forensic.fields.json_text import load
from forensic.format import Format
from forensic.schema import PARSED

__all__ = ["FORMAT"]

_COLUMNS = (
    "local_time utc_offset client_ip user user_agent request_id action reason message"
).split()
_SCHEMA = {name: PARSED[name] for name in _COLUMNS}
#: Keys whose content is in columns.
_IN_COLUMNS = {"eventTime", "sourceIPAddress", "userAgent", "requestID"}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _who(identity: Any) -> str | None:
    """The caller: its ARN, or the best name there is."""
    if not isinstance(identity, dict):
        return None
    keys = ("arn", "userName", "principalId", "invokedBy", "type")
    return next((name for key in keys if (name := _text(identity.get(key)))), None)


def _read(event: Any) -> dict[str, Any] | str:
    """The columns of an event; `lookup-events` holds it as text in an object."""
    duplicates: dict[str, list[Any]] = {}
    if isinstance(event, dict) and isinstance(event.get("CloudTrailEvent"), str):
        event, duplicates = load(event["CloudTrailEvent"])
    if not isinstance(event, dict) or "eventName" not in event:
        return "JSON, but no CloudTrail event"
    # Others have an object of this name.
    source = _text(event.get("eventSource"))
    if source is None:
        return "JSON, but no CloudTrail event"
    moment = _moment(event.get("eventTime"))
    name = _text(event.get("eventName"))
    extra = {
        key: value
        for key, value in event.items()
        if key not in _IN_COLUMNS and value not in (None, "")
    }
    return {
        "local_time": moment,
        "utc_offset": None if moment is None else 0,
        "client_ip": _text(event.get("sourceIPAddress")),
        "user": _who(event.get("userIdentity")),
        "user_agent": _text(event.get("userAgent")),
        "request_id": _text(event.get("requestID")),
        "action": name,
        "reason": _text(event.get("errorCode")),
        "message": " ".join(filter(None, [source, name])) or None,
        "extra": extra,
        "duplicates": duplicates,
    }


def _parse(lines: pl.Series) -> pl.DataFrame:
    return json_rows(lines, _read, _SCHEMA)


FORMAT = Format(
    name="cloudtrail",
    title="AWS CloudTrail",
    hop=None,
    reference="https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html",
    head=r'^\s*\{[\s\S]*\\?"(?:eventSource|CloudTrailEvent)\\?"\s*:',
    parse=_parse,
    json=True,
    paths=r"(?i)cloudtrail",
)
