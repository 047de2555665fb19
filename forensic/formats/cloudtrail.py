"""AWS CloudTrail events: what was changed, by whom, just before."""

from datetime import UTC, datetime
from typing import Any

import polars as pl

from forensic.format import Format
from forensic.json_text import NotJsonError, compact, load
from forensic.schema import PARSED

__all__ = ["FORMAT"]

_COLUMNS = [
    "local_time",
    "utc_offset",
    "client_ip",
    "user",
    "user_agent",
    "request_id",
    "action",
    "reason",
    "message",
    "extra",
    "flags",
    "refused",
]
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


def _event(text: str) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The event on a line; `lookup-events` holds it as text in an object."""
    value, duplicates = load(text)
    if isinstance(value, dict) and isinstance(value.get("CloudTrailEvent"), str):
        value, inner = load(value["CloudTrailEvent"])
        duplicates |= inner
    if isinstance(value, dict) and {"eventSource", "eventName"} <= value.keys():
        return value, duplicates
    reason = "JSON, but no CloudTrail event"
    raise NotJsonError(reason)


def _row(text: str) -> dict[str, Any]:
    try:
        event, duplicates = _event(text)
    except NotJsonError as error:
        return {"refused": str(error)}
    moment = _moment(event.get("eventTime"))
    name, source = _text(event.get("eventName")), _text(event.get("eventSource"))
    extra = {
        key: value
        for key, value in event.items()
        if key not in _IN_COLUMNS and value not in (None, "")
    }
    extra |= {"duplicates": duplicates} if duplicates else {}
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
        "extra": compact(extra),
        "flags": ["duplicate_key"] if duplicates else None,
    }


def _parse(lines: pl.Series) -> pl.DataFrame:
    return pl.DataFrame([_row(line) for line in lines.to_list()], schema=_SCHEMA)


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
