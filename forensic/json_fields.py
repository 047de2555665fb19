"""JSON records ▶ columns: what a format reads of a value, or of the keys that it names.

What no column takes stays together as `extra`; a key written twice is flagged, and has
no value where its values differ: all of them stand in `extra`.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import polars as pl

from forensic.json_text import NotJsonError, compact, load

__all__ = ["json_fields", "json_row", "json_rows", "value_at"]

#: What is read of a decoded value: its columns, or in words why it is no such record.
_Read = Callable[[Any], dict[str, Any] | str]


def json_rows(
    lines: pl.Series, read: _Read, schema: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    """A row of `schema`, then `extra`, `flags` and `refused`, for each JSON text."""
    rest = {"extra": pl.String(), "flags": pl.List(pl.String), "refused": pl.String()}
    whole = {**schema, **rest}
    rows = [json_row(line, read) for line in lines.to_list()]
    columns = {name: [row.get(name) for row in rows] for name in whole}
    return pl.DataFrame(columns, schema=whole)


def json_row(text: str, read: _Read) -> dict[str, Any]:
    """What `read` makes of the value of a JSON text; or why it is none as `refused`.

    `read` gives `extra` as an object, `flags` as a list, and as `duplicates` what stood
    twice in a text inside the value. It may raise NotJsonError of such a text.
    """
    try:
        value, duplicates = load(text)
        row = read(value)
    except NotJsonError as error:
        return {"refused": str(error)}
    if isinstance(row, str):
        return {"refused": row}
    extra, flags = row.get("extra") or {}, row.get("flags") or []
    duplicates |= row.pop("duplicates", {})
    if duplicates:
        extra, flags = extra | {"duplicates": duplicates}, ["duplicate_key", *flags]
    return row | {"extra": compact(extra), "flags": flags or None}


def json_fields(
    lines: pl.Series,
    names: Mapping[str, str],
    marks: Collection[str],
    kept: Collection[str] = (),
) -> pl.DataFrame:
    """One text column a name, then `extra`, `flags` and `refused`.

    `names` maps a column to the keys it goes by, best first, parted by spaces; a dot
    leads into an object. A record has all keys of `marks`, or it is refused. The keys
    of the columns `kept` stay in `extra` too.
    """
    paths = {column: keys.split() for column, keys in names.items()}

    def read(record: Any) -> dict[str, Any] | str:
        if not isinstance(record, dict) or not all(mark in record for mark in marks):
            return "JSON, but no such record"
        return _fields(record, paths, kept)

    return json_rows(lines, read, dict.fromkeys(names, pl.String()))


def _fields(
    record: dict[str, Any], paths: Mapping[str, list[str]], kept: Collection[str]
) -> dict[str, Any]:
    row: dict[str, Any] = {}
    used = set()
    for column, keys in paths.items():
        for key in keys:
            value = value_at(record, key)
            if value is not None:
                row[column] = _text(value)
                used |= set() if column in kept else {key}
                break
    row["extra"] = {k: v for k, v in record.items() if k not in used and v is not None}
    return row


def value_at(record: dict[str, Any], key: str) -> Any:
    """The value of the key itself, or where its dots lead."""
    if key in record:
        return record[key]
    value: Any = record
    for step in key.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str | None:
    if isinstance(value, dict | list):
        return compact({"": value})
    return str(value).lower() if isinstance(value, bool) else str(value)
