"""Logs as CSV: what the consoles of CloudWatch Logs, its Insights and Athena download.

The first line names the columns; the sniffer passes it on as a template. One column is
the event's stamp, one its message; where a query asked for single fields instead, they
are put together again as the JSON object that they were taken from.
"""

import csv
import functools
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from forensic.format import Format
from forensic.json_text import compact, nested
from forensic.schema import ParsedColumns

__all__ = ["FORMAT", "from_template"]

_COLUMNS = ["envelope_local", "envelope_offset", "message", "extra", "refused"]
_SCHEMA = {name: ParsedColumns[name] for name in _COLUMNS}
_STAMPS = ["@timestamp", "timestamp", "time"]
_MESSAGES = ["@message", "message"]
_KEPT = {"@logStream": "log_stream", "logStreamName": "log_stream", "@log": "log_group"}
#: A header: bare or quoted names, one of them a stamp, behind others or first.
_HEADER = re.compile(
    r'\A\s*((?:"?[\w@.() -]+"?,)*"?(?:@?timestamp|time)"?(?:,[^\r\n]*)?)\r?\n'
)
#: Always with its fraction: `14:32:07,123` is how Python writes a stamp, no row.
_STAMP = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3,6}(?: UTC|Z)?"
)
_EPOCH_MS = r"1[0-9]{12}"
_CELL = r'(?:[^,"]*|"[^"]*(?:""[^"]*)*"),'
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - columns are naive


def templates(head: bytes) -> list[str]:
    """The header line of a file, where it names a stamp and something beside it."""
    found = _HEADER.match(head[:8192].decode("utf-8", "replace"))
    return [found[1]] if found and len(_names(found[1])) > 1 else []


def _names(header: str) -> list[str]:
    return [name.strip() for name in next(csv.reader([header]), [])]


def _moment(written: str) -> datetime | None:
    """The UTC moment: epoch milliseconds, or a stamp without a zone."""
    if re.fullmatch(_EPOCH_MS, written):
        return _EPOCH + timedelta(milliseconds=int(written))
    if not re.fullmatch(_STAMP, written):
        return None
    try:
        moment = datetime.fromisoformat(written.removesuffix(" UTC"))
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _row(text: str, names: list[str]) -> dict[str, Any]:
    lines = iter(text.splitlines(keepends=True))
    try:
        cells = next(csv.reader(lines), [])
    except csv.Error as error:
        return {"refused": f"CSV: {error}"}
    fields = dict(zip(names, cells, strict=False))
    stamp = next((fields[name] for name in _STAMPS if name in fields), "")
    moment = _moment(stamp)
    if moment is None:
        return {"refused": "no stamp in the column of stamps"}
    message = next((fields[name] for name in _MESSAGES if name in fields), None)
    if message is None:
        apart = {n: v for n, v in fields.items() if v and not n.startswith("@")}
        message = compact(nested(apart))
    extra = {kept: fields[name] for name, kept in _KEPT.items() if fields.get(name)}
    behind = "".join(lines)  # stray lines below the row
    extra |= {"behind": behind} if behind else {}
    return {
        "envelope_local": moment,
        "envelope_offset": 0,
        "message": message.rstrip("\r\n") if message else None,
        "extra": compact(extra),
    }


def _parse(lines: pl.Series, names: list[str]) -> pl.DataFrame:
    return pl.DataFrame([_row(line, names) for line in lines.to_list()], schema=_SCHEMA)


def from_template(template: str) -> Format:
    """The format of rows below a certain header line."""
    names = _names(template)
    place = min(names.index(name) for name in _STAMPS if name in names)
    return Format(
        name="cloudwatch_csv",
        title="CloudWatch Logs or Athena as CSV",
        hop=None,
        reference="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-exporting.html",
        head=rf'^{_CELL * place}"?(?:{_STAMP}|{_EPOCH_MS})"?(?:,|$)',
        parse=functools.partial(_parse, names=names),
        multiline=True,
        whole=True,
        envelope=True,
        payload=False,
        header=rf"^\s*{re.escape(template)}\s*$",
        templates=templates,
        paths=r"(?i)insights|log-events-viewer|cloudwatch|athena",
    )


FORMAT = from_template("@timestamp,@message")
