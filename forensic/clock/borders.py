"""Where a clock changes its zone inside a series of files.

A change shows as another difference to a partner (the envelope, or another log's
stamps of the same requests); the clock's own jump tells the exact line.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from forensic.clock.names import rotation, series
from forensic.clock.unit import Borders, Key

__all__ = ["Jumps", "Leap", "hour_borders", "inner_borders", "own_border"]

_SPAN = 180 * 86400
#: Daylight saving, less and more the usual pause between two lines.
_HOUR, _LEAST, _MOST = 3600, 2400, 4800
#: Changes of one clock that an archive of two years holds.
_CHANGES = 4
Row = Mapping[str, object]


class Jumps:
    """Own jumps of each clock, by source."""

    def __init__(self, table: pl.DataFrame) -> None:
        """From the table of `cells.merged_jumps`."""
        self._found: dict[tuple[str, str | None, str], list[tuple[int, int]]]
        self._found = defaultdict(list)
        if table.is_empty():
            return
        rows = table.select("source", "hostname", "stamp", "line", "gap")
        for source, host, stamp, line, gap in rows.sort("line").iter_rows():
            self._found[source, host, stamp].append((line, gap))

    def best(
        self, source: str, key: Key, bracket: tuple[int, int], step: int
    ) -> tuple[int, int] | None:
        """Jump in the bracket that leaves the least gap: (line, gap left)."""
        found = [
            (abs(gap - step), line)
            for line, gap in self._found.get((source, key.hostname, key.stamp), ())
            if bracket[0] < line <= bracket[1] and gap - step > -120
        ]
        if not found:
            return None
        left, line = min(found)
        return line, left


def own_border(
    jumps: Jumps,
    key: Key,
    before: tuple[str, int],
    after: tuple[str, int],
    step: int,
) -> tuple[str, int, int | None]:
    """(source, line, unexplained gap) at which a clock that changed by `step` jumped.

    The gap is None where the clock itself shows no jump.
    """
    source, line = after
    start = before[1] if before[0] == source else 0
    found = jumps.best(source, key, (start, line), step)
    if found is None:
        return source, line, None
    return source, found[0], found[1]


class Leap(NamedTuple):
    """A clock that changes its zone at a line; the segment of `key` is not set."""

    source: str
    line: int
    key: Key
    #: By how much it did where the clock alone tells, in seconds.
    step: int = 0

    def landed(self, borders: Borders) -> Key:
        """Name the unit that begins there."""
        number = borders.segment(self.source, self.key.hostname, self.line)
        return self.key._replace(segment=number)


def hour_borders(table: pl.DataFrame, borders: Borders) -> list[Leap]:
    """Add the borders where clocks may have gone an hour back, or ahead, by themselves.

    An hour ahead may as well be a quiet one: what others say of the lines behind it
    decides. An hour back is a leap. A log that does so often is out of order.
    """
    gap = pl.col("gap")
    back, ahead = gap.is_between(-_HOUR - 11, -_LEAST), gap.is_between(_HOUR, _MOST)
    clock = ["source", "hostname", "process", "stamp"]
    found = table.filter(back | ahead).filter(pl.len().over(clock) <= _CHANGES)
    leaps = []
    for row in found.sort(*clock, "line", nulls_last=True).iter_rows(named=True):
        borders.add(row["source"], row["hostname"], row["line"])
        if row["gap"] < 0:
            names = (row["hostname"], row["process"], row["stamp"])
            key = Key(series(row["source"]), *names, 0)
            leaps.append(Leap(row["source"], row["line"], key, -_HOUR))
    return leaps


def inner_borders(inner: pl.DataFrame, jumps: Jumps, borders: Borders) -> list[Leap]:
    """Add the borders that payloads inside envelopes show; which clocks leap there."""
    leaps = []
    groups: dict[tuple[str, str | None, str | None], list[Row]] = defaultdict(list)
    for row in inner.iter_rows(named=True):
        groups[series(row["source"]), row["hostname"], row["process"]].append(row)
    for (name, host, process), rows in groups.items():
        key = Key(name, host, process, "event", 0)
        for before, after in _changes(rows):
            source, line, stamp = _jump(before, after, key, jumps)
            borders.add(source, host, line)
            leaps.append(Leap(source, line, key._replace(stamp=stamp)))
    return leaps


def _number(value: object) -> int:
    return int(str(value))


def _changes(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Neighbouring stretches of one program whose differences are not the same.

    Stretches that overlap are two writers, not one that changed; a few odd rows are
    late lines.
    """
    ordered = sorted(
        (row for row in rows if _number(row["n"]) >= 2),
        key=lambda r: (
            rotation(str(r["source"])),
            str(r["source"]),
            _number(r["first_line"]),
        ),
    )
    found = []
    kinds = ("step", "utc_offset", "envelope_offset")
    before = ordered[0] if ordered else {}
    for after in ordered[1:]:
        same_file = before["source"] == after["source"]
        if same_file and _number(before["last_line"]) >= _number(after["first_line"]):
            before = max(before, after, key=lambda r: _number(r["n"]))
            continue
        if any(before[kind] != after[kind] for kind in kinds):
            found.append((before, after))
        before = after
    return found


def _jump(before: Row, after: Row, key: Key, jumps: Jumps) -> tuple[str, int, str]:
    """Exact place of a change, and which of the two stamps made it.

    The stamp that goes on without a leap is the one that kept its zone.
    """
    step = _number(after["step"]) - _number(before["step"])
    gaps = {s: _gap(before, after, s) for s in ("event", "envelope")}
    stamp = min(gaps, key=lambda s: (-abs(gaps[s]), s))
    change = step if stamp == "event" else -step
    edges = [
        (str(r["source"]), _number(r[n]))
        for r, n in ((before, "last_line"), (after, "first_line"))
    ]
    source, line, _ = own_border(
        jumps, key._replace(stamp=stamp), edges[0], edges[1], change
    )
    return source, line, stamp


def _gap(before: Row, after: Row, stamp: str) -> float:
    """Seconds between the last stamp before and the first after, New Year aside."""
    first, last = after[f"{stamp}_first"], before[f"{stamp}_last"]
    if not isinstance(first, dt.datetime) or not isinstance(last, dt.datetime):
        return 0.0
    seconds = (first - last).total_seconds()
    year = 366 * 86400
    return (
        seconds + year
        if seconds < -_SPAN
        else seconds - year
        if seconds > _SPAN
        else seconds
    )
