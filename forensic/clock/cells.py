"""Stamps ▶ a row a group and day, so that memory stays bounded."""

import numpy as np
import polars as pl

from forensic.clock.rows import GROUP, NONE, Rows, Stamp, gathered
from forensic.clock.turns import without_year
from forensic.schema import EVENT

__all__ = ["CELLS", "cells", "merged_cells"]

_DAY = 86_400_000_000
_SECOND = 1_000_000
_KEYS: dict[str, pl.DataType] = {
    **dict.fromkeys(GROUP, pl.String()),
    "stamp": pl.String(),
    "day": pl.Date(),
    "offset": pl.Int32(),
    "yearless": pl.Boolean(),
    "turn": pl.Int64(),
}
#: Stamps a group, day, offset and relative year: how many, where, how fine.
CELLS: dict[str, pl.DataType] = {
    **_KEYS,
    **dict.fromkeys(["n", "first_line", "last_line"], pl.Int64()),
    **dict.fromkeys(["low", "high"], pl.Datetime("us")),
    "fine": pl.Boolean(),
    "hop": EVENT["hop"],
    "format": pl.String(),
}


def cells(rows: Rows) -> pl.DataFrame:
    """CELLS of a part, with its own count of New Years."""
    parts = [_cells(rows, stamp) for stamp in rows.stamps()]
    return pl.concat(parts) if parts else pl.DataFrame(schema=CELLS)


def _cells(rows: Rows, stamp: Stamp) -> pl.DataFrame:
    local, at = stamp.local, stamp.at
    bare = without_year(local)
    turn = np.where(bare, rows.turn[at], NONE)
    keys = rows.groups(at)
    keys |= {"day": local // _DAY, "offset": stamp.offset, "turn": turn}
    values = rows.picked(at, [*GROUP, "line", "hop", "format"]).with_columns(
        pl.Series("local", local),
        pl.Series("offset", stamp.offset),
        pl.Series("yearless", bare),
        pl.Series("turn", turn),
        pl.Series("fine", local % _SECOND != 0),
    )
    wanted = [
        *(pl.col(name).first() for name in (*GROUP, "offset", "yearless", "turn")),
        pl.len().cast(pl.Int64).alias("n"),
        pl.col("line").min().alias("first_line"),
        pl.col("line").max().alias("last_line"),
        pl.col("local").min().alias("low"),
        pl.col("local").max().alias("high"),
        pl.col("fine").any(),
        pl.col("hop").min(),
        pl.col("format").min(),
    ]
    table = gathered(keys, values, wanted).with_columns(
        pl.lit(stamp.name).alias("stamp"),
        pl.col("low").cast(pl.Datetime("us")).dt.date().alias("day"),
        *(pl.when(pl.col(n) != NONE).then(n).alias(n) for n in ("offset", "turn")),
    )
    return table.select(pl.col(name).cast(dtype) for name, dtype in CELLS.items())


def merged_cells(rows: pl.DataFrame) -> pl.DataFrame:
    """Cells of all parts as one table, in the order of groups and lines."""
    total = rows.group_by(list(_KEYS)).agg(
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
