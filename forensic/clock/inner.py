"""Payload minus envelope stamp, where one stands inside the other."""

import numpy as np
import polars as pl

from forensic.clock.rows import GROUP, NONE, Rows, grouped, known, only
from forensic.clock.turns import nearest_year, without_year, yearless

__all__ = ["INNER", "inner", "merged_inner"]

_DAY = 86_400_000_000
_STEP = 900 * 1_000_000
_KEYS = [*GROUP, "day", "step", "base_year", "utc_offset", "envelope_offset"]
_STAMPS = ["event_first", "event_last", "envelope_first", "envelope_last"]
#: Differences a group and day, in steps of 15 minutes; the first and last stamps.
INNER: dict[str, pl.DataType] = {
    **dict.fromkeys(GROUP, pl.String()),
    **dict.fromkeys(["step", "turn", "utc_offset", "envelope_offset"], pl.Int64()),
    **dict.fromkeys(["n", "first_line", "last_line", *_STAMPS], pl.Int64()),
}


def inner(rows: Rows) -> pl.DataFrame:
    """INNER of a part, with its own count of New Years."""
    both = rows.own & (rows.envelope != NONE)
    if not both.any():
        return pl.DataFrame(schema=INNER)
    both &= (rows.offset == NONE) | (rows.envelope_offset == NONE)
    at = np.flatnonzero(both & ~without_year(rows.local))
    if not len(at):
        return pl.DataFrame(schema=INNER)
    local, envelope = only(rows.local, at), only(rows.envelope, at)
    values = {
        "step": (local - envelope + _STEP // 2) // _STEP * 900,
        "turn": only(rows.turned.turn, at),
        "utc_offset": only(rows.offset, at),
        "envelope_offset": only(rows.envelope_offset, at),
    }
    days = [local // _DAY, envelope // _DAY]
    found = grouped([*rows.groups(at).values(), *days, *values.values()])
    # Rows of a group keep their order, which is that of the lines.
    first, last = found.first, found.last
    edges = [local[first], local[last], envelope[first], envelope[last]]
    counts = [found.sizes, rows.lines(at[first]), rows.lines(at[last])]
    columns = [*(column[first] for column in values.values()), *counts, *edges]
    names = [name for name in INNER if name not in GROUP]
    return rows.named(at[first]).hstack(
        [pl.Series(name, column) for name, column in zip(names, columns, strict=True)]
    )


def merged_inner(rows: pl.DataFrame) -> pl.DataFrame:
    """Differences of all parts as one table, in the order of groups and lines."""
    table = _aligned(known(rows, "utc_offset", "envelope_offset"))
    firsts = [pl.col(n).sort_by("first_line").first() for n in _STAMPS[::2]]
    lasts = [pl.col(n).sort_by("last_line").last() for n in _STAMPS[1::2]]
    total = table.group_by(_KEYS).agg(
        pl.col("n").sum(),
        pl.col("first_line").min(),
        pl.col("last_line").max(),
        *firsts,
        *lasts,
    )
    return total.sort([*GROUP, "first_line", *_KEYS[3:]], nulls_last=True)


def _aligned(rows: pl.DataFrame) -> pl.DataFrame:
    """Differences as if the envelope were in the year nearest to the payload.

    Where the envelope has no year, the payload's tells it (`base_year`, less the New
    Years since the start of the source). Years are whole days, so it is enough to
    align the years of a group.
    """
    rows = rows.with_columns(pl.col(n).cast(pl.Datetime("us")) for n in _STAMPS)
    local, envelope = pl.col("event_first"), pl.col("envelope_first")
    year = pl.when(yearless("envelope_first")).then(nearest_year(envelope, local))
    moved = year.fill_null(envelope.dt.year()) - envelope.dt.year()
    shift = envelope.dt.offset_by(pl.format("{}y", moved)) - envelope
    return rows.with_columns(
        local.dt.date().alias("day"),
        (pl.col("step") - shift.dt.total_seconds()).alias("step"),
        (year - pl.col("turn")).cast(pl.Int32).alias("base_year"),
        *(pl.col(n).cast(pl.Int32) for n in ("utc_offset", "envelope_offset")),
    )
