"""New Years along a source whose stamps have no year.

From December back to January in the order of the lines is one New Year more; from
January back to December (a late line) one less. Each part of the events counts from
its own first stamp; `stitched` puts the parts of a source behind each other.
"""

import datetime as dt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.schema import YEARLESS

__all__ = [
    "NONE",
    "TURNS",
    "Ints",
    "Mask",
    "Turned",
    "counted",
    "in_year",
    "nearest_year",
    "rebased",
    "stitched",
    "turns",
    "without_year",
    "yearless",
]

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
#: Stands for null in arrays of integers: no stamp and no offset is so low.
NONE = -(1 << 62)
_FAR = pl.duration(days=180)
_HALF = 180 * 86_400_000_000


def _microseconds(year: int) -> int:
    return (dt.date(year, 1, 1) - dt.date(1970, 1, 1)).days * 86_400_000_000


_FIRST, _PAST = _microseconds(YEARLESS), _microseconds(YEARLESS + 1)
#: Where the count stands: at a source's first and last stamp in a part, and where it
#: changes between them.
TURNS: dict[str, pl.DataType] = {
    "source": pl.String(),
    "line": pl.Int64(),
    "moment": pl.Int64(),  # microseconds, as if in the year YEARLESS
    "turn": pl.Int64(),
}
_BASES: dict[str, pl.DataType] = {
    "part": pl.Int32(),
    "source": pl.String(),
    "base": pl.Int64(),
}


def yearless(column: str) -> pl.Expr:
    """Whether the stamp in that column was written without a year."""
    first, past = (pl.datetime(YEARLESS + n, 1, 1, time_unit="us") for n in (0, 1))
    return pl.col(column).is_between(first, past, closed="left")


def without_year(stamps: Ints) -> Mask:
    """Which stamps, in microseconds, were written without a year."""
    found: Mask = (stamps >= _FIRST) & (stamps < _PAST)
    return found


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


def _step(gap: int) -> int:
    return int(gap < -_HALF) - int(gap > _HALF)


class Turned(NamedTuple):
    """New Years of the rows of a part, counted from each source's first such stamp."""

    turn: Ints  # of every row; NONE where it has no yearless stamp
    edges: Ints  # rows: the first and last of each source, and where the count changes
    moments: Ints  # of the edges


def counted(sources: Ints, local: Ints, envelope: Ints) -> Turned:
    """Count along the yearless stamps: a row's envelope's, else its own."""
    outside = without_year(envelope)
    at = np.flatnonzero(outside | without_year(local))
    if not len(at):
        return Turned(np.broadcast_to(np.int64(NONE), len(sources)), at, at)
    moments = np.where(outside, envelope, local)[at]
    other = np.diff(sources[at]) != 0
    starts = np.concatenate([[True], other])
    told = starts | np.concatenate([other, [True]])
    turn = np.full(len(sources), NONE)
    turn[at] = 0
    gaps = np.diff(moments)
    if len(gaps) and max(-gaps.min(), gaps.max()) > _HALF:
        steps = ((gaps < -_HALF).astype(np.int64) - (gaps > _HALF)) * ~other
        passed = np.concatenate([[0], steps.cumsum()])
        turn[at] = passed - passed[starts][starts.cumsum() - 1]
        told[1:] |= steps != 0
    return Turned(turn, at[told], moments[told])


def turns(frame: pl.DataFrame, turned: Turned) -> pl.DataFrame:
    """TURNS of a part, whose rows are `frame`."""
    turn, edges, moments = turned
    if not len(edges):
        return pl.DataFrame(schema=TURNS)
    named: pl.DataFrame = frame[["source", "line"]][edges]
    return named.hstack([pl.Series("moment", moments), pl.Series("turn", turn[edges])])


def stitched(
    rows: pl.DataFrame,
) -> tuple[dict[str, list[tuple[int, int]]], pl.DataFrame]:
    """Source ▶ (line, New Years) from each change on; and the base of each part.

    `rows`: TURNS with the number of their `part`. What a part counted wants its base
    for the source added; where that is 0, none is listed.
    """
    runs: dict[str, list[tuple[int, int]]] = {}
    bases: dict[tuple[int, str], int] = {}
    last, passed = 0, 0
    ordered = rows.sort("source", "line", "part", maintain_order=True)
    for source, line, moment, turn, part in ordered.iter_rows():
        if source not in runs:
            runs[source] = [(line, 0)]
            last, passed = moment, 0
        base = bases.setdefault((part, source), passed + _step(moment - last))
        last, passed = moment, base + turn
        if runs[source][-1][1] != passed:
            runs[source].append((line, passed))
    listed = [(part, source, base) for (part, source), base in bases.items() if base]
    return runs, pl.DataFrame(listed, schema=_BASES, orient="row")


def rebased(rows: pl.DataFrame, bases: pl.DataFrame) -> pl.DataFrame:
    """Rows of many parts, their `turn` counted from the start of the source.

    Those without a yearless stamp have none: null.
    """
    rows = rows.join(bases, on=["part", "source"], how="left", maintain_order="left")
    turn = pl.col("turn") + pl.col("base").fill_null(0)
    counts = pl.when(pl.col("turn") != NONE).then(turn)
    return rows.with_columns(counts.alias("turn")).drop("part", "base")
