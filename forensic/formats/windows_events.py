"""Windows' event logs as CSV: what Event Viewer saves, or PowerShell's Export-Csv.

Event Viewer names five columns, in the language of the machine, and writes a sixth, the
text. Its stamps are local, in the order of the machine's country: with a half of the
day the month comes first. ASP.NET's text has the moment once more in UTC.
"""

import csv
import functools
import re
from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl

from forensic.format import Format
from forensic.json_text import compact
from forensic.schema import HOPS

__all__ = ["FORMAT", "from_template"]

_TEXTS = "level logger hostname message reason host path query client_ip extra refused"
_SCHEMA = {
    **dict.fromkeys(_TEXTS.split(), pl.String()),
    "hop": pl.Enum(HOPS),
    "local_time": pl.Datetime("us"),
    "utc_offset": pl.Int32(),
}
#: Event Viewer's second column, in some languages; the order is always this one.
_DATED = {
    "date and time",
    "日付と時刻",
    "datum und uhrzeit",
    "date et heure",
    "fecha y hora",
}
_VIEWER = ["level", "stamp", "provider", "id", "category", "message"]
#: The names of Get-WinEvent's properties.
_PROPERTIES = {
    "timecreated": "stamp",
    "providername": "provider",
    "id": "id",
    "leveldisplayname": "level",
    "message": "message",
    "machinename": "hostname",
    "taskdisplayname": "category",
}
_LEVELS = {
    **dict.fromkeys(["エラー", "fehler", "erreur"], "error"),
    **dict.fromkeys(["警告", "warnung", "avertissement", "warning"], "warn"),
    **dict.fromkeys(["情報", "informationen", "information"], "info"),
    **dict.fromkeys(["重大", "kritisch", "critique"], "critical"),
}
_STAMP = (
    r"[0-9]{1,4}[/.-][0-9]{1,2}[/.-][0-9]{2,4},? "
    r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:.?[AP]M)?"
)
_PARTS = re.compile(
    r"(\d{1,4})([/.-])(\d{1,2})[/.-](\d{2,4}),? (\d{1,2}):(\d\d):(\d\d)(?:\W?([AP])M)?"
)
_CELL = r'(?:[^,"]*|"[^"]*(?:""[^"]*)*"),'
_OPEN = r'|"[^"]*(?:""[^"]*)*$'
#: Providers through which applications speak.
_APPLICATIONS = re.compile(r"(?i)^(?:asp\.net|\.net runtime|iis aspnetcore module)")
_THROWN = re.compile(r"Exception (?:type|Info): ")
_UTC = re.compile(rf"Event time: *{_STAMP}\s+Event time \(UTC\): *({_STAMP})")
_URL = re.compile(
    r"Request URL: *https?://([^/:\s]+)(?::\d+)?(/[^?\s]*)(?:\?([^\s]*))?"
)
_CLIENT = re.compile(r"User host address: *([0-9A-Fa-f.:]+)")


def _names(header: str) -> list[str]:
    """What each column is; empty where no header of these logs is this line."""
    try:
        cells = next(csv.reader([header.strip("\ufeff\r\n ")]), [])
    except csv.Error:
        return []
    lowered = [cell.strip().lower() for cell in cells]
    if len(lowered) == len(_VIEWER) - 1 and lowered[1] in _DATED:
        return _VIEWER
    names = [_PROPERTIES.get(name, "") for name in lowered]
    return names if {"stamp", "id", "message"} <= set(names) else []


def templates(head: bytes) -> list[str]:
    """The header line of such a file."""
    text = head[:4096].decode("utf-8", "replace").lstrip("\ufeff")
    lines = [line for line in text.splitlines() if not line.startswith("#TYPE ")]
    return lines[:1] if lines and _names(lines[0]) else []


def _moment(written: str) -> datetime | None:
    """The stamp as written."""
    parts = _PARTS.fullmatch(written.strip())
    if parts is None:
        return None
    first, between, second, third, hour, minute, second_, half = parts.groups()
    if len(first) == 4:
        year, month, day = first, second, third
    elif half and between == "/":
        month, day, year = first, second, third
    else:
        day, month, year = first, second, third
    hours = int(hour) % 12 + 12 * (half == "P") if half else int(hour)
    try:
        return datetime(  # noqa: DTZ001 - as written
            int(year), int(month), int(day), hours, int(minute), int(second_)
        )
    except ValueError:
        return None


def _offset(moment: datetime, text: str) -> int | None:
    """Seconds east of UTC, where the text has the moment in UTC, too."""
    found = _UTC.search(text)
    other = _moment(found[1]) if found else None
    if other is None:
        return None
    quarters = round((moment - other).total_seconds() / 900)
    return quarters * 900 if -48 <= quarters <= 56 else None


def _row(text: str, names: list[str]) -> dict[str, Any]:
    try:
        cells = next(csv.reader(text.splitlines(keepends=True)), [])
    except csv.Error as error:
        return {"refused": f"CSV: {error}"}
    fields = {name: cell for name, cell in zip(names, cells, strict=False) if name}
    moment = _moment(fields.get("stamp", ""))
    if moment is None or len(cells) > len(names):
        return {"refused": "no event of Windows' logs"}
    said = fields.get("message", "").strip()
    provider, level = fields.get("provider"), fields.get("level", "").lower()
    speaks = bool(provider and _APPLICATIONS.match(provider))
    url, client = _URL.search(said), _CLIENT.search(said)
    kept = {"event_id": fields.get("id"), "category": fields.get("category")}
    return {
        "local_time": moment,
        "utc_offset": _offset(moment, said),
        "level": _LEVELS.get(level, level) or None,
        "logger": provider,
        "hostname": fields.get("hostname"),
        "hop": "application" if speaks else "host",
        "message": said,
        "reason": "exception" if speaks and _THROWN.search(said) else None,
        "host": url[1] if speaks and url else None,
        "path": url[2] if speaks and url else None,
        "query": url[3] if speaks and url else None,
        "client_ip": client[1] if speaks and client else None,
        "extra": compact({name: value for name, value in kept.items() if value}),
    }


def _parse(lines: pl.Series, names: list[str]) -> pl.DataFrame:
    return pl.DataFrame([_row(line, names) for line in lines], schema=_SCHEMA)


def from_template(template: str) -> Format:
    """The format of rows below a certain header line."""
    names = _names(template)
    place = names.index("stamp")
    return Format(
        name="windows_events",
        title="Windows event log as CSV",
        hop="host",
        reference="https://learn.microsoft.com/powershell/module/microsoft.powershell.diagnostics/get-winevent",
        head=rf'^(?:{_CELL * place}"?{_STAMP}"?(?:,|$){_OPEN if place > 1 else ""})',
        parse=functools.partial(_parse, names=names),
        multiline=True,
        whole=True,
        sure=True,  # its own first line says what its rows are
        payload=False,
        header=rf"^(?:\s*{re.escape(template)}\s*|#TYPE .*)$",
        templates=templates,
        narrow=True,
    )


#: Of a file without its header, only rows as Event Viewer writes them.
_HEADLESS = rf"^[^,\"]{{2,20}},{_STAMP},[^,]+,[0-9]{{1,5}},"
FORMAT = replace(
    from_template("Level,Date and Time,Source,Event ID,Task Category"),
    head=_HEADLESS,
    sure=False,
)
