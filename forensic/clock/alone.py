"""Events of one source under one clock ▶ their times: the usual case, by arithmetic.

Syslog files have one clock from the first line to the last. Then nothing is joined
and nothing is sorted: a time is the stamp, plus its year, less its offset.
"""

import datetime as dt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.clock.options import is_named
from forensic.schema import EVENT, YEARLESS

__all__ = ["alone"]

_Ints = npt.NDArray[np.int64]
_Mask = npt.NDArray[np.bool_]
_SECOND = 1_000_000
_EPOCH = dt.date(1970, 1, 1)


class _Clock(NamedTuple):
    """What is known of all stamps of one kind; an offset or a year may be."""

    utc_offset: int | None = None
    year: int | None = None
    basis: str | None = None


class _Column(NamedTuple):
    """Numbers, and where there are any."""

    values: _Ints
    there: _Mask

    @classmethod
    def of(cls, column: pl.Series) -> "_Column":
        """The numbers of a column of times or counts."""
        numbers = column.to_physical().cast(pl.Int64)
        there = column.is_not_null().to_numpy()
        return cls(numbers.fill_null(0).to_numpy(), there)

    def where(self, rows: _Mask, other: "_Column") -> "_Column":
        """These where the rows say so, the other's elsewhere."""
        values = np.where(rows, self.values, other.values)
        return _Column(values, np.where(rows, self.there, other.there))

    def column(self, name: str) -> pl.Series:
        """A column of the events table."""
        numbers = pl.Series(name, self.values)
        if not self.there.all():
            numbers = numbers.set(pl.Series(~self.there), None)
        return numbers.cast(EVENT[name])


class _Stamps(NamedTuple):
    """One of an event's two stamps, resolved."""

    local: _Column  # with its year
    time: _Column
    lacking: _Mask  # zone or year are not written
    short: _Mask  # the year is not written


def alone(frame: pl.DataFrame, clocks: pl.DataFrame) -> pl.DataFrame | None:
    """The frame with times, its other columns as they are; None where it is not so."""
    source = frame["source"]
    if not (source == source[0]).all():
        return None
    event, envelope = (
        _the_clock(clocks, stamp, frame) for stamp in ("event", "envelope")
    )
    if event is None or envelope is None:
        return None
    own = _resolved(frame, "local_time", "utc_offset", event)
    outer = _resolved(frame, "envelope_local", "envelope_offset", envelope)
    if own is None or outer is None:
        return None
    return _filled(frame, (own, event), (outer, envelope))


def _the_clock(clocks: pl.DataFrame, stamp: str, frame: pl.DataFrame) -> _Clock | None:
    """The one clock of all the frame's stamps; None where there are several."""
    mine = clocks.filter(
        (pl.col("stamp") == stamp)
        & (pl.col("source") == frame["source"][0])
        & (pl.col("utc_offset").is_not_null() | pl.col("year").is_not_null())
    )
    if not len(mine):
        return _Clock()
    row = mine.row(0, named=True)
    lines = frame["line"]
    whole = row["first_line"] <= lines.min() and lines.max() <= row["last_line"]
    general = row["hostname"] is None and row["process"] is None
    if len(mine) > 1 or not whole or not general or is_named(row["zone"]):
        return None
    return _Clock(row["utc_offset"], row["year"], row["basis"])


def _day(year: int, month: int) -> int:
    return (dt.date(year, month, 1) - _EPOCH).days * 86_400 * _SECOND


def _resolved(
    frame: pl.DataFrame, local: str, offset: str, clock: _Clock
) -> _Stamps | None:
    """The stamps with their years, and their moments; None for a 29 February.

    That day may not be in the year, and such a row wants a flag.
    """
    stamps, written = _Column.of(frame[local]), _Column.of(frame[offset])
    values, there = stamps
    short = there & (values >= _day(YEARLESS, 1)) & (values < _day(YEARLESS + 1, 1))
    if short.any():
        leap, march = _day(YEARLESS, 3) - 86_400 * _SECOND, _day(YEARLESS, 3)
        if (short & (values >= leap) & (values < march)).any():
            return None
        if clock.year is None:
            there = there & ~short
        else:
            early = _day(clock.year, 1) - _day(YEARLESS, 1)
            late = _day(clock.year, 3) - march
            moved = values + np.where(values < march, early, late)
            values = np.where(short, moved, values)
    dated = _Column(values, there)
    found = written.there | (clock.utc_offset is not None)
    seconds = np.where(written.there, written.values, clock.utc_offset or 0)
    time = _Column(values - seconds * _SECOND, there & found)
    return _Stamps(dated, time, ~written.there | short, short)


def _own(frame: pl.DataFrame) -> _Mask:
    """Whether `local_time` is more than a copy of the envelope's stamp."""
    local, envelope = (
        _Column.of(frame["local_time"]),
        _Column.of(frame["envelope_local"]),
    )
    copied = envelope.there & (local.values == envelope.values)
    if copied.any():
        offsets = frame["utc_offset"].eq_missing(frame["envelope_offset"])
        copied &= offsets.to_numpy()
    own: _Mask = local.there & ~copied
    return own


def _filled(
    frame: pl.DataFrame,
    event: tuple[_Stamps, _Clock],
    envelope: tuple[_Stamps, _Clock],
) -> pl.DataFrame:
    """Put the resolved stamps where the events lack them."""
    own = _own(frame)
    stamps, outer = event[0], envelope[0]
    found = stamps.time.where(own, outer.time)
    time = _Column.of(frame["time"])
    missing = ~time.there
    fresh = missing & found.there
    dated = stamps.local.where(own, outer.local)
    shown = stamps.short & dated.there
    outer_time = _Column.of(frame["envelope_time"])
    outer_shown = outer.short & outer.local.there
    local = _Column.of(frame["local_time"])
    outer_local = _Column.of(frame["envelope_local"])
    return frame.with_columns(
        time.where(~missing, found).column("time"),
        dated.where(shown, local).column("local_time"),
        outer_time.where(outer_time.there, outer.time).column("envelope_time"),
        outer.local.where(outer_shown, outer_local).column("envelope_local"),
        _bases(frame["time_basis"], fresh, own, event, envelope),
        pl.Series("_missing", missing),
    )


def _bases(
    before: pl.Series,
    fresh: _Mask,
    own: _Mask,
    event: tuple[_Stamps, _Clock],
    envelope: tuple[_Stamps, _Clock],
) -> pl.Series:
    """`time_basis`: of the stamp that gave a time where there was none before."""
    lacking = np.where(own, event[0].lacking, envelope[0].lacking)
    kinds = pl.Series(
        [event[1].basis, envelope[1].basis, "written"], dtype=EVENT["time_basis"]
    )
    kind = np.where(lacking, np.where(own, 0, 1), 2)
    bases = kinds.gather(kind).alias("time_basis")
    if fresh.all():
        return bases
    return bases.zip_with(pl.Series(fresh), before.cast(EVENT["time_basis"]))
