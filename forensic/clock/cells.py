"""Stamps ▶ a row a group and day, so that memory stays bounded."""

import polars as pl

from forensic.clock.rows import (
    GROUP,
    Grouped,
    Ints,
    Rows,
    Stamp,
    grouped,
    known,
    only,
)
from forensic.clock.turns import yearless
from forensic.schema import EVENT

__all__ = ["CELLS", "cells", "merged_cells"]

_DAY = 86_400_000_000
_SECOND = 1_000_000
#: Stamps a group, day, offset and relative year: how many, where, how fine.
CELLS: dict[str, pl.DataType] = {
    **dict.fromkeys([*GROUP, "stamp"], pl.String()),
    **dict.fromkeys(["offset", "turn", "n", "first_line", "last_line"], pl.Int64()),
    **dict.fromkeys(["low", "high"], pl.Int64()),
    "fine": pl.Boolean(),
    **dict.fromkeys(["hop", "format"], pl.String()),
}
_KEYS = [*GROUP, "stamp", "day", "offset", "yearless", "turn"]


def cells(rows: Rows) -> pl.DataFrame:
    """CELLS of a part, with its own count of New Years."""
    parts = [_cells(rows, stamp) for stamp in rows.stamps()]
    return pl.concat([pl.DataFrame(schema=CELLS), *parts])


def _cells(rows: Rows, stamp: Stamp) -> pl.DataFrame:
    local, at = stamp.local, stamp.at
    turn = rows.turns_of(stamp)
    keys = rows.groups(at).values()
    found = grouped([*keys, local // _DAY, stamp.offset, turn])
    first, last = found.first, found.last
    fine = local % _SECOND
    return rows.named(at[first], stamp.name).hstack(
        [
            pl.Series("offset", stamp.offset[first]),
            pl.Series("turn", turn[first]),
            pl.Series("n", found.sizes),
            pl.Series("first_line", rows.lines(at[first])),
            pl.Series("last_line", rows.lines(at[last])),
            pl.Series("low", found.least(local)),
            pl.Series("high", found.greatest(local)),
            pl.Series("fine", found.greatest(fine) != 0),
            *(_least(rows, name, at, found) for name in ("hop", "format")),
        ]
    )


def _least(rows: Rows, name: str, at: Ints, found: Grouped) -> pl.Series:
    """The least value of each group; null where it has none."""
    texts, places = rows.ranked[name]
    known = dict(enumerate(texts))
    least = [known.get(place) for place in found.least(only(places, at)).tolist()]
    return pl.Series(name, least, pl.String)


def merged_cells(rows: pl.DataFrame) -> pl.DataFrame:
    """Cells of all parts as one table, in the order of groups and lines."""
    stamps = [pl.col(n).cast(pl.Datetime("us")) for n in ("low", "high")]
    table = known(rows, "offset").with_columns(
        *stamps, pl.col("offset").cast(pl.Int32), pl.col("hop").cast(EVENT["hop"])
    )
    table = table.with_columns(
        pl.col("low").dt.date().alias("day"), yearless("low").alias("yearless")
    )
    total = table.group_by(_KEYS).agg(
        pl.col("n").sum(),
        pl.col("first_line").min(),
        pl.col("last_line").max(),
        pl.col("low").min(),
        pl.col("high").max(),
        pl.col("fine").any(),
        pl.col("hop").min().cast(pl.String),
        pl.col("format").min(),
    )
    order = [*GROUP, "stamp", "first_line", "day", "offset", "turn"]
    return total.sort(order, nulls_last=True)
