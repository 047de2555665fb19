"""New Years along a source whose stamps have no year.

From December back to January in the order of the lines is one New Year more; from
January back to December (a late line) one less. Each part of the events counts from
its own first stamp; `stitched` puts the parts of a source behind each other.
"""

import datetime as dt

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.schema import YEARLESS

__all__ = [
    "NONE",
    "TURNS",
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


def _moments(local: Ints, envelope: Ints) -> tuple[Ints, Ints]:
    """The rows with a yearless stamp, and that stamp: the envelope's before its own."""
    outside = without_year(envelope)
    at = np.flatnonzero(outside | without_year(local))
    return at, np.where(outside[at], envelope[at], local[at])


def counted(sources: Ints, local: Ints, envelope: Ints) -> Ints:
    """New Years since the source's first yearless stamp; NONE where a row has none."""
    at, moments = _moments(local, envelope)
    turn = np.full(len(sources), NONE)
    if not len(at):
        return turn
    gaps, owners = np.diff(moments), sources[at]
    same = owners[1:] == owners[:-1]
    steps = (gaps < -_HALF).astype(np.int64) - (gaps > _HALF)
    passed = np.concatenate([[0], (steps * same).cumsum()])
    starts = np.concatenate([[True], ~same])
    turn[at] = passed - passed[starts][starts.cumsum() - 1]
    return turn


def turns(
    frame: pl.DataFrame, sources: Ints, local: Ints, envelope: Ints, turn: Ints
) -> pl.DataFrame:
    """TURNS of a part, whose rows are `frame`; the arrays hold an element a row."""
    at, moments = _moments(local, envelope)
    if not len(at):
        return pl.DataFrame(schema=TURNS)
    owners, count = sources[at], turn[at]
    other = owners[1:] != owners[:-1]
    edge = other | (count[1:] != count[:-1])
    told = np.concatenate([[True], edge])
    told |= np.concatenate([other, [True]])
    rows = at[told]
    named: pl.DataFrame = frame.select("source", "line")[rows]
    return named.with_columns(
        pl.Series("moment", moments[told]), pl.Series("turn", turn[rows])
    )


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

    Those without a yearless stamp have no `turn`.
    """
    rows = rows.join(
        bases, on=["part", "source"], how="left", maintain_order="left"
    ).with_columns(pl.col("turn") + pl.col("base").fill_null(0))
    return rows.drop("part", "base")
