"""Windows' events as CSV: what the Event Viewer saves, and PowerShell's Export-Csv.

The first line names the columns; the Event Viewer leaves out the last name, that of the
text. Stamps are local, in the order of the country, which all of them tell together.
"""

import csv
import functools
import re

import polars as pl

from forensic.date_order import date_order
from forensic.format import Format
from forensic.windows_events import windows_events, windows_stamps

__all__ = ["FORMAT", "from_template"]

#: Column ▶ the names it goes by, in lower case.
_NAMES = {
    "stamp": "date and time|timecreated|timegenerated|日付と時刻",
    "source": "source|providername|ソース",
    "event": "event id|id|eventid|イベント id",
    "level": "level|leveldisplayname|entrytype|レベル",
    "message": "message",
    "hostname": "machinename|computer",
    "log": "logname",
}
_NEEDED = ("stamp", "source", "event")
_STAMP = (
    r"[0-9]{1,4}[/.-][0-9]{1,2}[/.-][0-9]{1,4},?[ T][0-9]{1,2}:[0-9]{2}:[0-9]{2}"
    "(?:\\.[0-9]+)?(?:[ \u202f\u00a0][AaPp]\\.?[Mm]\\.?)?Z?"
)
_CELL = r'(?:[^,"]*|"[^"]*(?:""[^"]*)*"),'
_SCHEMA = dict.fromkeys([*_NAMES, "refused"], pl.String())


def templates(head: bytes) -> list[str]:
    """The order of dates, and the line that names the columns, of such a file."""
    lines = head[:4096].decode("utf-8", "replace").lstrip("\ufeff").split("\n")
    first = next((line for line in lines if not line.startswith("#TYPE ")), "")
    first = first.rstrip("\r")
    if any(name not in _places(first) for name in _NEEDED):
        return []
    return [f"{date_order(head) or 'ymd'} {first}"]


def _places(header: str) -> dict[str, int]:
    """Where which column stands."""
    try:
        cells = [cell.strip().lower() for cell in next(csv.reader([header]), [])]
    except csv.Error:
        return {}
    found = {
        name: cells.index(known)
        for name, names in _NAMES.items()
        for known in names.split("|")
        if known in cells
    }
    if len(cells) == 5 and "message" not in found:
        found["message"] = 5
    return found


def _row(text: str, places: dict[str, int]) -> dict[str, str | None]:
    try:
        cells = next(csv.reader(text.splitlines(keepends=True)), [])
    except csv.Error as error:
        return {"refused": f"CSV: {error}"}
    if len(cells) <= max(places[name] for name in _NEEDED):
        return {"refused": "CSV: fewer cells than the header has names"}
    return {n: cells[at] for n, at in places.items() if at < len(cells) and cells[at]}


def _parse(lines: pl.Series, places: dict[str, int], order: str) -> pl.DataFrame:
    rows = [_row(line, places) for line in lines.to_list()]
    frame = pl.DataFrame(rows, schema=_SCHEMA)
    stamps = windows_stamps(frame["stamp"], order)
    stamped = pl.col("stamp").str.contains(rf"^{_STAMP}$").fill_null(value=False)
    untold = pl.lit(stamps["local_time"]).is_null() & stamped
    known = frame.select(
        refused=pl.coalesce(
            "refused",
            pl.when(~stamped).then(pl.lit("no stamp in the column of stamps")),
        ),
        flags=pl.when(untold).then(pl.lit(["bad_time"])),
    )
    return pl.concat([windows_events(frame), stamps, known], how="horizontal")


def from_template(template: str) -> Format:
    """The format of rows below a certain header line."""
    order, _, header = template.partition(" ")
    places = _places(header)
    stamp = places["stamp"]
    open_first = r'|"[^"]*(?:""[^"]*)*$' if stamp else ""
    return Format(
        name="windows_csv",
        title="events of Windows as CSV (Event Viewer, PowerShell)",
        hop="host",
        reference="https://learn.microsoft.com/powershell/module/microsoft.powershell.diagnostics/get-winevent",
        head=rf'^(?:{_CELL * stamp}"?{_STAMP}"?(?:,|$){open_first})',
        parse=functools.partial(
            _parse, places=places, order="" if order == "ymd" else order
        ),
        multiline=True,
        whole=True,
        sure=True,  # its own first line says what its rows are
        payload=False,
        header=rf"^(?:#TYPE .*|\ufeff?{re.escape(header)}\s*)$",
        templates=templates,
        narrow=True,
        paths=r"(?i)event|winevt|system\.csv|application\.csv",
    )


FORMAT = from_template("ymd Level,Date and Time,Source,Event ID,Task Category")
