"""Payload minus envelope stamp, where one stands inside the other."""

import numpy as np
import polars as pl

from forensic.clock.rows import GROUP, NONE, Rows, gathered
from forensic.clock.turns import nearest_year, without_year, yearless

__all__ = ["INNER", "inner", "merged_inner"]

_DAY = 86_400_000_000
_STEP = 900 * 1_000_000
_EDGES = [f"{s}_{place}" for s in ("event", "envelope") for place in ("first", "last")]
_KEYS = [*GROUP, "day", "step", "base_year", "utc_offset", "envelope_offset"]
#: Differences a group and day, in steps of 15 minutes.
INNER: dict[str, pl.DataType] = {
    **dict.fromkeys(GROUP, pl.String()),
    "day": pl.Date(),
    "step": pl.Int64(),
    "year": pl.Int32(),  # of the envelope, as the payload tells it
    "turn": pl.Int64(),
    "utc_offset": pl.Int32(),
    "envelope_offset": pl.Int32(),
    **dict.fromkeys(["n", "first_line", "last_line"], pl.Int64()),
    **dict.fromkeys(_EDGES, pl.Datetime("us")),
}


def inner(rows: Rows) -> pl.DataFrame:
    """INNER of a part, with its own count of New Years.

    Years are whole days, so it is enough to align the years of a group.
    """
    bare = (rows.offset == NONE) | (rows.envelope_offset == NONE)
    both = rows.own & (rows.envelope != NONE)
    at = np.flatnonzero(both & bare & ~without_year(rows.local))
    if not len(at):
        return pl.DataFrame(schema=INNER)
    local, envelope = rows.local[at], rows.envelope[at]
    step = (local - envelope + _STEP // 2) // _STEP * 900
    keys = rows.groups(at)
    keys |= {"day": local // _DAY, "outside": envelope // _DAY, "step": step}
    keys |= {"turn": rows.turn[at], "offset": rows.offset[at]}
    keys |= {"envelope_offset": rows.envelope_offset[at]}
    names = [*GROUP, "line", "local_time", "envelope_local"]
    names += ["utc_offset", "envelope_offset"]
    values = rows.picked(at, names).with_columns(
        pl.Series("step", step), pl.Series("turn", rows.turn[at])
    )
    firsts = [*GROUP, "step", "turn", "utc_offset", "envelope_offset"]
    # Rows of a group keep their order, which is that of the lines.
    wanted = [
        *(pl.col(name).first() for name in firsts),
        pl.len().cast(pl.Int64).alias("n"),
        pl.col("line").min().alias("first_line"),
        pl.col("line").max().alias("last_line"),
        pl.col("local_time").first().alias("event_first"),
        pl.col("local_time").last().alias("event_last"),
        pl.col("envelope_local").first().alias("envelope_first"),
        pl.col("envelope_local").last().alias("envelope_last"),
    ]
    table = _aligned(gathered(keys, values, wanted))
    return table.select(pl.col(name).cast(dtype) for name, dtype in INNER.items())


def _aligned(rows: pl.DataFrame) -> pl.DataFrame:
    """Differences as if the envelope were in the year nearest to the payload."""
    local, envelope = pl.col("event_first"), pl.col("envelope_first")
    year = pl.when(yearless("envelope_first")).then(nearest_year(envelope, local))
    moved = year.fill_null(envelope.dt.year()) - envelope.dt.year()
    shift = envelope.dt.offset_by(pl.format("{}y", moved)) - envelope
    return rows.with_columns(
        local.dt.date().alias("day"),
        (pl.col("step") - shift.dt.total_seconds()).alias("step"),
        year.alias("year"),
        pl.when(pl.col("turn") != NONE).then("turn").alias("turn"),
    )


def merged_inner(rows: pl.DataFrame) -> pl.DataFrame:
    """Differences of all parts as one table, in the order of groups and lines.

    `base_year`: the year of the envelope less the New Years since the source's start.
    """
    base = (pl.col("year") - pl.col("turn")).cast(pl.Int32).alias("base_year")
    firsts = [pl.col(n).sort_by("first_line").first() for n in _EDGES[::2]]
    lasts = [pl.col(n).sort_by("last_line").last() for n in _EDGES[1::2]]
    total = rows.with_columns(base).group_by(_KEYS)
    table = total.agg(
        pl.col("n").sum(),
        pl.col("first_line").min(),
        pl.col("last_line").max(),
        *firsts,
        *lasts,
    )
    return table.sort([*GROUP, "first_line", *_KEYS[3:]], nulls_last=True)
