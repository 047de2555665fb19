"""OpenTelemetry's log records as JSON: what a Collector writes into a file or bucket.

The lists around them (`resourceLogs`, `scopeLogs`, `logRecords`) are taken off before
(forensic.documents). A body is a line of some log, or what an application said, with
its fields as attributes beside it.
"""

from typing import Any

import polars as pl

from forensic.fields.exported import exported, line_or_record
from forensic.format import Format

__all__ = ["FORMAT"]

#: What a reader of files adds to a line.
_FILE = "log.file."
_PLAIN = ("stringValue", "boolValue", "doubleValue", "bytesValue")
_DEEPEST = 8


def _value(value: Any, depth: int = 0) -> Any:
    """The value of an `AnyValue`."""
    if not isinstance(value, dict) or depth > _DEEPEST:
        return None
    for name in _PLAIN:
        if name in value:
            return value[name]
    if "intValue" in value:  # a text, because JSON's numbers are not that exact
        text = str(value["intValue"])
        return int(text) if text.lstrip("-").isdecimal() and len(text) < 20 else text
    inside = value.get("kvlistValue", value.get("arrayValue"))
    items = inside.get("values") if isinstance(inside, dict) else None
    if not isinstance(items, list):
        return None
    if "arrayValue" in value:
        return [_value(item, depth + 1) for item in items]
    return _fields(items, depth + 1)


def _fields(items: Any, depth: int = 0) -> dict[str, Any]:
    """The values of a list of `{"key": …, "value": …}` by their keys."""
    found = items if isinstance(items, list) else []
    return {
        str(item["key"]): _value(item.get("value"), depth)
        for item in found
        if isinstance(item, dict) and "key" in item
    }


def _read(record: Any) -> dict[str, Any] | None:
    if not isinstance(record, dict) or "body" not in record:
        return None
    stamps = (record.get("timeUnixNano"), record.get("observedTimeUnixNano"))
    stamp = next((str(s) for s in stamps if s not in (None, "0", 0, "")), None)
    fields = _fields(record.get("attributes"))
    about = {k: v for k, v in fields.items() if k.startswith(_FILE)}
    told = {k: v for k, v in fields.items() if k not in about}
    told |= {"trace_id": record["traceId"]} if record.get("traceId") else {}
    level = record.get("severityText") or None
    body = _value(record["body"])
    if isinstance(body, dict):
        message = line_or_record(None, body | told, stamp, level)
    elif about and isinstance(body, str):
        message = body.rstrip("\r\n")
    else:
        message = line_or_record(body, told, stamp, level)
    kept = {"file": about.get("log.file.path") or about.get("log.file.name")}
    return {"stamp": stamp, "message": message, "extra": kept}


def _parse(lines: pl.Series) -> pl.DataFrame:
    return exported(lines, _read, "JSON, but no log record of OpenTelemetry")


FORMAT = Format(
    name="otlp_json",
    title="OpenTelemetry log records as JSON",
    hop=None,
    reference="https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/logs/v1/logs.proto",
    head=(
        r'^\s*\{[\s\S]*"body"\s*:\s*\{\s*"'
        r"(?:string|kvlist|int|bool|double|array|bytes)Value"
    ),
    parse=_parse,
    envelope=True,
    payload=False,
    json=True,
    paths=r"(?i)otel|otlp|opentelemetry",
)
