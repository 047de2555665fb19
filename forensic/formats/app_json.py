"""Application logs as one JSON object a record, whatever the library calls its keys.

python-json-logger, structlog, loguru, Elastic's ECS, pino, bunyan, winston, zap, slog,
zerolog, logstash, Serilog, GCP and Lambda agree on little but this: a time, a level
and a message. Keys are looked up by their synonyms; what has none stays in `extra`.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from forensic.fields.columns import target, without_port
from forensic.fields.exported import is_carrier, is_line
from forensic.fields.http_messages import http_messages
from forensic.fields.json_fields import json_rows
from forensic.fields.record_shapes import ByShape, at
from forensic.format import Format
from forensic.schema import PARSED

__all__ = ["FORMAT"]

#: Column ▶ the names it goes by, best first; a dot is a level, or part of the name.
_NAMES = {
    "time": "@timestamp timestamp time ts datetime asctime @t t instant timeMillis"
    " eventTime Timestamp record.time created_at created date"
    " timestamp_ns time_unix_nano",
    "level": "log.level levelname level severity severity_text lvl loglevel log_level"
    " @l record.level.name levelno LogLevel Level",
    "message": "record.message message msg event short_message text log @m @mt body"
    " textPayload jsonPayload.message fields.message Message RenderedMessage"
    " MessageTemplate exception.message error.message err.message error",
    "logger": "log.logger logger logger.name logger_name loggerName name SourceContext"
    " category record.name logName target Category",
    "pid": "pid process.pid process record.process.id process_id",
    "hostname": "hostname host.name host.hostname host",
    "method": "http.request.method req.method request.method httpRequest.requestMethod"
    " http_method request_method http.method meta.req.method RequestMethod"
    " Properties.RequestMethod proxy.method span.method method",
    "url": "url.original url.full req.url request.uri request.url"
    " httpRequest.requestUrl request_uri http.url http.target meta.req.url RequestPath"
    " Properties.RequestPath span.uri url uri request.path url.path path",
    "asked": "url.query request.query query_string queryString query",
    "http_host": "request.host http_host req.headers.host",
    "http_version": "http.version request.proto http_version",
    "status": "http.response.status_code res.statusCode response.status_code"
    " response.status httpRequest.status http.status_code status_code statusCode"
    " meta.res.statusCode StatusCode Properties.StatusCode fields.status"
    " fields.classification status",
    "client_ip": "client.ip source.ip client.address request.client_ip request.ip"
    " request.remote_ip httpRequest.remoteIp req.remoteAddress client_ip clientIp"
    " remote_addr remote_ip remoteAddress remoteAddr proxy.clientIp ip",
    "forwarded_for": "x_forwarded_for forwarded_for req.headers.x-forwarded-for",
    "user_agent": "user_agent.original httpRequest.userAgent req.headers.user-agent"
    " user_agent userAgent proxy.userAgent ua",
    "trace_id": "trace.id trace_id traceId x_amzn_trace_id dd.trace_id otelTraceID"
    " traceparent",
    "request_id": "http.request.id request_id requestId req_id reqId x_request_id"
    " req.id aws_request_id correlation_id correlationId",
    "seconds": "duration_seconds duration_s elapsed_seconds request_time",
    "millis": "responseTime duration_ms durationMs elapsed_ms elapsedMs latency_ms"
    " response_time_ms took_ms meta.responseTime Elapsed Properties.Elapsed",
    "duration": "latency_human duration latency httpRequest.latency elapsed took"
    " response_time",
    "error": "error.type error.kind err.type exc_type exception.type exception_class"
    " exception.class",
    "trace": "error.stack_trace error.stack exception.stacktrace err.stack exc_info"
    " exception stack_trace stacktrace stack @x thrown record.exception Exception",
}
_PATHS = {
    column: [(name, name.split(".")) for name in names.split()]
    for column, names in _NAMES.items()
}
#: Columns whose value may be an object, and those whose value stays in `extra` as it
#: is: the column has it in another unit, or taken apart.
_OBJECTS = {"time", "trace"}
_KEPT = {"duration", "millis", "seconds", "trace", "url", "asked", "http_host"}
_NO_RECORD = "JSON, but no application record"
#: Records of others: each has all keys of one of these sets.
_FOREIGN = [
    {"webaclId"},
    {"terminatingRuleId"},
    {"eventVersion", "eventSource"},
    {"__REALTIME_TIMESTAMP"},
    {"log", "stream"},
    {"ingestionTime"},
    {"logStreamName"},
    {"remote_addr", "body_bytes_sent"},
    {"request_method", "status", "time_local"},
    {"EdgeResponseStatus"},
    {"fastly_server"},
    {"vh_name", "rsp_code"},
    {"DownstreamStatus", "RequestMethod"},
    {"response_flags", "response_code"},
    {"input.type", "log.offset"},  # what a shipper's own tests expect of it
]
#: Records around a line of some other log, unless they have a level of their own.
_SHIPPED = [
    *({"agent", key} for key in ("input", "log", "ecs", "host")),
    {"kubernetes"},
    {"@metadata"},
    {"source_type", "timestamp"},
    {"container_id", "container_name"},
]
#: What lograge writes of a request instead of a message; its durations are in ms.
_RAILS = {"method", "path", "controller", "action", "status"}
#: Lesser statuses are an answer, whatever was thrown on the way to it.
_FAILED = 500
#: Characters of a traceback that are kept there; `extra` has all of it.
_MOST = 16 << 10
#: So much of a traceback tells whether the message has it already.
_SAME = 60
_LETTERS = {"D": "debug", "I": "info", "W": "warning", "E": "error", "F": "fatal"}
_NODE = {10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal"}
_PYTHON = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}
_SYSLOG = dict(enumerate("emerg alert crit err warning notice info debug".split()))
_STAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\d* ?"
    r"(Z|UTC|[+-]\d\d:?\d\d)?(?: [A-Z]{3,4})?(?: m=[+-][0-9.]+)?\Z"
)
_THROWN = re.compile(r"(?:\w+(?:\.|::))*[A-Z]\w*(?:Error|Exception)\b")
_SPAN = re.compile(r"(\d+(?:\.\d+)?) ?(ns|us|µs|ms|s|m)\Z")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
_CLASS = "Status code: "
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - columns are naive
_TEXTS = (
    "hostname logger method http_version client_ip forwarded_for user_agent"
    " trace_id request_id"
).split()
_SCHEMA = {
    name: PARSED[name]
    for name in (
        *("local_time", "utc_offset", "level", "pid", "message", "status", "duration"),
        *(*_TEXTS, "host", "reason"),
    )
} | dict.fromkeys(["url", "asked"], pl.String())


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the records of one shape have what; their keys alone decide it."""

    paths: Mapping[str, Sequence[str]]  # column ▶ the keys that lead to its value
    used: Mapping[str, str]  # column ▶ the record's own key, where that is all
    rest: Sequence[str]  # the keys that no column uses
    foreign: bool
    shipped: bool


def _path(record: Mapping[str, Any], column: str) -> Sequence[str] | None:
    """The keys of the first value that goes by one of the column's names."""
    for name, levels in _PATHS[column]:
        path = levels if record.get(name) is None else (name,)
        value = at(record, path)
        if value is not None and (column in _OBJECTS or not isinstance(value, dict)):
            return path
    return None


def _places(record: Mapping[str, Any]) -> _Places:
    """Where a record, and any other of its shape, has what."""
    paths = {name: path for name in _PATHS if (path := _path(record, name))}
    used = {
        name: path[0]
        for name, path in paths.items()
        if len(path) == 1 and name not in _KEPT
    }
    taken = set(used.values())
    return _Places(
        paths=paths,
        used=used,
        rest=[key for key in record if key not in taken],
        foreign=any(keys <= record.keys() for keys in _FOREIGN),
        shipped=any(keys <= record.keys() for keys in _SHIPPED),
    )


_SHAPES = ByShape(_places)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _status(value: Any) -> float | None:
    """A status code; tower-http writes `Status code: 500 Internal Server Error`."""
    if isinstance(value, str) and value.startswith(_CLASS):
        value = value[len(_CLASS) :][:3]
    return _number(value)


def _epoch(number: float) -> tuple[datetime, int] | None:
    """The UTC moment of seconds, milli-, micro- or nanoseconds, by their size."""
    for limit, unit in ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (1e20, 1e-3)):
        if 1e8 <= number < limit:
            return _EPOCH + timedelta(microseconds=round(number * unit)), 0
    return None


def _moment(value: Any) -> tuple[datetime, int | None] | None:
    """The stamp as written and its offset in seconds; None for what is no stamp."""
    if isinstance(value, dict):
        if isinstance(value.get("$date"), str):  # MongoDB
            return _moment(value["$date"])
        if isinstance(value.get("repr"), str):  # loguru
            return _moment(value["repr"])
        whole = _number(value.get("epochSecond", value.get("seconds")))
        part = _number(value.get("nanoOfSecond", value.get("nanos", 0)))
        return None if whole is None else _epoch(whole + (part or 0.0) / 1e9)
    if isinstance(value, str) and (written := _written(value)):
        return written
    number = _number(value)
    return None if number is None else _epoch(number)


def _written(text: str) -> tuple[datetime, int | None] | None:
    """The stamp of an ISO text, with a comma or a dot, with or without a zone."""
    match = _STAMP.match(text)
    if match is None:
        return None
    date, clock, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{clock}")
    except ValueError:
        return None
    moment += timedelta(microseconds=int((fraction or "0").ljust(6, "0")[:6]))
    if zone is None or zone in {"Z", "UTC"}:
        return moment, None if zone is None else 0
    digits = zone[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return moment, -seconds if zone[0] == "-" else seconds


def _level(value: Any, record: dict[str, Any]) -> str | None:
    """The level in lower case; a number means what its library means by it."""
    if isinstance(value, str) and not value.isdigit():
        return value.lower()
    number = _number(value)
    if number is None:
        return None
    python = "levelno" in record or "levelname" in record or "lineno" in record
    names = _SYSLOG if number < 8 else _PYTHON if python else _NODE
    return names.get(int(number))


def _seconds(values: Mapping[str, Any], rails: bool) -> float | None:
    """The duration where its unit is known: by its name, its text or its library."""
    millis, seconds = _number(values.get("millis")), _number(values.get("seconds"))
    if millis is not None or seconds is not None:
        return millis / 1e3 if millis is not None else seconds
    value = values.get("duration")
    match = _SPAN.match(value) if isinstance(value, str) else None
    if match:
        return float(match[1]) * _UNITS[match[2]]
    millis = _number(value) if rails else None
    return None if millis is None else millis / 1e3


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None if value is None else str(value)


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _unwrapped(record: Any) -> Any:
    """The record that an Elasticsearch hit holds, or MongoDB's with its keys named."""
    if not isinstance(record, dict):
        return record
    if isinstance(record.get("_source"), dict):
        return record["_source"]
    if isinstance(record.get("t"), dict) and "$date" in record["t"]:
        letter = str(record.get("s"))[:1]
        named = {"level": _LETTERS.get(letter), "logger": record.get("c")}
        return {k: v for k, v in record.items() if k not in {"s", "c"}} | named
    return record


def _foreign(
    record: dict[str, Any],
    places: _Places,
    level: str | None,
    message: Any,
    speaks: bool,
) -> str | None:
    """Why a record is no application's; null where it is one."""
    caddy = "request" in record and str(record.get("logger")).startswith("http.")
    if places.foreign or caddy:
        return _NO_RECORD
    if is_line(str(record.get("textPayload", ""))):
        return "JSON, but an entry of a line"
    if level is None and (places.shipped or is_carrier(record, message)):
        return "JSON, but a shipper's record of a line"
    return None if speaks else "JSON, but neither message nor level and time"


def _read(value: Any) -> dict[str, Any] | str:
    """The columns of one record, or why it is none."""
    record = _unwrapped(value)
    if not isinstance(record, dict):
        return _NO_RECORD
    rails = record.keys() >= _RAILS
    if "host" in record and (rails or "latency_human" in record):  # the request's
        record = {("http_host" if k == "host" else k): v for k, v in record.items()}
    places = _SHAPES.of(record)
    values = {name: at(record, path) for name, path in places.paths.items()}
    said = record["error"] if isinstance(record.get("error"), str) else ""
    # logrus writes `msg` even where there is none, lograge none where it failed.
    message = values.get("message") or said or values.get("message")
    level = _level(values.get("level"), record)
    stamp = values.get("time")
    moment = _moment(stamp)
    speaks = message is not None or rails or (level is not None and moment is not None)
    if reason := _foreign(record, places, level, message, speaks):
        return reason
    status, pid = _status(values.get("status")), _number(values.get("pid"))
    valid = status is not None and 100 <= status <= 599
    handled = status is not None and 100 <= status < _FAILED
    unread = {n for n, known in (("time", moment), ("status", valid)) if not known}
    trace, asked = values.get("trace"), values.get("asked")
    trace = trace or (said if _THROWN.match(said) else None)
    row = {name: _text(_first(values.get(name))) for name in _TEXTS}
    return row | {
        "local_time": moment and moment[0],
        "utc_offset": moment and moment[1],
        "level": level,
        "message": _text(message) if handled else _with_trace(_text(message), trace),
        "pid": int(pid) if pid is not None and 0 <= pid < 2**31 else None,
        "status": int(status) if valid and status is not None else None,
        "duration": _seconds(values, rails),
        "host": _text(values.get("http_host")),
        "url": _text(values.get("url")),
        "asked": asked if isinstance(asked, str) else None,
        "reason": "exception" if values.get("error") or trace else None,
        "extra": {key: record[key] for key in _rest(record, places, unread)},
        "flags": ["bad_time"] if stamp is not None and moment is None else [],
    }


def _rest(record: dict[str, Any], places: _Places, unread: set[str]) -> Sequence[str]:
    """The keys that stay in `extra`: no column uses them, or could not be read."""
    if unread.isdisjoint(places.used):
        return places.rest
    taken = {key for name, key in places.used.items() if name not in unread}
    return [key for key in record if key not in taken]


def _with_trace(message: str | None, trace: Any) -> str | None:
    """The message, and below it what was thrown, as a log of text has it."""
    if not isinstance(trace, str) or not message or trace[:_SAME] in message:
        return message
    return f"{message}\n{trace[:_MOST]}"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of JSON records."""
    rows = json_rows(lines, _read, _SCHEMA)
    url = target(pl.col("url"))
    spoken = http_messages(rows["message"])
    # A query may be one of a database: that has spaces.
    asked = pl.when(pl.col("asked").str.contains(r"^\??[^ =]+=[^ ]*$")).then("asked")
    own = rows.drop("url", "asked").with_columns(
        scheme=rows.select(url["scheme"]).to_series(),
        host=rows.select(pl.coalesce("host", url["host"])).to_series(),
        path=rows.select(url["path"]).to_series(),
        query=rows.select(
            pl.coalesce(url["query"], asked.str.strip_prefix("?"))
        ).to_series(),
        client_ip=without_port(pl.col("client_ip")),
        http_version=pl.col("http_version").str.strip_prefix("HTTP/"),
    )
    # What names another host may be a call of its own, with the status of the answer.
    alone = own["status"].is_null() | spoken["host"].is_null()
    silent = own["path"].is_null() & alone
    return own.with_columns(
        pl.when(silent).then(pl.coalesce(pl.col(name), spoken[name])).otherwise(name)
        for name in spoken.columns
    )


FORMAT = Format(
    name="app_json",
    title="application log as JSON",
    hop="application",
    reference="python-json-logger, structlog, ECS, pino, zap, logstash, Serilog: keys",
    head=r"^\s*\{",
    parse=parse,
    json=True,
)
