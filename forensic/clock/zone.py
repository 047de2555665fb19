"""Which zone a stamp without one was written in.

Units with a written offset or an epoch are fixed points. Differences between units
(payload inside envelope, one request in two logs) carry the zone on, the strongest
link first; what no link reaches follows its neighbours, and at last UTC is assumed.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from forensic.clock.names import folder
from forensic.clock.options import offset_text
from forensic.clock.place import host_root
from forensic.clock.unit import Key, Unit
from forensic.clock.votes import Decision, Vote, decide, lowered, weaker

__all__ = ["Link", "decide_zones", "is_zone", "nearest_zone"]

_HALVES = [
    -12600,
    -9000,
    -16200,
    -34200,
    12600,
    16200,
    19800,
    20700,
    23400,
    30600,
    31500,
]
_HALVES += [34200, 37800, 45900, 49500]
_REAL = {hours * 3600 for hours in range(-12, 15)} | set(_HALVES)
#: Written by machines of the provider: their zone says nothing about a host's.
_REMOTE = {"cdn", "waf", "load_balancer"}


@dataclass(frozen=True, slots=True)
class Link:
    """The offset of `left` minus the offset of `right`, and how that is known."""

    left: Key
    right: Key
    step: int
    strength: float
    confidence: str
    method: str
    count: int
    against: int = 0


def is_zone(seconds: int) -> bool:
    """Whether any place on earth has, or in living memory had, that offset."""
    return seconds in _REAL


def nearest_zone(seconds: int) -> int:
    """Real offset next to one that no place has."""
    return min(_REAL, key=lambda real: (abs(real - seconds), abs(real)))


def _carried(link: Link, key: Key, known: Decision) -> Vote | None:
    """Say what a link to a decided unit says about the other one."""
    forward = link.left == key
    value = known.value + (link.step if forward else -link.step)
    if not is_zone(value):
        return None
    other = link.right if forward else link.left
    text = (
        f"{link.count} x {link.method} against {_named(other)}, "
        f"which is {offset_text(known.value)}"
    )
    return Vote(
        value,
        link.strength,
        weaker(link.confidence, known.confidence),
        link.method,
        text,
        link.count,
        link.against,
        basis="assumed" if known.basis == "assumed" else "inferred",
    )


def _named(key: Key) -> str:
    parts = [p for p in (key.hostname, key.process) if p]
    who = f" ({' '.join(parts)})" if parts else ""
    kind = "envelope of " if key.stamp == "envelope" else ""
    return f"{kind}{key.series}{who}"


def decide_zones(
    found: Mapping[Key, Unit],
    anchors: Mapping[Key, Sequence[Vote]],
    links: Sequence[Link],
) -> dict[Key, Decision]:
    """Find the seconds east of UTC of every unit that has rows without an offset."""
    fixed = {key: _written(unit) for key, unit in found.items() if unit.written}
    known = {key: decision for key, decision in fixed.items() if decision is not None}
    waiting = {key for key, unit in found.items() if unit.bare and key not in known}
    around: dict[Key, list[Link]] = defaultdict(list)
    for link in links:
        around[link.left].append(link)
        around[link.right].append(link)
    _spread(known, waiting, anchors, around, known.copy())
    while waiting:
        fresh = {
            key: _settled(key, votes, anchors)
            for key, votes in _neighbours(waiting, known, found, around)
        }
        known |= fresh
        waiting -= fresh.keys()
        _spread(known, waiting, anchors, around, fresh)
    return {key: known[key] for key, unit in found.items() if unit.bare}


def _written(unit: Unit) -> Decision | None:
    """Offset that most rows of a unit write; the rest of its rows follow it."""
    offset, n = max(unit.written.items(), key=lambda item: (item[1], -item[0]))
    total = unit.written.total()
    text = f"{n} lines of the same log write {offset_text(offset)}"
    confidence = "certain" if n == total else "strong"
    return Decision(offset, confidence, "written offset", text, n, total - n)


def _spread(
    known: dict[Key, Decision],
    waiting: set[Key],
    anchors: Mapping[Key, Sequence[Vote]],
    around: Mapping[Key, Sequence[Link]],
    fresh: Mapping[Key, Decision],
) -> None:
    """Decide every unit that anchors or links reach, the strongest evidence first."""
    queue: list[tuple[float, int, Key]] = []
    order = {key: i for i, key in enumerate(sorted(waiting, key=_sortable))}
    votes = {}

    def offer(key: Key) -> None:
        votes[key] = _votes(key, known, anchors, around)
        strongest = max((v.strength for v in votes[key]), default=0.0)
        if strongest:
            heapq.heappush(queue, (-strongest, order[key], key))

    touched = {
        k
        for key in fresh
        for link in around.get(key, ())
        for k in (link.left, link.right)
    }
    for key in sorted((touched | anchors.keys()) & waiting, key=_sortable):
        offer(key)
    while queue:
        _, _, key = heapq.heappop(queue)
        if key not in waiting:
            continue
        decision = decide(_votes(key, known, anchors, around))
        if decision is None:
            continue
        known[key] = decision
        waiting.discard(key)
        for link in around.get(key, ()):
            other = link.right if link.left == key else link.left
            if other in waiting:
                offer(other)


def _sortable(key: Key) -> tuple[str, str, str, str, int]:
    return key.series, key.hostname or "", key.process or "", key.stamp, key.segment


def _votes(
    key: Key,
    known: Mapping[Key, Decision],
    anchors: Mapping[Key, Sequence[Vote]],
    around: Mapping[Key, Sequence[Link]],
) -> list[Vote]:
    votes = list(anchors.get(key, ()))
    for link in around.get(key, ()):
        other = link.right if link.left == key else link.left
        if other in known:
            vote = _carried(link, key, known[other])
            if vote is not None:
                votes.append(vote)
    return votes


def _settled(
    key: Key, votes: list[Vote], anchors: Mapping[Key, Sequence[Vote]]
) -> Decision:
    decision = decide([*votes, *anchors.get(key, ())])
    if decision is not None:
        return decision
    text = "nothing in the archive tells its zone: UTC is assumed"
    return Decision(0, "none", "assumed", text, 0, 0, basis="assumed")


#: How near a decided unit is to one that has no evidence of its own.
_NEARNESS: list[tuple[str, float, str]] = [
    ("the same host in the same lines", 11, "strong"),
    ("the same host in the same log", 10, "strong"),
    ("the same log", 8, "strong"),
    ("the same server in the same folder", 7, "strong"),
    ("the same folder", 5, "weak"),
    ("the same machine", 4, "weak"),
    ("the rest of the archive", 2, "weak"),
]


def _circles(unit: Unit) -> list[tuple[object, ...]]:
    """Say what a unit shares with others, nearest first (see _NEARNESS)."""
    key = unit.key
    place = folder(key.series)
    return [
        (0, key.series, key.hostname, key.stamp, key.segment),
        (1, key.series, key.hostname, key.stamp),
        (2, key.series, key.stamp),
        (3, place, unit.hop, key.stamp),
        (4, place),
        (5, host_root(key.series)),
        (6,),
    ]


def _neighbours(
    waiting: Iterable[Key],
    known: Mapping[Key, Decision],
    found: Mapping[Key, Unit],
    around: Mapping[Key, Sequence[Link]],
) -> list[tuple[Key, list[Vote]]]:
    """List the waiting units with the nearest decided neighbours, and their votes."""
    tallies: dict[tuple[object, ...], Counter[int]] = defaultdict(Counter)
    sure: dict[tuple[object, ...], str] = {}
    for key, decision in known.items():
        unit = found[key]
        if unit.hop in _REMOTE or decision.basis == "assumed":
            continue
        for circle in _circles(unit):
            tallies[circle][decision.value] += 1
            sure[circle] = weaker(sure.get(circle, "certain"), decision.confidence)
    usual = {0, *(decision.value for decision in known.values())}
    inside: dict[tuple[object, ...], list[Link]] = defaultdict(list)
    for link in {link for links in around.values() for link in links}:
        if link.left._replace(stamp="envelope") == link.right:
            inside[_host(link.left)].append(link)
            inside[_host(link.right)].append(link)
    votes = {
        key: [
            vote
            for raw in _circle_votes(found[key], tallies, sure)
            for vote in _likely(raw, key, inside[_host(key)], usual)
        ]
        for key in sorted(waiting, key=_sortable)
    }
    strength = {
        k: max((v.strength for v in vs), default=0.0) for k, vs in votes.items()
    }
    best = max(strength.values())
    envelopes = [key for key in votes if key.stamp == "envelope"]
    if not best and envelopes:
        # Nothing speaks at all: what is assumed of envelopes tells their payloads.
        return [(key, []) for key in envelopes]
    return [(key, votes[key]) for key in votes if strength[key] == best]


def _host(key: Key) -> tuple[object, ...]:
    """Name what shares a clock with a unit: for an envelope, the whole host."""
    program = key.process if key.stamp == "event" else None
    return key.series, key.hostname, program, key.stamp, key.segment


def _likely(vote: Vote, key: Key, links: Sequence[Link], usual: set[int]) -> list[Vote]:
    """Vote, if what follows for linked stamps is possible; weaker if it is unusual.

    A payload nine hours ahead of its envelope is not in the zone +18:00: there the
    envelope is in UTC, though its neighbours are in +09:00.
    """
    for link in links:
        other = vote.value + (-link.step if key.stamp == "event" else link.step)
        if not is_zone(other):
            return []
        if other not in usual:
            vote = replace(vote, strength=vote.strength / 2)
    return [vote]


def _circle_votes(
    unit: Unit,
    tallies: Mapping[tuple[object, ...], Counter[int]],
    sure: Mapping[tuple[object, ...], str],
) -> list[Vote]:
    """Vote of the nearest circle that has any decided unit."""
    for circle, (name, strength, confidence) in zip(
        _circles(unit), _NEARNESS, strict=True
    ):
        tally = tallies.get(circle)
        if not tally or (circle[0] == 3 and unit.hop is None):
            continue
        value, n = min(
            tally.items(), key=lambda item: (-item[1], abs(item[0]), item[0])
        )
        rest = tally.total() - n
        text = f"{name} is {offset_text(value)}"
        limit = weaker(confidence, sure[circle])
        if circle[0] == 3 and unit.hop != "web_server":
            # An access and an error log are one program's; other logs need not be.
            limit = weaker(limit, "weak")
        # Envelopes first: a payload then follows from its own envelope.
        first = strength + 0.5 * (unit.key.stamp == "envelope")
        vote = Vote(value, first, limit, name, text, n, rest)
        return [replace(vote, confidence=lowered(limit)) if rest else vote]
    return []
