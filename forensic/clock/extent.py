"""Where logs end ▶ votes for a zone: logs of one archive are copied together.

Live logs end within a few of their usual pauses before the moment of copying. Two
traps: what is cut at midnight ends there by its own clock, and someone may have cut all
logs by the same minutes as written, whatever their zones.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from forensic.clock.link import ZONES
from forensic.clock.options import offset_text
from forensic.clock.unit import Key, Unit
from forensic.clock.votes import Decision, Vote

__all__ = ["Stretch", "end_votes", "hosted", "stretches"]

#: Ends meet within so many usual pauses, but never within more seconds than _WIDEST.
_PAUSES = 5
_WIDEST = 900.0
_NARROWEST = 60.0
_NARROW = 300.0
#: So much later than everything else no log of the same copy ends.
_LATE = 3 * 3600.0
_DAY = 86400.0
_FEWEST = 5


@dataclass(frozen=True, slots=True)
class Stretch:
    """From when to when a unit has lines: local seconds, and their offset if known."""

    name: str
    start: float
    end: float
    pause: float  # usual seconds between two lines
    offset: int
    assumed: bool = False

    @property
    def slack(self) -> float:
        """How far from the true end the last line may lie."""
        return max(_PAUSES * self.pause, _NARROWEST)

    def free(self, edge: float) -> bool:
        """Whether an edge is no midnight of the log's own clock."""
        return min(edge % _DAY, -edge % _DAY) > 2 * self.pause + _NARROWEST

    def cut(self) -> bool:
        """Whether it lies between two round minutes, as a person would cut."""
        return max(self.start % 300, -self.end % 300) <= 2 * self.pause + 5


def _seconds(moment: dt.datetime) -> float:
    return (moment - dt.datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001


def _stretch(unit: Unit, zone: Decision | None) -> Stretch | None:
    """Stretch of a unit; with a zone, of all its lines."""
    edges = [edge for edge in (unit.low, unit.high) if edge is not None]
    lines = unit.bare
    offset = zone.value if zone else 0
    if zone is not None:
        ahead = dt.timedelta(seconds=offset)
        written = [edge for edge in (unit.first, unit.last) if edge is not None]
        edges += [edge + ahead for edge in written]
        lines += unit.written.total()
    if not edges or lines < _FEWEST:
        return None
    start, end = _seconds(min(edges)), _seconds(max(edges))
    name = f"{'envelope of ' if unit.key.stamp == 'envelope' else ''}{unit.key.series}"
    assumed = zone is not None and zone.basis == "assumed"
    return Stretch(name, start, end, (end - start) / lines, offset, assumed)


def stretches(
    known: Mapping[Key, Decision], found: Mapping[Key, Unit]
) -> list[Stretch]:
    """Stretches of the decided units whose ends may be the moment of copying."""
    listed = [
        _stretch(found[key], decision)
        for key, decision in known.items()
        if decision.confidence != "weak" and _is_last(key, found)
    ]
    return [s for s in listed if s and s.slack <= _WIDEST and s.free(s.end)]


def hosted(found: Mapping[Key, Unit]) -> dict[Key, Unit]:
    """Envelope of a program ▶ that of its whole host, whose clock it shares.

    One program may be silent for hours, and its end then tells nothing.
    """
    hosts: dict[Key, list[Unit]] = defaultdict(list)
    for key, unit in found.items():
        if key.stamp == "envelope":
            hosts[key._replace(process=None)].append(unit)
    return {
        unit.key: _together(unit, units) for units in hosts.values() for unit in units
    }


def _together(unit: Unit, units: Sequence[Unit]) -> Unit:
    """The unit with the stretch and the lines of several."""
    lows = [one.low for one in units if one.low is not None]
    highs = [one.high for one in units if one.high is not None]
    low, high = min(lows, default=None), max(highs, default=None)
    return replace(unit, low=low, high=high, bare=sum(one.bare for one in units))


def _is_last(key: Key, found: Mapping[Key, Unit]) -> bool:
    return key._replace(segment=key.segment + 1) not in found


def end_votes(
    unit: Unit, others: list[Stretch], usual: set[int], found: Mapping[Key, Unit]
) -> list[Vote]:
    """Vote for the one zone at which the unit ends when others do; else nothing.

    Zones that others have are asked first. Any other zone must either make the starts
    meet as well, or be the only way not to end after everything else.
    """
    own = _stretch(unit, None) if _is_last(unit.key, found) else None
    if own is None or own.slack > _WIDEST or not own.free(own.end):
        return []
    sure = [other for other in others if not other.assumed]
    return _ends(own, sure, usual) or _ends(own, others, usual)


def _ends(own: Stretch, others: Sequence[Stretch], usual: set[int]) -> list[Vote]:
    meeting = {z: _meeting(own, z, others) for z in ZONES}
    good = [z for z in sorted(usual & ZONES) if meeting[z]]
    if not good:
        latest = max((other.end - other.offset for other in others), default=0.0)
        late = own.slack <= _NARROW and all(own.end - z > latest + _LATE for z in usual)
        good = [
            z
            for z in sorted(ZONES)
            if meeting[z] and (late or any(_starts(own, z, o) for o in meeting[z]))
        ]
    if len(good) != 1:
        return []
    return [_vote(own, good[0], meeting[good[0]])]


def _meeting(own: Stretch, zone: int, others: Sequence[Stretch]) -> list[Stretch]:
    end = own.end - zone
    return [o for o in others if abs(end - o.end + o.offset) <= max(own.slack, o.slack)]


def _starts(own: Stretch, zone: int, other: Stretch) -> bool:
    gap = abs(own.start - zone - other.start + other.offset)
    return own.free(own.start) and gap <= max(own.slack, other.slack)


def _vote(own: Stretch, zone: int, meeting: list[Stretch]) -> Vote:
    elsewhere = [other for other in meeting if other.offset != zone]
    shown = min(elsewhere or meeting, key=lambda other: other.name)
    # Whoever cut logs by the same minutes as written made ends of one zone meet.
    strength = 3.5 if own.cut() and not elsewhere else 6.5
    text = f"at {offset_text(zone)} it ends when {shown.name} ends"
    n, method = len(meeting), "logs end together"
    if all(other.assumed for other in meeting):
        text += ", whose own zone is assumed"
        return Vote(zone, 0.5, "none", method, text, n, basis="assumed")
    return Vote(zone, strength, "weak", method, text, n)
