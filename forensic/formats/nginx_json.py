"""Access log of nginx written as JSON by a `log_format` that nobody gave us.

The keys are the site's own (`access_keys`). nginx writes a missing number as nothing,
and several tries as a list without brackets, so that a line may be no JSON; such a line
is read key by key.
"""

import re
from typing import Any

import orjson
import polars as pl

from forensic.fields.access_keys import access_columns
from forensic.fields.json_text import NotJsonError, load, unescaped, unique
from forensic.format import Format

__all__ = ["FORMAT"]

#: What may part a key from its colon.
_GAPS = (" :", "\t:", "\r:", "\n:")
#: A value that is a string, a number, nothing at all, or a bare list of tries.
_FIELD = re.compile(
    r'\s*"([^"\\]{1,64})"\s*:\s*'
    r'(?:"((?:[^"\\]|\\.)*)"|([^",{}\[\]]*(?:, [^",{}\[\]:]+)*))\s*([,}])'
)


def _fields(line: str) -> tuple[dict[str, Any] | None, dict[str, list[Any]]]:
    """The record's keys and values, None for what is no object; and what is twice."""
    flat = _flat(line)
    if flat is not None:
        return flat, {}
    try:
        record, duplicates = load(line)
    except NotJsonError:
        return _broken(line)
    return record if isinstance(record, dict) else None, duplicates


def _flat(line: str) -> dict[str, Any] | None:
    """The record, where it plainly is one object whose keys all differ.

    A key is followed by `":`: where the line has no more of them than the record has
    keys, and no space that may part the two, none was dropped.
    """
    if line.count("{") != 1 or "[" in line or any(gap in line for gap in _GAPS):
        return None
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    whole = isinstance(record, dict) and line.count('":') == len(record)
    return record if whole else None


def _broken(line: str) -> tuple[dict[str, Any] | None, dict[str, list[Any]]]:
    """The fields of an object whose unquoted values are none of JSON's."""
    text = line.strip()
    found: list[tuple[str, Any]] = []
    duplicates: dict[str, list[Any]] = {}
    place = 1
    while field := _FIELD.match(text, place):
        key, quoted, bare, end = field.groups()
        found.append((key, bare.strip() if quoted is None else unescaped(quoted)))
        place = field.end()
        if end == "}" and place == len(text):
            return unique(found, duplicates), duplicates
    return None, duplicates


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
