"""HAProxy's requests as JSON, by a `log-format` of the site's own.

The keys are the site's (`access_keys`); that it is HAProxy, the termination state tells
(`"termination_state": "sH--"`), which also says who ended the session. Durations are
milliseconds, -1 for what never came; `%t` has no zone.
"""

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from forensic.fields.access_keys import access_columns
from forensic.fields.columns import clf_stamp, json_extra
from forensic.fields.json_text import NotJsonError, load
from forensic.format import Format

__all__ = ["FORMAT"]

_STATE_KEY = re.compile(r"(?i)^(?:.*term.*|tsc?)$")
_STATE = re.compile(r"[A-Za-z-][A-Z-](?:[A-Z-]{2})?\Z")
_STAMP = re.compile(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\Z")
_WORDS = {
    "backend": "backend backend_name be be_name name_backend",
    "server": "server server_name srv srv_name backend_server name_server",
    "frontend": "frontend frontend_name fe fe_name frontend_name_transport"
    " name_frontend",
    "waited": "tr time_tr time_backend_response backend_response_time response_time"
    " upstream_response_time server_response_time",
    "took": "ta tt time_ta time_tt session_duration total_time time_total time_duration"
    " time_active active_time",
}
_NAME_OF = {key: name for name, keys in _WORDS.items() for key in keys.split()}
#: What other servers write in seconds.
_MILLIS = {"upstream_response_time", "upstream_connect_time", "upstream_header_time"}
#: Keys that elsewhere mean another thing.
_RENAMED = {"http_request": "request", "bytes_read": "bytes_sent"}
_DEPTH = 4
_PLACE = ["frontend", "backend", "server"]
_NAMES = [*_WORDS, "state", "stamp"]


def _parts(
    record: Mapping[str, Any], found: dict[str, str], above: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The record without what HAProxy alone says of a request, which is `found`."""
    rest: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict) and len(above) < _DEPTH:
            rest[key] = _parts(value, found, (*above, key))
            continue
        text = "" if value is None or isinstance(value, dict | list) else str(value)
        if _STATE_KEY.match(key) and _STATE.match(text):
            found.setdefault("state", text)
        elif _STAMP.match(text):
            found.setdefault("stamp", text)
        elif name := _named(key, above, text):
            found.setdefault(name, text)
        elif key.lower() not in _MILLIS:
            rest[_RENAMED.get(key.lower(), key)] = value
    return rest


def _named(key: str, above: tuple[str, ...], text: str) -> str | None:
    """What a value is, by its key alone or with that of the object around it."""
    plain = key.lower()
    name = _NAME_OF.get("_".join([*above[-1:], plain]).lower()) or _NAME_OF.get(plain)
    # Of a place the name is wanted, not how many connections or requests it has.
    return None if name in _PLACE and text.isdecimal() else name


def _read(
    line: str,
) -> tuple[dict[str, Any] | None, dict[str, list[Any]], dict[str, str]]:
    """The record, what it has twice, and what HAProxy alone says.

    No record where no state is in it.
    """
    found: dict[str, str] = {}
    try:
        record, duplicates = load(line)
    except NotJsonError:
        return None, {}, {}
    if not isinstance(record, dict):
        return None, {}, {}
    if "pid" in record:
        record.pop("host", None)  # the machine's name
    rest = _parts(record, found)
    return (rest, duplicates, found) if "state" in found else (None, {}, {})


def _parse(lines: pl.Series) -> pl.DataFrame:
    records = [_read(line) for line in lines]
    frame = access_columns([(record, twice) for record, twice, _ in records])
    told = pl.DataFrame(
        {name: [found.get(name) for *_, found in records] for name in _NAMES},
        schema=dict.fromkeys(_NAMES, pl.String),
    )
    if "status" not in frame.columns:
        return frame.select("refused")
    rows = pl.concat([frame, told], how="horizontal")
    own = [_taken(rows, name) for name in ("local_time", "upstream")]
    waited, took = (_seconds(pl.col(name)) for name in ("waited", "took"))
    server = pl.col("server")
    named = ~server.str.starts_with("<") & (server != "")
    local = pl.col("state").str.contains("^[PLR]")
    answered = waited.is_not_null() & named.fill_null(value=True) & ~local
    columns = {
        "local_time": pl.coalesce(own[0], clf_stamp(pl.col("stamp"))),
        "reason": pl.col("state"),
        "upstream": pl.when(server.is_null())
        .then(own[1])
        .when(named)
        .then(pl.concat_str("backend", "server", separator="/")),
        "duration": took,
        "upstream_duration": pl.when(answered).then(waited),
        "upstream_status": pl.when(answered & (pl.col("status") >= 100)).then("status"),
        "extra": _joined(
            json_extra(**{name: pl.col(name) for name in _PLACE}),
            _taken(rows, "extra"),
        ),
    }
    good = pl.col("refused").is_null()
    rest = pl.exclude(*columns, *_NAMES)
    kept = {name: pl.when(good).then(value) for name, value in columns.items()}
    return rows.select(rest, **kept)


def _taken(rows: pl.DataFrame, name: str) -> pl.Expr:
    """A column where the record's other keys gave it."""
    return pl.col(name) if name in rows.columns else pl.lit(None)


def _joined(first: pl.Expr, other: pl.Expr) -> pl.Expr:
    """One JSON object of two, either of which may be null."""
    whole = (
        first.str.strip_suffix("}") + "," + other.cast(pl.String).str.strip_prefix("{")
    )
    return pl.coalesce(whole, first, other)


def _seconds(millis: pl.Expr) -> pl.Expr:
    number = millis.cast(pl.Float64, strict=False)
    return pl.when(number >= 0).then((number / 1000).round(3))


FORMAT = Format(
    name="haproxy_json",
    title="HAProxy log as JSON",
    hop="load_balancer",
    reference="https://docs.haproxy.org/2.6/configuration.html#8.2.6",
    head=r'^\s*\{\s*"',
    parse=_parse,
    paths=r"(?i)haproxy",
    narrow=True,
    stamps_start=True,
)
