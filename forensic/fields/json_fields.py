"""JSON records ▶ columns: what a format reads of a value, or of the keys that it names.

What no column takes stays together as `extra`; a key written twice is flagged, and has
no value where its values differ: all of them stand in `extra`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import polars as pl

from forensic.fields.json_text import NotJsonError, compact, load
from forensic.fields.record_shapes import ByShape, at

__all__ = ["json_fields", "json_row", "json_rows", "value_at"]

#: What is read of a decoded value: its columns, or in words why it is no such record.
_Read = Callable[[Any], dict[str, Any] | str]
#: Column ▶ the keys that lead to its value; and the record's own keys that none uses.
_Places = tuple[Mapping[str, Sequence[str]], Sequence[str]]


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
    keys_of = {column: keys.split() for column, keys in names.items()}

    def seek(record: dict[str, Any]) -> _Places:
        found = {name: _path(record, keys) for name, keys in keys_of.items()}
        paths = {name: path for name, path in found.items() if path}
        own = [paths[n] for n in paths.keys() - {*kept} if len(paths[n]) == 1]
        used = {key for (key,) in own}
        return paths, [key for key in record if key not in used]

    shapes = ByShape(seek)

    def read(record: Any) -> dict[str, Any] | str:
        if not isinstance(record, dict) or not all(mark in record for mark in marks):
            return "JSON, but no such record"
        paths, rest = shapes.of(record)
        row: dict[str, Any] = {n: _text(at(record, p)) for n, p in paths.items()}
        left = {key: record[key] for key in rest if record[key] is not None}
        return row | {"extra": left}

    return json_rows(lines, read, dict.fromkeys(names, pl.String()))


def _path(record: dict[str, Any], keys: Sequence[str]) -> Sequence[str] | None:
    """The keys to the first value that goes by one of the names, or their dots."""
    for key in keys:
        path = [key] if key in record else key.split(".")
        if at(record, path) is not None:
            return path
    return None


def value_at(record: dict[str, Any], key: str) -> Any:
    """The value of the key itself, or where its dots lead."""
    return at(record, [key] if key in record else key.split("."))


def _text(value: Any) -> str | None:
    if isinstance(value, dict | list):
        return compact({"": value})
    return str(value).lower() if isinstance(value, bool) else str(value)
