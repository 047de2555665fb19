"""Events as JSON, one a line: our own columns, Timesketch's, Elastic's."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, BinaryIO

import orjson

from forensic.case import Case
from forensic.reports.escape import visible_json
from forensic.reports.exports.batches import Options, events

__all__ = ["described", "ecs", "jsonl", "timesketch"]

Record = dict[str, Any]

#: Above this Timesketch's index refuses a keyword (32,766 bytes of UTF-8).
_LONGEST = 8_000
#: ECS field ▶ our column.
_ECS = {
    "@timestamp": "time",
    "message": "message",
    "event.action": "action",
    "event.dataset": "format",
    "event.module": "hop",
    "event.reason": "reason",
    "host.hostname": "hostname",
    "http.request.bytes": "bytes_received",
    "http.request.id": "request_id",
    "http.request.method": "method",
    "http.request.referrer": "referrer",
    "http.response.bytes": "bytes_sent",
    "http.response.status_code": "status",
    "http.version": "http_version",
    "log.file.path": "source",
    "log.level": "level",
    "log.logger": "logger",
    "log.offset": "offset",
    "process.name": "process",
    "process.pid": "pid",
    "rule.name": "rule",
    "rule.ruleset": "rule_group",
    "rule.category": "rule_type",
    "source.ip": "client_ip",
    "tags": "labels",
    "trace.id": "trace_id",
    "url.domain": "host",
    "url.path": "path",
    "url.query": "query",
    "url.scheme": "scheme",
    "user.name": "user",
    "user_agent.original": "user_agent",
}


def jsonl(case: Case, sink: BinaryIO, options: Options) -> None:
    """Write every event with its filled columns."""
    _write(case, sink, options, lambda row: row)


def timesketch(case: Case, sink: BinaryIO, options: Options) -> None:
    """Write what Timesketch imports: message, datetime, timestamp_desc, and the rest.

    Events without a time cannot stand in a timeline and are left out.
    """
    _write(case, sink, options, _sketched)


def ecs(case: Case, sink: BinaryIO, options: Options) -> None:
    """Write documents of the Elastic Common Schema; the rest stands in `forensic`."""
    _write(case, sink, options, _elastic)


def _write(
    case: Case,
    sink: BinaryIO,
    options: Options,
    shape: Callable[[Record], Record | None],
) -> None:
    for frame in events(case, options):
        for row in frame.iter_rows(named=True):
            filled = {name: v for name, v in row.items() if v is not None and v != []}
            record = shape(filled)
            if record is not None:
                sink.write(_line(record))


def _line(record: Record) -> bytes:
    """One line of JSON that is also safe to look at in a terminal."""
    data = orjson.dumps(record, option=orjson.OPT_UTC_Z)
    if data.isascii() and b"\x7f" not in data:
        return data + b"\n"
    return visible_json(data.decode()).encode() + b"\n"


def described(row: Record) -> str:
    """What happened, in one line."""
    request = [row.get(name) for name in ("method", "path", "status", "action", "rule")]
    said = " ".join(str(part) for part in request if part is not None)
    return " | ".join(part for part in (said, row.get("message") or "") if part)


def _sketched(row: Record) -> Record | None:
    when = row.pop("time", None)
    if not isinstance(when, datetime):
        return None
    hop = row.get("hop") or "log"
    kept = {name: _short(value) for name, value in row.items() if name != "message"}
    return {
        "message": _short(f"[{hop}] {described(row)}"),
        "datetime": when.isoformat(),
        "timestamp_desc": "Event Logged",
        "timestamp": round(when.timestamp() * 1_000_000),
        **kept,
        "data_type": f"forensic:{row.get('format', 'unknown')}",
    }


def _short(value: Any) -> Any:
    return value[:_LONGEST] if isinstance(value, str) else value


def _elastic(row: Record) -> Record:
    document: Record = {"ecs": {"version": "8.17.0"}}
    for field, column in _ECS.items():
        if column in row:
            _place(document, field, row[column])
    if "duration" in row:
        _place(document, "event.duration", round(row["duration"] * 1e9))
    _place(document, "event.kind", "event")
    rest = row.keys() - {*_ECS.values(), "duration"}
    labels = {name: row[name] for name in sorted(rest)}
    if labels:
        document["forensic"] = labels
    return document


def _place(document: Record, field: str, value: Any) -> None:
    *folders, last = field.split(".")
    for folder in folders:
        document = document.setdefault(folder, {})
    document[last] = value
