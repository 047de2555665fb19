"""Access log of nginx written as JSON by a `log_format` that nobody gave us.

The keys are the site's own (`access_keys`). nginx writes a missing number as nothing,
and several tries as a list without brackets, so that a line may be no JSON; such a line
is read key by key.
"""

import re
from typing import Any

import orjson
import polars as pl

from forensic.access_keys import access_columns
from forensic.format import Format

__all__ = ["FORMAT"]

#: A value that is a string, a number, nothing at all, or a bare list of tries.
#: More brackets than this may nest more deeply than `extra` can hold.
_FLAT = 200
_FIELD = re.compile(
    r'\s*"([^"\\]{1,64})"\s*:\s*'
    r'(?:"((?:[^"\\]|\\.)*)"|([^",{}\[\]]*(?:, [^",{}\[\]:]+)*))\s*([,}])'
)


def _fields(line: str) -> dict[str, Any] | None:
    """The record's keys and values; None for what is no object."""
    try:
        record = orjson.loads(line)
        if line.count("{") + line.count("[") > _FLAT:
            orjson.dumps(
                record
            )  # what nests too deeply to be written is none of nginx's
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return _broken(line)
    return record if isinstance(record, dict) else None


def _broken(line: str) -> dict[str, Any] | None:
    """The fields of an object whose unquoted values are none of JSON's."""
    text = line.strip()
    found: dict[str, Any] = {}
    place = 1
    while field := _FIELD.match(text, place):
        key, quoted, bare, end = field.groups()
        found[key] = bare.strip() if quoted is None else _unescaped(quoted)
        place = field.end()
        if end == "}":
            return found if place == len(text) else None
    return None


def _unescaped(text: str) -> str:
    try:
        return str(orjson.loads(f'"{text}"'))
    except orjson.JSONDecodeError:
        return text


def _parse(lines: pl.Series) -> pl.DataFrame:
    return access_columns([_fields(line) for line in lines])


FORMAT = Format(
    name="nginx_json",
    title="nginx access log as JSON",
    hop="web_server",
    reference="https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format",
    head=r'^\s*\{\s*"',
    parse=_parse,
    stamps_end=True,
    paths=r"(?i)nginx|access",
)
