"""JSON records of a log store ▶ an envelope's columns: what OTLP, Loki, … export.

A store keeps a line of some log, the moment, and what it knows beside it. Where it took
the line apart when it came in, only the pieces are left: they are put together again as
the record of an application's JSON log.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from forensic.fields.columns import moments
from forensic.fields.json_fields import json_rows
from forensic.fields.json_text import compact

__all__ = ["exported", "is_carrier", "is_line", "line_or_record"]

#: A line that stamps itself, or is an object: nothing was taken off it.
_LINE = re.compile(
    r"\s*\{|.{0,40}?(?:[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[T\t ][0-9]{2}:[0-9]{2}"
    r"|[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"|\b1[0-9]{9}\.[0-9]{3} |^[IWEF][0-9]{4} [0-9]{2}:[0-9]{2})"
    r"|.{0,160}?\[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:"
)
#: One that begins with its stamp, or as an access line does: no sentence does.
_WHOLE = re.compile(
    r'\s*\{"|[\[(<]?[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}'
    r"|\[?(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}"
    r'|[^\["{]{3,120}\[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:'
    r"|[IWEF][0-9]{4} [0-9]{2}:[0-9]{2}:"
)
_FLUENT_BIT = {"date", "log"}
_LOGSTASH = set(
    "@timestamp @version message host path type tags event log input".split()
)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - columns are naive
_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(("written", "hostname", "message"), pl.String()),
    "counted": pl.Datetime("us"),
}


def is_line(text: str) -> bool:
    """Whether a text stamps itself as a line of a log does, or is an object."""
    return _LINE.match(text) is not None


def is_carrier(record: Mapping[str, Any], text: Any) -> bool:
    """Whether a record of no level only carries a text: a line as it was written.

    Fluent Bit and Logstash, which look into no line, add a stamp and where it is from.
    """
    bare = record.keys() == _FLUENT_BIT or {"@version"} <= record.keys() <= _LOGSTASH
    return isinstance(text, str) and (bare or _WHOLE.match(text) is not None)


def line_or_record(
    text: Any, fields: Mapping[str, Any], stamp: Any, level: Any
) -> str | None:
    """The line as it is, or a record of its pieces; None where there is neither."""
    if isinstance(text, str) and (is_line(text) or not (fields or level)):
        return text.rstrip("\r\n")
    known = {"timestamp": _iso(stamp), "level": level, "message": text}
    record = {key: value for key, value in known.items() if value not in (None, "")}
    return compact(record | dict(fields)) if fields or text else None


def exported(
    lines: pl.Series, read: Callable[[Any], dict[str, Any] | None], reason: str
) -> pl.DataFrame:
    """The envelope's columns of records; `message` is the payload.

    `read` finds `stamp`, `hostname`, `message` and `extra` in a decoded record; None
    says that it is none, which `reason` names.
    """
    frame = json_rows(lines, lambda value: _row(read(value), reason), _SCHEMA)
    stamps = moments(frame["written"])
    written = pl.lit(stamps["local_time"])
    counted = pl.col("counted").is_not_null()
    return frame.select(
        *("hostname", "message", "extra", "flags", "refused"),
        envelope_local=pl.coalesce(written, "counted"),
        envelope_offset=pl.when(written.is_not_null())
        .then(pl.lit(stamps["utc_offset"]))
        .when(counted)
        .then(pl.lit(0, pl.Int32)),
    )


def _row(found: dict[str, Any] | None, reason: str) -> dict[str, Any] | str:
    if found is None or not isinstance(found.get("message"), str):
        return reason
    stamp, host, extra = found.get("stamp"), found.get("hostname"), found.get("extra")
    return {
        "written": stamp if isinstance(stamp, str) else None,
        "counted": _counted(stamp),
        "hostname": host if isinstance(host, str) and host else None,
        "message": found["message"],
        "extra": {k: v for k, v in (extra or {}).items() if v not in (None, "")},
    }


def _counted(stamp: Any) -> datetime | None:
    """The moment that a count since 1970 means: seconds to nanoseconds, by its size."""
    if isinstance(stamp, bool) or not isinstance(stamp, int | float | str):
        return None
    if isinstance(stamp, str) and not re.fullmatch(r"[0-9]{10,19}(?:\.[0-9]+)?", stamp):
        return None
    number = float(stamp) if "." in str(stamp) else int(stamp)
    for limit, micros in ((1e11, 1e6), (1e14, 1e3), (1e17, 1), (1e20, 1e-3)):
        if 1e8 <= number < limit:
            whole = number // 1000 if micros < 1 else round(number * micros)
            return _EPOCH + timedelta(microseconds=int(whole))
    return None


def _iso(stamp: Any) -> str | None:
    counted = _counted(stamp)
    if counted is not None:
        return counted.replace(tzinfo=UTC).isoformat()
    return stamp if isinstance(stamp, str) else None
