"""Windows' events as CSV: what the Event Viewer saves, and PowerShell's Export-Csv.

The first line names the columns; the Event Viewer leaves out the last name, that of the
text. Stamps are local, in the order of the country, which all of them tell together.
"""

import csv
import functools
import re
from dataclasses import replace

import polars as pl

from forensic.fields.date_order import date_order
from forensic.fields.quoted import never_ends, within_cells
from forensic.fields.windows_events import (
    LEVELS,
    told_offset,
    windows_events,
    windows_stamps,
)
from forensic.format import Format, headed

__all__ = ["FORMAT", "from_template"]

#: Column ▶ the names it goes by in PowerShell, in lower case.
_NAMES = {
    "stamp": "timecreated|timegenerated",
    "source": "source|providername",
    "event": "id|eventid",
    "level": "leveldisplayname|entrytype",
    "message": "message",
    "hostname": "machinename|computer",
    "log": "logname",
}
#: The Event Viewer speaks the machine's language; its columns stand in this order.
_VIEWER = {"level": 0, "stamp": 1, "source": 2, "event": 3, "message": 5}
_NAMED = 5
#: Its second one in some languages.
_DATED = {
    "date and time",
    "日付と時刻",
    "datum und uhrzeit",
    "date et heure",
    "fecha y hora",
}
_NEEDED = ("stamp", "source", "event")
_STAMP = (
    r"[0-9]{1,4}[/.-][0-9]{1,2}[/.-][0-9]{1,4},?[ T][0-9]{1,2}:[0-9]{2}:[0-9]{2}"
    "(?:\\.[0-9]+)?(?:[ \u202f\u00a0][AaPp]\\.?[Mm]\\.?)?Z?"
)
#: What parts cells: the Event Viewer's text has tabs, some countries have semicolons.
_MARKS = "\t;,"
_SCHEMA = dict.fromkeys([*_NAMES, "refused"], pl.String())


def templates(head: bytes) -> list[str]:
    """The order of dates, and the line that names the columns, of such a file."""
    lines = head[:4096].decode("utf-8", "replace").lstrip("\ufeff").split("\n")
    first = next((line for line in lines if not line.startswith("#TYPE ")), "")
    first = first.rstrip("\r")
    if any(name not in _places(first) for name in _NEEDED):
        return []
    return [f"{date_order(head) or 'ymd'} {first}"]


def _mark(header: str) -> str:
    """What parts the cells."""
    return next((mark for mark in _MARKS if mark in header), ",")


def _places(header: str) -> dict[str, int]:
    """Where which column stands."""
    try:
        named = next(csv.reader([header], delimiter=_mark(header)), [])
    except csv.Error:
        return {}
    cells = [cell.strip().lower() for cell in named]
    if len(cells) == _NAMED and cells[1] in _DATED:
        return _VIEWER
    return {
        name: cells.index(known)
        for name, names in _NAMES.items()
        for known in names.split("|")
        if known in cells
    }


def _row(text: str, places: dict[str, int], mark: str, head: str) -> dict[str, str]:
    if never_ends(text, head, mark):
        return {"refused": "a quoted cell that does not end, over what may be rows"}
    lines = iter(text.splitlines(keepends=True))
    try:
        cells = next(csv.reader(lines, delimiter=mark), [])
    except csv.Error as error:
        return {"refused": f"CSV: {error}"}
    if len(cells) <= max(places[name] for name in _NEEDED):
        return {"refused": "CSV: fewer cells than the header has names"}
    row = {n: cells[at] for n, at in places.items() if at < len(cells) and cells[at]}
    if behind := "".join(lines).rstrip():  # stray lines below the row
        row["message"] = f"{row.get('message', '')}\n{behind}"
    return row


def _parse(
    lines: pl.Series, places: dict[str, int], order: str, mark: str, head: str
) -> pl.DataFrame:
    rows = [_row(line, places, mark, head) for line in lines.to_list()]
    frame = pl.DataFrame(rows, schema=_SCHEMA)
    stamps = windows_stamps(frame["stamp"], order)
    stamps = told_offset(stamps, frame["message"], order)
    stamped = pl.col("stamp").str.contains(rf"^{_STAMP}$").fill_null(value=False)
    known = frame.select(
        refused=pl.coalesce(
            "refused",
            pl.when(~stamped).then(pl.lit("no stamp in the column of stamps")),
        ),
        flags=pl.when(stamped).then(pl.lit(stamps["flags"])),
    )
    told = stamps.drop("flags")
    return pl.concat([windows_events(frame), told, known], how="horizontal")


def from_template(template: str) -> Format:
    """The format of rows below a certain header line."""
    order, _, header = template.partition(" ")
    places = _places(header)
    stamp = places["stamp"]
    mark = _mark(header)
    cell = rf'(?:[^{mark}"]*|"[^"]*(?:""[^"]*)*"){mark}'
    # A text of several lines may stand before the stamp.
    early = places.get("message", stamp) < stamp
    open_first = r'|"[^"]+(?:""[^"]*)*$' if early else ""
    head = rf'^(?:{cell * stamp}"?{_STAMP}"?(?:{mark}|$){open_first})'
    return Format(
        name="windows_csv",
        title="events of Windows as CSV (Event Viewer, PowerShell)",
        hop="host",
        reference="https://learn.microsoft.com/powershell/module/microsoft.powershell.diagnostics/get-winevent",
        head=head,
        parse=functools.partial(
            _parse,
            places=places,
            order="" if order == "ymd" else order,
            mark=mark,
            head=head,
        ),
        multiline=True,
        whole=True,
        within=within_cells(mark),
        sure=True,  # its own first line says what its rows are
        payload=False,
        header=rf"^(?:#TYPE .*|\ufeff?{re.escape(header)}\s*)$",
        templates=templates,
        narrow=True,
        paths=r"(?i)event|winevt|system\.csv|application\.csv",
    )


#: Of a file without its first line, only what begins as the Event Viewer's rows do:
#: others have a stamp as their second cell, too.
_WORDS = "|".join(word for word in LEVELS if not word.isdigit())
_BARE = from_template("ymd Level,Date and Time,Source,Event ID,Task Category")
FORMAT = headed(
    replace(_BARE, head=rf'^"?(?:{_WORDS})"?,"?{_STAMP}"?,[^,]+,[0-9]+,', sure=False)
)
