"""JSON records ▶ text columns: the values of the keys that a format names.

For access logs whose keys are fixed or nearly so. What no column takes stays together
as `extra`; a key written twice is flagged, and has no value where its values differ.
"""

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from forensic.json_text import NotJsonError, compact, load

__all__ = ["json_fields", "value_at"]

_REST = ("extra", "flag", "refused")


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
    rows = [_row(line, paths, marks, kept) for line in lines.to_list()]
    frame = pl.DataFrame(rows, schema=dict.fromkeys([*names, *_REST], pl.String))
    flags = pl.when(pl.col("flag").is_not_null()).then(pl.concat_list("flag"))
    return frame.with_columns(flags=flags).drop("flag")


def _row(
    line: str,
    paths: Mapping[str, list[str]],
    marks: Collection[str],
    kept: Collection[str],
) -> dict[str, str | None]:
    try:
        record, duplicates = load(line)
    except NotJsonError as error:
        return {"refused": str(error)}
    if not isinstance(record, dict) or not all(mark in record for mark in marks):
        return {"refused": "JSON, but no such record"}
    row: dict[str, str | None] = {}
    used = set()
    for column, keys in paths.items():
        for key in keys:
            value = value_at(record, key)
            if value is not None:
                row[column] = _text(value)
                used |= set() if column in kept else {key}
                break
    rest = {k: v for k, v in record.items() if k not in used and v is not None}
    row["extra"] = compact(rest | ({"duplicates": duplicates} if duplicates else {}))
    row["flag"] = "duplicate_key" if duplicates else None
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
