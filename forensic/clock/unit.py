"""Units: the smallest things that are taken to have one clock, and where each stands.

A unit is one stamp (the payload's or the envelope's) of one program of one host in one
series of files, over one segment of its lines.
"""

import bisect
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from forensic.clock.names import rotation, series

__all__ = ["Borders", "Key", "Place", "Unit", "units"]


class Key(NamedTuple):
    """What names a unit."""

    series: str
    hostname: str | None
    process: str | None
    stamp: str
    segment: int


class Place(NamedTuple):
    """One group of lines of one source, as `clocks` shows it."""

    source: str
    hostname: str | None
    process: str | None
    stamp: str
    segment: int


@dataclass
class Unit:
    """What the cells say about a unit."""

    key: Key
    #: Written offset ▶ rows that carry it.
    written: Counter[int] = field(default_factory=Counter)
    bare: int = 0  # rows without a written offset
    fine: bool = False  # stamps have fractions of a second
    yearless: int = 0  # rows without a written year
    hop: str | None = None
    format: str | None = None
    #: Source ▶ first and last line.
    lines: dict[str, tuple[int, int]] = field(default_factory=dict)
    #: The earliest and latest stamp without a written offset, where its year is known.
    low: dt.datetime | None = None
    high: dt.datetime | None = None
    #: The same in UTC, of the rows with a written offset.
    first: dt.datetime | None = None
    last: dt.datetime | None = None


#: (series, hostname) ▶ sorted places (rotation, source, line) where a segment begins.
Position = tuple[tuple[int, str, int], str, int]


@dataclass
class Borders:
    """Where clocks change inside a series, per host."""

    found: dict[tuple[str, str | None], list[Position]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, source: str, hostname: str | None, line: int) -> None:
        """Begin a new segment at that line."""
        places = self.found[series(source), hostname]
        position = (rotation(source), source, line)
        if position not in places:
            bisect.insort(places, position)

    def segment(self, source: str, hostname: str | None, line: int) -> int:
        """Tell the number of the segment that holds a line."""
        places = self.found.get((series(source), hostname)) if self.found else None
        if not places:
            return 0
        return bisect.bisect_right(places, (rotation(source), source, line))

    def count(self) -> int:
        """How many borders there are."""
        return sum(len(places) for places in self.found.values())

    def lines(self, source: str, hostname: str | None) -> list[int]:
        """Border lines inside one source."""
        places = self.found.get((series(source), hostname), [])
        return [line for _, name, line in places if name == source]


def units(cells: pl.DataFrame, borders: Borders) -> dict[Key, Unit]:
    """Every unit of the cells, in the order of its first line."""
    found: dict[Key, Unit] = {}
    for cell in cells.iter_rows(named=True):
        first = borders.segment(cell["source"], cell["hostname"], cell["first_line"])
        last = borders.segment(cell["source"], cell["hostname"], cell["last_line"])
        for segment in range(first, last + 1):
            _add(found, cell, segment)
    return found


def _add(found: dict[Key, Unit], cell: Mapping[str, object], segment: int) -> None:
    source = str(cell["source"])
    names = (cell["hostname"], cell["process"])
    host, process = (None if n is None else str(n) for n in names)
    key = Key(series(source), host, process, str(cell["stamp"]), segment)
    unit = found.setdefault(key, Unit(key))
    n, offset = int(str(cell["n"])), cell["offset"]
    if offset is None:
        unit.bare += n
    else:
        unit.written[int(str(offset))] += n
    unit.fine |= bool(cell["fine"])
    unit.yearless += n if cell["yearless"] else 0
    unit.hop = unit.hop or (None if cell["hop"] is None else str(cell["hop"]))
    unit.format = unit.format or (
        None if cell["format"] is None else str(cell["format"])
    )
    first, last = int(str(cell["first_line"])), int(str(cell["last_line"]))
    low, high = unit.lines.get(source, (first, last))
    unit.lines[source] = (min(low, first), max(high, last))
    _stretch(
        unit, cell["low"], cell["high"], None if offset is None else int(str(offset))
    )


def _stretch(unit: Unit, low: object, high: object, offset: int | None) -> None:
    """Widen the stretch that the unit covers by that of a cell."""
    if not isinstance(low, dt.datetime) or not isinstance(high, dt.datetime):
        return
    if offset is None:
        unit.low, unit.high = min(unit.low or low, low), max(unit.high or high, high)
        return
    behind = dt.timedelta(seconds=offset)
    low, high = low - behind, high - behind
    unit.first, unit.last = min(unit.first or low, low), max(unit.last or high, high)
