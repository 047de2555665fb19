"""Windows' events as text: `wevtutil qe System /f:text`, `Get-WinEvent | Format-List`.

A record begins with `Event[0]` or with its first field, and has a field a line; the
text goes on in the lines below.
"""

import functools
import re
from dataclasses import replace

import polars as pl

from forensic.fields.date_order import date_order
from forensic.fields.windows_events import windows_events, windows_stamps
from forensic.format import Format

__all__ = ["FORMAT"]

_HEAD = r"^Event\[[0-9]+\]:?\s*(?:\n|$)"
#: How a file of such begins. Format-List has any order of fields: the first of them
#: begins each record.
_BEGINS = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:Event\[[0-9]+\]:?\s*\n\s+Log Name: "
    rb"|([A-Z][A-Za-z]+) +: [^\n]*\n(?:[^\n]*\n){0,12}?(?:ProviderName|Source) *: )"
)
_FIELDS = {
    "stamp": "Date|TimeCreated|TimeGenerated",
    "source": "Source|ProviderName",
    "event": "Event ID|Id|EventID",
    "level": "Level|LevelDisplayName|EntryType",
    "hostname": "Computer|MachineName",
    "log": "Log Name|LogName",
}


def _field(names: str) -> pl.Expr:
    found = pl.col("text").str.extract(rf"(?m)^ {{0,2}}(?:{names}) *: *([^\n\r]+)")
    return pl.when(~found.is_in(["N/A"])).then(found.str.strip_chars())


def _parse(lines: pl.Series, order: str, head: str = _HEAD) -> pl.DataFrame:
    frame = pl.DataFrame({"text": lines})
    # What Format-List cuts off at the edge goes on in the next line, behind spaces.
    said = pl.col("text").str.extract(
        r"(?s)\n {0,2}(?:Description|Message) *: *\r?\n?(.*)$"
    )
    first = pl.col("text").str.extract(
        r"(?s)^Message *: (.*?)\n(?:Id|ProviderName|TimeCreated) *: "
    )
    fields = frame.select(
        **{name: _field(names) for name, names in _FIELDS.items()},
        message=pl.coalesce(said, first).str.replace_all(r"\n {4,}", " "),
        known=pl.col("text").str.contains(head),
    )
    stamps = windows_stamps(fields["stamp"], order)
    whole = (
        pl.col("known")
        & pl.col("event").is_not_null()
        & (pl.col("source").is_not_null() | pl.col("stamp").is_not_null())
    )
    known = fields.select(
        flags=pl.when(whole).then(pl.lit(stamps["flags"])),
        refused=pl.when(~whole).then(pl.lit("no event of Windows")),
    )
    told = stamps.drop("flags")
    return pl.concat([windows_events(fields), told, known], how="horizontal")


def _announced(lines: pl.Series, order: str, head: str) -> pl.DataFrame:
    """The same, in a file that is known for what it is: one line begins an event."""
    alone = pl.lit(lines.str.contains(head) & ~lines.str.contains("\n", literal=True))
    rows = _parse(lines, order, head)
    return rows.with_columns(refused=pl.when(~alone).then("refused"))


def templates(head: bytes) -> list[str]:
    """The order of dates, and what begins a record, of a file that begins with one."""
    found = _BEGINS.match(head)
    if found is None:
        return []
    return [f"{date_order(head) or 'iso'} {(found[1] or b'').decode()}"]


def from_template(template: str) -> Format:
    """The format of a file whose dates have that order."""
    order, _, field = template.partition(" ")
    head = rf"^{field} +: " if field else _HEAD
    told = "" if order == "iso" else order
    parse = functools.partial(_announced, order=told, head=head)
    return replace(FORMAT, head=head, parse=parse)


FORMAT = Format(
    name="windows_text",
    title="events of Windows as text (wevtutil, PowerShell)",
    hop="host",
    reference="https://learn.microsoft.com/windows-server/administration/windows-commands/wevtutil",
    head=_HEAD,
    parse=functools.partial(_parse, order=""),
    multiline=True,
    whole=True,
    payload=False,
    narrow=True,
    templates=templates,
    paths=r"(?i)event|winevt|wevt",
)
