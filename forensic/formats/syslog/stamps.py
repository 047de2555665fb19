"""Stamps of syslog ▶ times: `Feb  6 05:32:07`, with or without a year."""

import polars as pl

from forensic.fields.columns import iso_stamp, prefix
from forensic.schema import YEARLESS
from forensic.zones import MONTHS

__all__ = ["BSD", "CLOCK", "DATE", "bsd_stamps", "sliced"]

_MONTHS = MONTHS | {f"{int(number)}月": number for number in MONTHS.values()}

CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,6})?"
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
BSD = rf"[A-Z][a-z]{{2}} [ 0-3][0-9] {CLOCK}"


def bsd_stamps(texts: pl.Series) -> pl.DataFrame:
    """`local` of each `Feb  6 05:32:07`; the year is YEARLESS where none is written."""
    parts = prefix(
        texts.str.strip_chars_start(" "),
        r"(?P<month>[A-Z][a-z]{2}|[0-9]{1,2}月) {1,2}(?P<day>[0-9]{1,2}) "
        rf"(?:(?P<year>[0-9]{{4}}) )?(?P<clock>{CLOCK})",
    )
    text = pl.format(
        "{}-{}-{} {}",
        pl.col("year").fill_null(str(YEARLESS)),
        pl.col("month").replace_strict(_MONTHS, default=None, return_dtype=pl.String),
        pl.col("day").str.zfill(2),
        pl.col("clock"),
    )
    return parts.select(local=iso_stamp(text))


def sliced(texts: pl.Series) -> pl.DataFrame:
    """`local` of `Feb  6 05:32:07 `, 16 characters, and whether they are `sound`."""
    sound = texts.str.contains(rf"^{BSD} $")
    return bsd_stamps(texts).with_columns(sound.alias("sound"))
