"""New Years along a source whose stamps have no year.

From December back to January in the order of the lines is one New Year more; from
January back to December (a late line) one less.
"""

import datetime as dt

import polars as pl

from forensic.schema import YEARLESS

__all__ = [
    "YearCounter",
    "all_changes",
    "changes",
    "in_year",
    "nearest_year",
    "yearless",
]

_FAR = pl.duration(days=180)
_SCHEMA = {"source": pl.String(), "moment": pl.Datetime("us"), "turn": pl.Int32()}


def yearless(column: str) -> pl.Expr:
    """Whether the stamp in that column was written without a year."""
    first, past = (pl.datetime(YEARLESS + n, 1, 1, time_unit="us") for n in (0, 1))
    return pl.col(column).is_between(first, past, closed="left")


def in_year(stamp: pl.Expr, year: pl.Expr) -> pl.Expr:
    """Yearless stamp in a year; 29 February of a common year gives null."""
    moved = stamp.dt.offset_by(pl.format("{}y", year.cast(pl.Int32) - YEARLESS))
    return pl.when(moved.dt.day() == stamp.dt.day()).then(moved)


def nearest_year(stamp: pl.Expr, reference: pl.Expr) -> pl.Expr:
    """Year that brings a yearless stamp nearest to a dated one."""
    year = reference.dt.year()
    gap = stamp.dt.offset_by(pl.format("{}y", year - YEARLESS)) - reference
    earlier = pl.when(gap > _FAR).then(year - 1)
    return earlier.when(gap < -_FAR).then(year + 1).otherwise(year)


class YearCounter:
    """Counts New Years along each source, across the borders of chunks."""

    def __init__(self) -> None:
        self.last = pl.DataFrame(schema=_SCHEMA)

    def count(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add `turn`: the New Years between the start of the source and the row."""
        envelope = pl.when(yearless("envelope_local")).then("envelope_local")
        moment = envelope.when(yearless("local_time")).then("local_time")
        frame = frame.with_columns(moment.alias("moment"))
        if frame["moment"].null_count() == frame.height:
            return frame.with_columns(pl.lit(0, pl.Int32).alias("turn"))
        rows = pl.concat([self.last, frame.select("source", "moment")], how="diagonal")
        if self.last["turn"].sum() == 0 and not _turns(rows):
            frame = frame.with_columns(pl.lit(0, pl.Int32).alias("turn"))
            self._keep(frame)
            return frame
        step = pl.col("moment").forward_fill().over("source").diff().over("source")
        toggle = (step < -_FAR).cast(pl.Int32) - (step > _FAR).cast(pl.Int32)
        passed = toggle.fill_null(0).cum_sum().over("source")
        base = pl.col("turn").first().over("source").fill_null(0)
        turn = (passed + base).cast(pl.Int32).alias("turn")
        counted = rows.select(turn).slice(self.last.height)
        frame = frame.with_columns(counted["turn"])
        self._keep(frame)
        return frame

    def _keep(self, frame: pl.DataFrame) -> None:
        """Remember where the last source of the chunk stands."""
        source = frame["source"][-1]
        seen = (pl.col("source") == source) & pl.col("moment").is_not_null()
        rows = frame.filter(seen).select(list(_SCHEMA)).tail(1)
        self.last = (
            rows if rows.height else self.last.filter(pl.col("source") == source)
        )


def _turns(rows: pl.DataFrame) -> bool:
    """Whether any stamp lies half a year from the one before: most often none does."""
    moments = rows["moment"].drop_nulls()
    return bool((moments.diff().abs() > dt.timedelta(days=180)).any())


def changes(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows of a chunk at which the count changes, the first of each source too."""
    above = [pl.col(name) != pl.col(name).shift(1) for name in ("source", "turn")]
    changed = (above[0] | above[1]).fill_null(value=True)
    return frame.filter(changed).select("source", "line", "turn")


def all_changes(parts: list[pl.DataFrame]) -> dict[str, list[tuple[int, int]]]:
    """Source ▶ (first line, New Years) from each change on."""
    found: dict[str, list[tuple[int, int]]] = {}
    for part in parts:
        for source, line, turn in part.iter_rows():
            runs = found.setdefault(source, [])
            if not runs or runs[-1][1] != turn:
                runs.append((line, turn))
    return found
