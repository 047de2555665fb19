"""Logs as CSV: what the consoles of log stores download.

CloudWatch Logs, its Insights, Athena, Datadog, Splunk, Kibana, Grafana, Graylog, Sumo
Logic, Azure's Log Analytics and Google's Logs Explorer. The first line names the
columns; the sniffer passes it on as a template. One column is the event's stamp, one
its message; where a query asked for single fields instead, they are put together again
as the JSON object that they were taken from.
A spreadsheet that saves such a file again spoils its stamps, not its messages.
"""

import csv
import functools
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from forensic.fields.exported import is_line
from forensic.fields.json_text import compact, nested
from forensic.fields.quoted import never_ends, within_cells
from forensic.format import Format
from forensic.schema import PARSED
from forensic.zones import ABBREVIATIONS, MONTHS

__all__ = ["FORMAT", "from_template"]

_COLUMNS = (
    "envelope_local envelope_offset hostname message extra flags refused"
).split()
_SCHEMA = {name: PARSED[name] for name in _COLUMNS}
#: Names of the columns, in lower case. A stamp without a zone is UTC under the first.
_AZURE = ["timegenerated [utc]", "timestamp [utc]", "time_t [utc]", "timegenerated"]
_UTC = ["@timestamp", "timestamp", "time", *_AZURE]
_STAMPS = [*_UTC, "_time", "_messagetimems", "_messagetime", "date"]
_MESSAGES = [
    *("@message", "message", "_raw", "line", "textpayload"),
    *("logmessage", "logentry", "log_s", "resultdescription", "syslogmessage"),
    "content",
]
_HOSTS = "host host.name hostname resource.labels.pod_name podname _sourcehost".split()
_KEPT = {
    "@logstream": "log_stream",
    "logstreamname": "log_stream",
    "@log": "log_group",
    "source": "source",
    "service": "service",
    "log.file.path": "source",
    "_sourcename": "source",
}
#: Fields that a store takes out of a line, which then has them no more.
_TAKEN = {
    *("http.response.status_code", "url.path", "log.level", "error.stack_trace"),
    *("error.message", "trace.id"),
}
#: Always with its fraction or a zone: `14:32:07,123` is how Python writes a stamp.
_ISO = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(?:\.[0-9]{1,9} ?(?:Z|[A-Z]{2,5}|[+-][0-9]{2}:?[0-9]{2})?"
    r"|(?:Z|[+-][0-9]{2}:?[0-9]{2}))"
)
_EPOCH_MS = r"1[0-9]{12}|1[0-9]{9}\.[0-9]{1,9}"
_KIBANA = r"[A-Z][a-z]{2} [0-9]{1,2}, [0-9]{4} @ [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}"
#: As Azure's portal shows it: in America with AM and PM, elsewhere the day is first.
_PORTAL = (
    r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}, [0-9]{1,2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}(?: [AP]M)?"
)
#: What a spreadsheet makes of a stamp: minutes alone, a date in the order of its
#: country, an epoch rounded. None of them says when.
_SPOILT = (
    r"[0-9]{1,2}:[0-9]{2}\.[0-9]|1\.[0-9]{1,6}E\+12"
    r"|[0-9]{1,4}[/.-][0-9]{1,2}[/.-][0-9]{1,4}"
    r" [0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?: [AP]M)?"
)
_STAMP = rf"(?:{_ISO}|{_EPOCH_MS}|{_KIBANA}|{_PORTAL}|{_SPOILT})"
_CELL = r'(?:[^,"]*|"[^"]*(?:""[^"]*)*"),'
#: A first cell that goes on in the next line; within it a quote is written twice.
_OPEN = r'|"[^"]*(?:""[^"]*)*$'
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - columns are naive
_NAME = re.compile(r"[\w@.() \[\]/-]+")
_PARTS = re.compile(r"(.{19})(?:\.([0-9]+))? ?(.*)")


def templates(head: bytes) -> list[str]:
    """The header line of a file, where it names a stamp and a message or fields."""
    first = head[:8192].decode("utf-8", "replace").lstrip()
    line, end, _ = first.partition("\n")
    names = _names(line) if end else []
    stamped = any(name in _UTC for name in names)
    told = stamped or any(name in _MESSAGES for name in names)
    found = told and len(names) > 1 and any(name in _STAMPS for name in names)
    return [line.rstrip("\r")] if found and all(map(_NAME.fullmatch, names)) else []


def _names(header: str) -> list[str]:
    try:
        cells = next(csv.reader([header.rstrip("\r")]), [])
    except csv.Error:
        return []
    return [name.strip().lower() for name in cells]


def _moment(written: str) -> tuple[datetime, int | None] | None:
    """The stamp as written and its offset: an epoch, ISO, or as Kibana shows it."""
    if re.fullmatch(_EPOCH_MS, written):
        millis = int(written) if "." not in written else float(written) * 1000
        return _EPOCH + timedelta(milliseconds=millis), 0
    if re.fullmatch(_KIBANA, written):
        month, day, year, _, clock = written.replace(",", "").split()
        number = MONTHS.get(month, "00")
        written = f"{year}-{number}-{day:0>2} {clock}"
    elif re.fullmatch(_PORTAL, written):
        written = _shown(written)
    elif not re.fullmatch(_ISO, written):
        return None
    parts = _PARTS.fullmatch(written)
    assert parts is not None  # noqa: S101 - both shapes begin so
    try:
        moment = datetime.fromisoformat(parts[1])
    except ValueError:
        return None
    micros = int((parts[2] or "0").ljust(6, "0")[:6])
    return moment + timedelta(microseconds=micros), _zone(parts[3])


def _shown(written: str) -> str:
    """A stamp of Azure's portal as ISO 8601 has it."""
    date, clock, *half = written.split()
    first, second, year = date.rstrip(",").split("/")
    day, month = (second, first) if half else (first, second)
    hour, rest = clock.split(":", 1)
    number = int(hour) % 12 + 12 * (half == ["PM"]) if half else int(hour)
    return f"{year}-{month:0>2}-{day:0>2} {number:02}:{rest}"


def _zone(text: str) -> int | None:
    """Seconds east of UTC; None for no zone, or a name of several."""
    if text == "Z" or not text.startswith(("+", "-")):
        return 0 if text == "Z" else ABBREVIATIONS.get(text)
    digits = text[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if text[0] == "-" else seconds


def _row(text: str, names: list[str], written: list[str], head: str) -> dict[str, Any]:
    if never_ends(text, head, ","):
        return {"refused": "a quoted cell that does not end, over what may be rows"}
    lines = iter(text.splitlines(keepends=True))
    try:
        cells = next(csv.reader(lines), [])
    except csv.Error as error:
        return {"refused": f"CSV: {error}"}
    if len(cells) > len(names):
        return {"refused": "CSV: more cells than the header has names"}
    fields = dict(zip(names, cells, strict=False))
    column = next(name for name in _STAMPS if name in names)
    found = _moment(fields.get(column, ""))
    spoilt = re.fullmatch(_SPOILT, fields.get(column, "")) is not None
    if found is None and not spoilt:
        return {"refused": "no stamp in the column of stamps"}
    moment, offset = found or (None, None)
    hosts = (fields[name] for name in _HOSTS if fields.get(name) not in {None, "-"})
    plain = column in _UTC and fields[column][0].isdigit() and offset is None
    plain = plain and not spoilt
    # Of Azure's records a `Message` is one of the fields.
    texts = [n for n in _MESSAGES if n != "message" or column not in _AZURE]
    message = next((fields[name] for name in texts if name in fields), None)
    given = dict(zip(written, cells, strict=False))
    apart = {n: v for n, v in given.items() if v and not n.startswith("@")}
    if message is None or (not message and "textpayload" in fields):
        message = compact(nested(apart))
    elif not is_line(message) and any(name.lower() in _TAKEN for name in apart):
        message = compact(nested(apart))  # a line's text, beside what was taken of it
    extra = {kept: fields[name] for name, kept in _KEPT.items() if fields.get(name)}
    behind = "".join(lines)  # stray lines below the row
    extra |= {"behind": behind} if behind else {}
    return {
        "envelope_local": moment,
        "envelope_offset": 0 if plain else offset,
        "hostname": next(hosts, None) or None,
        "message": message.rstrip("\r\n") if message else None,
        "extra": compact(extra),
        "flags": ["bad_time"] if spoilt else None,
    }


def _parse(
    lines: pl.Series, names: list[str], written: list[str], head: str
) -> pl.DataFrame:
    rows = [_row(line, names, written, head) for line in lines.to_list()]
    return pl.DataFrame(rows, schema=_SCHEMA)


def from_template(template: str) -> Format:
    """The format of rows below a certain header line."""
    names = _names(template)
    written = [name.strip() for name in next(csv.reader([template]), [])]
    place = min(names.index(name) for name in _STAMPS if name in names)
    head = rf'^(?:{_CELL * place}"?{_STAMP}"?(?:,|$){_OPEN if place else ""})'
    return Format(
        name="cloudwatch_csv",
        title="CSV of a log store (CloudWatch, Athena, Datadog, Splunk, Kibana, Azure)",
        hop=None,
        reference="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-exporting.html",
        head=head,
        parse=functools.partial(_parse, names=names, written=written, head=head),
        multiline=True,
        whole=True,
        within=within_cells(","),
        sure=True,  # its own first line says what its rows are
        envelope=True,
        payload=False,
        header=rf"^\s*{re.escape(template)}\s*$",
        templates=templates,
        narrow=True,
        paths=r"(?i)insights|log-events-viewer|cloudwatch|athena|datadog|splunk|kibana"
        r"|query_data",
    )


#: Of a file without its header, only rows of two cells: a program's CSV has more.
_TWO = rf'^"?(?:{_ISO}|{_EPOCH_MS}|{_KIBANA})"?,(?:"[^"]*(?:""[^"]*)*"?|[^",]*)$'


def _headless(lines: pl.Series) -> pl.DataFrame:
    rows = _parse(lines, _NAMELESS, _NAMELESS, _TWO)
    two = pl.lit(lines.str.extract(r"^([^\n]*)", 1).str.contains(_TWO))
    return rows.with_columns(
        refused=pl.when(~two).then(pl.lit("no row of two cells")).otherwise("refused")
    )


_NAMELESS = ["@timestamp", "@message"]
FORMAT = replace(
    from_template(",".join(_NAMELESS)), head=_TWO, parse=_headless, sure=False
)
