"""Where results go: text as wide as the terminal, or JSON; notes on stderr."""

import os
import shutil
import sys
from collections.abc import Callable

import polars as pl

from forensic.reports.escape import guarded, json_text, shown, visible
from forensic.reports.paper import Paper

__all__ = ["has_colour", "note", "paper", "put_frame", "put_json", "put_text", "width"]

_WIDE = 200
_STAMP = "%Y-%m-%dT%H:%M:%S%.6f"


def width() -> int:
    """Columns of the terminal; 80 where nothing says (a pipe, a file)."""
    return min(shutil.get_terminal_size((80, 24)).columns, _WIDE)


def has_colour() -> bool:
    """Whether stdout is a terminal that wants colour (NO_COLOR, TERM=dumb)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def paper() -> Paper:
    """An empty sheet as wide as the terminal."""
    return Paper(width(), colour=has_colour())


def put_text(text: str) -> None:
    """Write a result, whatever the locale's encoding can say."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def put_json(value: object, *, secrets: bool = False) -> None:
    """Write a result as JSON."""
    put_text(json_text(value, secrets=secrets) + "\n")


def note(text: str) -> None:
    """Tell something beside the result, on stderr."""
    sys.stderr.write(f"{shown(text)}\n")


def put_frame(
    frame: pl.DataFrame, *, as_csv: bool, as_json: bool, secrets: bool
) -> None:
    """Write a table: for the eye, as JSON rows, or as CSV without formulas.

    A table whose names alone are wider than the terminal is written row by row.
    """
    if as_json:
        put_json(frame.to_dicts(), secrets=secrets)
        return
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    flat = frame.with_columns(
        pl.col(name).map_elements(_flat, return_dtype=pl.String) for name in nested
    )
    safe = guarded(flat, secrets=secrets, formulas=not as_csv)
    if as_csv:
        stamps = {n: d for n, d in safe.schema.items() if isinstance(d, pl.Datetime)}
        safe = safe.with_columns(
            pl.col(name).dt.strftime(_STAMP + ("%:z" if dtype.time_zone else ""))
            for name, dtype in stamps.items()
        )
        put_text(safe.write_csv())
        return
    sheet = paper()
    if len("  ".join(safe.columns)) > width():
        _put_rows(sheet, safe, visible if secrets else shown)
    else:
        numbers = [name for name, dtype in safe.schema.items() if dtype.is_numeric()]
        rows = safe.iter_rows()
        sheet.table(safe.columns, rows, right=numbers, indent=0, safe=secrets)
    put_text(sheet.text())


def _put_rows(sheet: Paper, frame: pl.DataFrame, safe: Callable[[str], str]) -> None:
    """Each row as names and values below each other, without those that are empty."""
    for number, row in enumerate(frame.iter_rows(named=True), start=1):
        sheet.line(f"row {number}", indent=0, style="bold")
        filled = (name for name, value in row.items() if value not in (None, ""))
        sheet.safe_fields((name, safe(str(row[name]))) for name in filled)


def _flat(value: pl.Series) -> str:
    return json_text(value.to_list(), secrets=True)
