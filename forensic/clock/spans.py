"""Decisions ▶ the rows of `clocks`: one a span of a source over which one clock holds.

What most programs of a source share is said once, for the whole source; programs and
hosts that differ have rows of their own.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from forensic.clock.options import offset_text
from forensic.clock.pairs import MOST_SKEW
from forensic.clock.summer import METHOD
from forensic.clock.unit import Borders, Key, Unit
from forensic.clock.votes import RANKS, Decision, weaker
from forensic.schema import CLOCK

__all__ = ["Skew", "clock_rows"]

Row = dict[str, object]
#: Methods that tell a zone by its name.
_NAMING = ("option", "configuration", METHOD)
_BASES = ["written", "inferred", "assumed"]


@dataclass(frozen=True, slots=True)
class Skew:
    """Seconds that a clock is ahead of the reference, from a line onwards."""

    first_line: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Known:
    """All that was decided, as the rows need it."""

    units: Mapping[Key, Unit]
    zones: Mapping[Key, Decision]
    names: Mapping[Key, str]  # the zone's name, where an option or a file names it
    years: Mapping[str, tuple[int, Decision]]  # source ▶ year of its first line
    turns: Mapping[str, Sequence[tuple[int, int]]]  # source ▶ (first line, New Years)
    borders: Borders
    skews: Mapping[tuple[str, Key], Sequence[Skew]]


def clock_rows(known: Known) -> pl.DataFrame:
    """Table of clocks, in total order."""
    groups: dict[tuple[str, str], list[Key]] = defaultdict(list)
    for key, unit in known.units.items():
        for source in unit.lines:
            groups[source, key.stamp].append(key)
    rows = [
        row
        for (source, _), keys in sorted(groups.items())
        for row in _source_rows(source, keys, known)
    ]
    frame = pl.DataFrame(rows, schema=CLOCK)
    return frame.sort(list(CLOCK), nulls_last=True)


def _pieces(source: str, keys: Sequence[Key], known: Known) -> list[tuple[int, int]]:
    """Stretches of lines of a source over which nothing changes."""
    edges = {1}
    for key in keys:
        edges |= set(known.borders.lines(source, key.hostname))
        edges |= {skew.first_line for skew in known.skews.get((source, key), ())}
    if any(known.units[key].yearless for key in keys):
        edges |= {line for line, _ in known.turns.get(source, ())}
    end = max(known.units[key].lines[source][1] for key in keys)
    starts = sorted(line for line in edges if line <= end)
    return list(zip(starts, [*(line - 1 for line in starts[1:]), end], strict=True))


def _source_rows(source: str, keys: Sequence[Key], known: Known) -> list[Row]:
    """Rows of one source and stamp: what most programs share, then who differs."""
    rows: list[Row] = []
    for first, last in _pieces(source, keys, known):
        plans = [
            _unit_row(source, key, first, last, known)
            for key in keys
            if known.borders.segment(source, key.hostname, first) == key.segment
        ]
        rows += _shared(plans)
    return _joined(rows)


def _value(row: Row) -> tuple[object, object, object]:
    return row["utc_offset"], row["zone"], row["year"]


def _shared(plans: Sequence[Row]) -> list[Row]:
    """One row for the commonest clock of a stretch, and one a program that differs."""
    if not plans:
        return []
    counts = Counter(_value(row) for row in plans)
    common = min(counts, key=lambda value: (-counts[value], str(value)))
    same = [row for row in plans if _value(row) == common]
    best = min(same, key=_certainty)
    total = dict(best, hostname=None, process=None)
    for name in ("votes_for", "votes_against"):
        total[name] = sum(int(str(row[name])) for row in same)
    skewed = [row for row in same if row["skew"] is not None]
    if skewed:
        total |= {name: skewed[0][name] for name in ("skew", "skew_low", "skew_high")}
    return [total, *(row for row in plans if _value(row) != common)]


def _certainty(row: Row) -> tuple[int, int, str]:
    rank = RANKS.index(str(row["confidence"]))
    return rank, -int(str(row["votes_for"])), str(row["detail"])


def _joined(rows: Sequence[Row]) -> list[Row]:
    """Neighbouring stretches of one clock as one row."""
    open_rows: dict[tuple[object, ...], Row] = {}
    done: list[Row] = []
    for row in rows:
        who = (row["hostname"], row["process"])
        before = open_rows.get(who)
        same = before is not None and all(
            before[n] == row[n] for n in row if n not in ("first_line", "last_line")
        )
        if before is not None and same and before["last_line"] == _before(row):
            before["last_line"] = row["last_line"]
            continue
        fresh = dict(row)
        open_rows[who] = fresh
        done.append(fresh)
    return done


def _before(row: Row) -> int:
    return int(str(row["first_line"])) - 1


def _unit_row(source: str, key: Key, first: int, last: int, known: Known) -> Row:
    """Clock of one unit over one stretch of lines."""
    unit, zone = known.units[key], known.zones.get(key)
    year = known.years.get(source) if unit.yearless else None
    turn = _last_before(known.turns.get(source, ()), first)
    row: Row = {
        "source": source,
        "hostname": key.hostname,
        "process": key.process,
        "stamp": key.stamp,
        "first_line": first,
        "last_line": last,
        "year": year[0] + turn if year else None,
    }
    row |= _zone_columns(unit, zone, known.names.get(key))
    decisions = [d for d in (zone, year[1] if year else None) if d is not None]
    row |= _vote_columns(unit, decisions)
    if unit.yearless and year is None:
        row |= {"confidence": "none", "basis": "assumed"}
        row["detail"] = f"{row['detail']}; no evidence tells the year"
    row |= _skew_columns(known.skews.get((source, key), ()), first)
    return row | _belied(row)


def _belied(row: Row) -> Row:
    """What goes for a written offset where the stamps are as far off as a zone is."""
    skew = float(str(row["skew"] or 0.0))
    if abs(skew) < MOST_SKEW:
        return {}
    side = "ahead of" if skew > 0 else "behind"
    text = f"{round(abs(skew) / 3600, 2):g} h {side} other logs with the same requests"
    return {
        "confidence": "weak",
        "detail": f"{row['detail']}, which is not that of the clock: it is {text}",
    }


def _last_before(turns: Sequence[tuple[int, int]], line: int) -> int:
    return max(((at, turn) for at, turn in turns if at <= line), default=(0, 0))[1]


def _zone_columns(unit: Unit, zone: Decision | None, name: str | None) -> Row:
    if zone is None:
        single = len(unit.written) == 1
        text = offset_text(next(iter(unit.written))) if single else None
        return {"utc_offset": None, "zone": text}
    from_name = name is not None and zone.method in _NAMING
    text = name if from_name else offset_text(zone.value)
    return {"utc_offset": zone.value, "zone": text}


def _vote_columns(unit: Unit, decisions: Sequence[Decision]) -> Row:
    if not decisions:
        n = unit.written.total()
        offsets = ", ".join(offset_text(o) for o in sorted(unit.written))
        return {
            "basis": "written",
            "confidence": "certain",
            "method": "written offset",
            "votes_for": n,
            "votes_against": 0,
            "detail": f"{n} line{' writes' if n == 1 else 's write'} {offsets}",
        }
    return {
        "basis": max((d.basis for d in decisions), key=_BASES.index),
        "confidence": weaker(*(d.confidence for d in decisions)),
        "method": " + ".join(dict.fromkeys(d.method for d in decisions)),
        "votes_for": sum(d.votes_for for d in decisions),
        "votes_against": sum(d.votes_against for d in decisions),
        "detail": "; ".join(d.detail for d in decisions),
    }


def _skew_columns(skews: Sequence[Skew], line: int) -> Row:
    before = [skew for skew in skews if skew.first_line <= line]
    if not before:
        return {"skew": None, "skew_low": None, "skew_high": None}
    skew = max(before, key=lambda s: s.first_line)
    return {"skew": skew.value, "skew_low": skew.low, "skew_high": skew.high}
