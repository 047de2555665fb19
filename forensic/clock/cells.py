"""Stamps ▶ small tables: a row a group and day, so that memory stays bounded."""

import polars as pl

from forensic.clock.turns import nearest_year, yearless

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
_INNER_RAW = [*GROUP, "day", "step", "turn", "utc_offset", "envelope_offset"]
_INNER_SCHEMA = {
    **dict.fromkeys(GROUP, pl.String()),
    "day": pl.Date(),
    "step": pl.Int64(),
    "base_year": pl.Int32(),
    "utc_offset": pl.Int32(),
    "envelope_offset": pl.Int32(),
    **dict.fromkeys(["n", "first_line", "last_line"], pl.Int64()),
    **{
        f"{stamp}_{place}": pl.Datetime("us")
        for stamp in ("event", "envelope")
        for place in ("first", "last")
    },
}
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
        yearless("local").alias("yearless"),
    )
    varying, fixed = _split(dated, _CELL)
    table = dated.group_by(varying).agg(
        pl.len().cast(pl.Int64).alias("n"),
        pl.col("line").min().alias("first_line"),
        pl.col("line").max().alias("last_line"),
        pl.col("local").min().alias("low"),
        pl.col("local").max().alias("high"),
        (pl.col("local").dt.microsecond() != 0).any().alias("fine"),
        pl.col("hop").min(),
        pl.col("format").min(),
    )
    table = table.with_columns(pl.col("hop").cast(pl.String))
    return table.with_columns(fixed).select(*_CELL, *table.columns[len(varying) :])


def _split(rows: pl.DataFrame, keys: list[str]) -> tuple[list[str], list[pl.Expr]]:
    """Keys that vary in these rows, and the others as constants: hashing is dear."""
    equal = [pl.col(key).eq_missing(pl.col(key).first()).all() for key in keys]
    found = rows.select(equal).row(0) if rows.height else ()
    same = [key for key, alike in zip(keys, found, strict=False) if alike]
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
            pl.col("hop").min(),
            pl.col("format").min(),
        )
    )
    order = [*GROUP, "stamp", "first_line", "day", "offset", "turn"]
    return total.sort(order, nulls_last=True)


def inner(frame: pl.DataFrame) -> pl.DataFrame:
    """Payload minus envelope stamp a group and day, in steps of 15 minutes.

    Where the envelope has no year, the payload's tells it (`base_year`, less the New
    Years since the start of the source). Years are whole days, so it is enough to
    align the years of a group.
    """
    rows = frame.filter(
        pl.col("own")
        & pl.col("envelope_local").is_not_null()
        & ~yearless("local_time")
        & (pl.col("utc_offset").is_null() | pl.col("envelope_offset").is_null())
    )
    if rows.is_empty():
        return pl.DataFrame(schema=_INNER_SCHEMA)
    gap = (pl.col("local_time") - pl.col("envelope_local")).dt.total_microseconds()
    rows = rows.with_columns(
        ((gap + _STEP // 2) // _STEP * 900).alias("step"),
        pl.col("local_time").dt.date().alias("day"),
        pl.col("envelope_local").dt.date().alias("day_outside"),
    )
    varying, fixed = _split(rows, [*_INNER_RAW, "day_outside"])
    # Rows of a group keep their order, which is that of the lines.
    found = rows.group_by(varying).agg(
        pl.len().cast(pl.Int64).alias("n"),
        pl.col("line").min().alias("first_line"),
        pl.col("line").max().alias("last_line"),
        pl.col("local_time").first().alias("event_first"),
        pl.col("local_time").last().alias("event_last"),
        pl.col("envelope_local").first().alias("envelope_first"),
        pl.col("envelope_local").last().alias("envelope_last"),
    )
    return _aligned(found.with_columns(fixed)).select(list(_INNER_SCHEMA))


def _aligned(rows: pl.DataFrame) -> pl.DataFrame:
    """Differences as if the envelope were in the year nearest to the payload."""
    local, envelope = pl.col("event_first"), pl.col("envelope_first")
    year = pl.when(yearless("envelope_first")).then(nearest_year(envelope, local))
    moved = year.fill_null(envelope.dt.year()) - envelope.dt.year()
    shift = envelope.dt.offset_by(pl.format("{}y", moved)) - envelope
    return rows.with_columns(
        (pl.col("step") - shift.dt.total_seconds()).alias("step"),
        (year - pl.col("turn")).cast(pl.Int32).alias("base_year"),
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
