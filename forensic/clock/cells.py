"""Stamps ▶ small tables: a row a group and day, so that memory stays bounded."""

import polars as pl

from forensic.clock.turns import nearest_year, yearless
from forensic.schema import YEARLESS

__all__ = [
    "GROUP",
    "JumpFinder",
    "cells",
    "inner",
    "merged_cells",
    "merged_inner",
    "merged_jumps",
    "stamps",
]

#: Who wrote a line; each may have its own clock.
GROUP = ["source", "hostname", "process"]
_STEP = 900 * 1_000_000
_CELL = [*GROUP, "stamp", "day", "offset", "yearless", "turn"]
_INNER = [*GROUP, "day", "step", "base_year", "utc_offset", "envelope_offset"]
_CLOCK = ["source", "hostname", "process", "stamp"]
#: Jumps of one source that are kept, the widest ones.
_JUMPS = 300


def stamps(frame: pl.DataFrame) -> pl.DataFrame:
    """One row a stamp: the payload's own, and the envelope's."""
    ids = [*GROUP, "line", "turn", "hop", "format"]
    event = frame.filter("own").select(
        *ids,
        pl.lit("event").alias("stamp"),
        pl.col("local_time").alias("local"),
        pl.col("utc_offset").alias("offset"),
    )
    envelope = frame.filter(pl.col("envelope_local").is_not_null()).select(
        *ids,
        pl.lit("envelope").alias("stamp"),
        pl.col("envelope_local").alias("local"),
        pl.col("envelope_offset").alias("offset"),
    )
    return pl.concat([event, envelope])


def cells(rows: pl.DataFrame) -> pl.DataFrame:
    """Stamps a group, day, offset and relative year: how many, where, how fine."""
    dated = rows.with_columns(
        pl.col("local").dt.date().alias("day"),
        (pl.col("local").dt.year() == YEARLESS).alias("yearless"),
    )
    varying, fixed = _split(dated, _CELL)
    table = dated.group_by(varying).agg(
        pl.len().cast(pl.Int64).alias("n"),
        pl.col("line").min().alias("first_line"),
        pl.col("line").max().alias("last_line"),
        pl.col("local").min().alias("low"),
        pl.col("local").max().alias("high"),
        (pl.col("local").dt.microsecond() != 0).any().alias("fine"),
        pl.col("hop").drop_nulls().min().cast(pl.String).alias("hop"),
        pl.col("format").drop_nulls().min().alias("format"),
    )
    return table.with_columns(fixed).select(*_CELL, *table.columns[len(varying) :])


def _split(rows: pl.DataFrame, keys: list[str]) -> tuple[list[str], list[pl.Expr]]:
    """Keys that vary in these rows, and the others as constants: hashing is dear."""
    same = [
        key
        for key in keys
        if rows.height
        and (rows[key].null_count() == rows.height or rows[key].n_unique() == 1)
    ]
    varying = [key for key in keys if key not in same] or same[:1]
    fixed = [
        pl.lit(rows[key][0], rows.schema[key]).alias(key)
        for key in same
        if key not in varying
    ]
    return varying, fixed


def merged_cells(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Cells of all chunks as one table, in the order of groups and lines."""
    if not parts:
        return pl.DataFrame()
    total = (
        pl.concat(parts)
        .group_by(_CELL)
        .agg(
            pl.col("n").sum(),
            pl.col("first_line").min(),
            pl.col("last_line").max(),
            pl.col("low").min(),
            pl.col("high").max(),
            pl.col("fine").any(),
            pl.col("hop").drop_nulls().min(),
            pl.col("format").drop_nulls().min(),
        )
    )
    order = [*GROUP, "stamp", "first_line", "day", "offset", "turn"]
    return total.sort(order, nulls_last=True)


def inner(frame: pl.DataFrame) -> pl.DataFrame:
    """Payload minus envelope stamp a group and day, in steps of 15 minutes.

    Where the envelope has no year, the payload's tells it (`base_year`, less the New
    Years since the start of the source).
    """
    rows = frame.filter(
        pl.col("own")
        & pl.col("envelope_local").is_not_null()
        & ~yearless("local_time")
        & (pl.col("utc_offset").is_null() | pl.col("envelope_offset").is_null())
    )
    local, envelope = pl.col("local_time"), pl.col("envelope_local")
    year = pl.when(yearless("envelope_local")).then(nearest_year(envelope, local))
    rows = rows.with_columns(year.alias("year"))
    moved = pl.col("year").fill_null(envelope.dt.year()) - envelope.dt.year()
    aligned = envelope.dt.offset_by(pl.format("{}y", moved))
    gap = (local - aligned).dt.total_microseconds()
    rows = rows.with_columns(
        ((gap + _STEP // 2) // _STEP * 900).alias("step"),
        (pl.col("year") - pl.col("turn")).cast(pl.Int32).alias("base_year"),
        pl.col("local_time").dt.date().alias("day"),
    )
    # Rows of a group keep their order, which is that of the lines.
    return rows.group_by(_INNER).agg(
        pl.len().cast(pl.Int64).alias("n"),
        pl.col("line").min().alias("first_line"),
        pl.col("line").max().alias("last_line"),
        pl.col("local_time").first().alias("event_first"),
        pl.col("local_time").last().alias("event_last"),
        pl.col("envelope_local").first().alias("envelope_first"),
        pl.col("envelope_local").last().alias("envelope_last"),
    )


def merged_inner(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Differences of all chunks as one table, in the order of groups and lines."""
    if not parts:
        return pl.DataFrame()
    firsts = [
        pl.col(f"{s}_first").sort_by("first_line").first()
        for s in ("event", "envelope")
    ]
    lasts = [
        pl.col(f"{s}_last").sort_by("last_line").last() for s in ("event", "envelope")
    ]
    total = pl.concat(parts).group_by(_INNER)
    table = total.agg(
        pl.col("n").sum(),
        pl.col("first_line").min(),
        pl.col("last_line").max(),
        *firsts,
        *lasts,
    )
    return table.sort([*GROUP, "first_line", *_INNER[3:]], nulls_last=True)


class JumpFinder:
    """Finds where a clock goes back, or far ahead, across the borders of chunks."""

    def __init__(self) -> None:
        self.last: pl.DataFrame | None = None

    def find(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows whose stamp lies before, or more than 20 minutes after, the one above.

        The lines of one host share the envelope's clock; payloads are taken program
        by program.
        """
        rows = rows.filter(pl.col("offset").is_null()).select(
            "source",
            "hostname",
            pl.when(pl.col("stamp") == "event").then("process").alias("process"),
            "stamp",
            "line",
            "local",
        )
        if self.last is not None:
            rows = pl.concat([self.last, rows])
        if rows.is_empty():
            return rows.with_columns(pl.lit(0, pl.Int64).alias("gap"))
        varying, _ = _split(rows, _CLOCK)
        before = pl.col("local").shift(1).over(varying)
        gap = (pl.col("local") - before).dt.total_seconds()
        found = rows.with_columns(gap.alias("gap"))
        ends = found.filter(pl.col("source") == rows["source"][-1])
        self.last = ends.group_by(_CLOCK, maintain_order=True).last().drop("gap")
        odd = (pl.col("gap") < -10) | (pl.col("gap") > 1200)
        return _widest(found.filter(odd))


def _widest(jumps: pl.DataFrame) -> pl.DataFrame:
    size = pl.col("gap").abs().rank("ordinal", descending=True).over("source")
    return jumps.filter(size <= _JUMPS)


def merged_jumps(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Widest jumps of each source, in the order of lines."""
    if not parts:
        return pl.DataFrame()
    rows = pl.concat(parts).sort([*_CLOCK, "line"], nulls_last=True)
    return _widest(rows)
