"""Lines whose date is in the order of some country: `06/02/2025`, `6 Feb 2025`.

.NET, Java, PHP and browsers write such where nobody told them otherwise. What stands
behind the date is some application's line: it is read as if its date stood there as
ISO 8601 has it. Whether day or month come first is told by all dates of the file, or
by the day in its name. Where neither tells, it is the day with dots and dashes, the
month before a clock with AM or PM, and the line is flagged `order_assumed`; else such a
line has no time.
"""

import functools
from dataclasses import replace

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix
from forensic.fields.date_order import date_order, is_assumed, iso_date, whole_clock
from forensic.format import Format
from forensic.zones import MONTHS

__all__ = ["FORMAT"]

_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? "
_NAME = rf"(?:{'|'.join(MONTHS)})[a-z]{{0,6}}"
_LEVEL = r"\[?(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL)\]?(?: - |:? +)"
_LEAD = rf"(?:{_LEVEL})?[\[(]?"
#: The dates without their clocks. The first is the only one of two meanings.
_NUMBERS = r"[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{4}"
_DAY_NAME = rf"(?:{_DAY})?[0-9]{{1,2}}[ /-]{_NAME}[ /-][0-9]{{4}}"
_NAME_DAY = rf"(?:{_DAY})?{_NAME} [0-9]{{1,2}}, [0-9]{{4}}"
_PACKED = r"20[0-9]{2}[01][0-9][0-3][0-9]"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
_HALF = "[ \u202f\u00a0][AaPp]\\.?[Mm]\\b\\.?"
#: As `date` prints it, and without any marks.
_PRINTED = rf"(?:{_DAY}){_NAME} [ 0-9][0-9] [0-9:]{{8}} [A-Z]{{2,5}} [0-9]{{4}}"
_BARE = rf"{_PACKED}T[0-9]{{6}}Z?"
_HEAD = (
    rf"^{_LEAD}(?:(?:{_NUMBERS}|{_DAY_NAME}|{_NAME_DAY})[ ,T:]{{1,2}}{_CLOCK}"
    rf"|{_PACKED}[ _-]{_CLOCK}|{_PRINTED}|{_BARE})(?:[^0-9]|$)"
)


def _date(order: str) -> pl.Expr:
    """The date as ISO has it; null where it is none, or has two meanings."""
    named = pl.coalesce("day_name", "name_day", "printed_date")
    word = named.str.extract(rf"({'|'.join(MONTHS)})[a-z]*[ /-]").replace_strict(
        MONTHS, default=None
    )
    return pl.coalesce(
        iso_date(pl.col("numbers"), order, pl.col("half")),
        pl.concat_str(
            pl.coalesce("printed_year", named.str.extract(r"([0-9]{4})$")),
            word,
            named.str.extract(r"(?:^|[ ,])([0-9]{1,2})(?:[ ,/-]|$)").str.zfill(2),
            separator="-",
        ),
        pl.col("packed").str.replace(r"^(.{4})(..)(..)$", "$1-$2-$3"),
    )


def _clock() -> pl.Expr:
    """The clock, with the hours of a whole day."""
    clock = pl.coalesce("clock", "packed_clock", "printed_clock")
    bare = pl.col("bare_clock").str.replace(r"^(..)(..)(..)$", "$1:$2:$3")
    return pl.coalesce(bare, whole_clock(clock, pl.col("half")))


def _parse(lines: pl.Series, order: str) -> pl.DataFrame:
    head = prefix(
        lines,
        rf"(?P<lead>{_LEAD})(?:(?:(?P<numbers>{_NUMBERS})|(?P<day_name>{_DAY_NAME})"
        rf"|(?P<name_day>{_NAME_DAY}))[ ,T:]{{1,2}}(?P<clock>{_CLOCK})"
        rf"(?P<half>{_HALF})?"
        rf"|(?P<packed_date>{_PACKED})[ _-](?P<packed_clock>{_CLOCK})"
        rf"|(?:{_DAY})(?P<printed_date>{_NAME} [ 0-9][0-9])"
        r" (?P<printed_clock>[0-9:]{8}) (?P<printed_zone>[A-Z]{2,5})"
        r" (?P<printed_year>[0-9]{4})"
        rf"|(?P<bare_date>{_PACKED})T(?P<bare_clock>[0-9]{{6}}))"
        r"(?P<zone>Z| ?[+-][0-9]{2}:?[0-9]{2}\b| (?:GMT|UTC)\b)?",
    ).with_columns(packed=pl.coalesce("packed_date", "bare_date"))
    known = lines.str.contains(_HEAD) & head["rest"].is_not_null()
    zone = pl.coalesce("zone", " " + pl.col("printed_zone"), pl.lit(""))
    text = head.select(
        iso=pl.concat_str(_date(order), pl.lit(" "), _clock()),
        zone=zone.str.replace("^ (?:GMT|UTC)$", "Z"),
    )
    written = text.select(pl.col("iso") + pl.col("zone")).to_series()
    stamps = moments(written)
    told = stamps["local_time"].is_not_null()
    ambiguous = pl.lit(~told)
    assumed = is_assumed(pl.col("numbers"), order, pl.col("half"))
    return head.select(
        local_time=pl.lit(stamps["local_time"]),
        utc_offset=pl.lit(stamps["utc_offset"]),
        message=pl.when(ambiguous)
        .then(pl.col("rest").str.strip_chars_start(" ])-:|,"))
        .otherwise(pl.concat_str("lead", pl.lit(written), "rest")),
        extra=json_extra(date=pl.when(ambiguous | assumed).then(pl.col("numbers"))),
        flags=pl.when(ambiguous)
        .then(pl.lit(["bad_time"]))
        .when(assumed)
        .then(pl.lit(["order_assumed"])),
        refused=pl.when(~pl.lit(known)).then(pl.lit("no such date")),
    )


def templates(head: bytes) -> list[str]:
    """The order of day and month, where the dates of a file tell it."""
    order = date_order(head)
    return [order] if order else []


def from_template(order: str) -> Format:
    """The format of a file whose dates have that order, or are near that day."""
    return replace(FORMAT, parse=functools.partial(_parse, order=order), narrow=True)


FORMAT = Format(
    name="written_dates",
    title="lines with a date in the order of a country",
    hop=None,
    reference="https://learn.microsoft.com/dotnet/standard/base-types/standard-date-and-time-format-strings",
    head=_HEAD,
    parse=functools.partial(_parse, order=""),
    multiline=True,
    envelope=True,
    last_resort=True,
    templates=templates,
)
