"""What deciding a window takes of the events: responses, notes, arrivals.

A file of events reaches into several windows, each of which decodes it anew. So what is
little of all that is in the files is taken once, and kept for all windows.
"""

from collections.abc import Callable
from typing import NamedTuple

import polars as pl

from forensic.census import MINUTE
from forensic.clock.pairs import MOST_SKEW
from forensic.hops import arrivals, notes, responses, windows
from forensic.hops.facts import Facts
from forensic.hops.moment import instant

__all__ = ["Keep", "Reader", "Records"]

#: Where rows stay that were read once: a name and the rows ▶ the rows.
Keep = Callable[[str, pl.LazyFrame], pl.LazyFrame]
#: Windows share this much (µs), so that a request on a border has all its records.
_OVERLAP = 3 * MINUTE


class Records(NamedTuple):
    """Responses, notes, and lines by which an application took a request in."""

    responses: pl.DataFrame
    notes: pl.DataFrame
    arrivals: pl.DataFrame


class Reader:
    """The events of an archive, read window by window.

    `alone` says that no hop stands behind or in front of another; with `everything`
    the records of success are read, too.
    """

    def __init__(
        self,
        events: pl.LazyFrame,
        counts: pl.DataFrame,
        clocks: pl.DataFrame,
        known: Facts,
        *,
        alone: bool,
        everything: bool,
        keep: Keep,
    ) -> None:
        self._events = events
        self._clocks = clocks
        self._time, self._overlap = _reach(clocks)
        self._alone, self._everything = alone, everything
        self._orphans = known.has(column="orphans")
        self._enveloped = known.has("web_server", column="enveloped")
        self.habit = arrivals.habit(events, known)
        pieces = windows.pieces(events, counts)
        self._all_timed = bool(pieces)
        self.windows: list[windows.Window] = [*windows.spans(counts), *pieces]
        speak = pl.col("source").is_in(notes.speakers(known).implode())
        spoken = notes.suspects(events.filter(speak))
        several = len(self.windows) > 1
        self._spoken = keep("notes", spoken) if several else spoken
        self._errors: pl.LazyFrame | None = None
        if several and not (alone or everything or self._orphans):
            found = responses.errors(events, clocks, enveloped_too=self._enveloped)
            self._errors = keep("errors", found)

    def read(self, window: windows.Window) -> Records:
        """The records of a window and of its overlap."""
        events = self._within(self._events, window)
        errors = self._errors
        if errors is not None:
            errors = self._within(errors, window)
        found = responses.collect(
            events,
            self._clocks,
            alone=self._alone,
            orphans=self._orphans,
            enveloped_too=self._enveloped,
            everything=self._everything,
            errors=errors,
        )
        return Records(
            found,
            notes.collect(events, self._clocks, self._within(self._spoken, window)),
            arrivals.collect(events, self._clocks, found, self.habit),
        )

    def _within(self, events: pl.LazyFrame, window: windows.Window) -> pl.LazyFrame:
        if self._all_timed and not isinstance(window, windows.Lines):
            events = events.filter(self._time.is_not_null())
        return windows.between(events, window, self._overlap, self._time)


def _reach(clocks: pl.DataFrame) -> tuple[pl.Expr, int]:
    """By which time windows are cut, and how far (µs) they overlap.

    Clocks that are some seconds off widen the overlap. One that is hours off would
    make a window of everything: then each record is put on the one clock first.
    """
    lead = float(clocks["skew"].abs().max() or 0.0)  # type: ignore[arg-type]
    if lead >= MOST_SKEW:
        return instant(clocks), _OVERLAP
    return windows.TIME, _OVERLAP + round(lead * 1_000_000)
