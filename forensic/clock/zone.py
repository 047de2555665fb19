"""Which zone a stamp without one was written in.

Units with a written offset or an epoch are fixed points. Differences between units
(payload inside envelope, one request in two logs) carry the zone on, the strongest
link first; what no link reaches follows its neighbours, and at last UTC is assumed.
"""

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence

from forensic.clock.link import Link, is_zone
from forensic.clock.nearness import neighbours
from forensic.clock.options import offset_text
from forensic.clock.unit import Key, Unit
from forensic.clock.votes import Decision, Vote, decide, weaker
from forensic.counted import plural

__all__ = ["UTC_ASSUMED", "decide_zones"]

#: Where a clock's `detail` says so, nothing told its zone.
UTC_ASSUMED = "UTC is assumed"

#: Weak evidence below this strength waits for what neighbours and spans say.
_FAINT = 10


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
    written = {key: _written(unit) for key, unit in found.items() if unit.written}
    waiting = {key for key, unit in found.items() if unit.bare}
    known: dict[Key, Decision] = {}
    votes = {key: list(own) for key, own in anchors.items()}
    for key, vote in written.items():
        if key in waiting:
            votes.setdefault(key, []).append(vote)
        elif (decision := decide([vote])) is not None:
            known[key] = decision
    around: dict[Key, list[Link]] = defaultdict(list)
    for link in links:
        around[link.left].append(link)
        around[link.right].append(link)
    _spread(known, waiting, votes, around, known.copy())
    while waiting:
        direct = {
            key: _votes(key, known, votes, around)
            for key in sorted(waiting, key=_sortable)
        }
        near = neighbours(direct, known, found, links)
        fresh = {key: _settled(near[key]) for key in _nearest(near)}
        known |= fresh
        waiting -= fresh.keys()
        _spread(known, waiting, votes, around, fresh)
    return {key: known[key] for key, unit in found.items() if unit.bare}


def _nearest(votes: Mapping[Key, Sequence[Vote]]) -> list[Key]:
    """Those for which the strongest evidence speaks."""
    strength = {
        k: max((v.strength for v in vs), default=0.0) for k, vs in votes.items()
    }
    best = max(strength.values())
    envelopes = [key for key in votes if key.stamp == "envelope"]
    if not best and envelopes:
        # Nothing speaks at all: what is assumed of envelopes tells their payloads.
        return envelopes
    return [key for key in votes if strength[key] == best]


def _written(unit: Unit) -> Vote:
    """What the offset that most rows of a unit write says of its other rows.

    They need not be of one program: Django sets its own zone, gunicorn's master has
    that of the machine. What tells of those rows themselves is stronger.
    """
    offset, n = max(unit.written.items(), key=lambda item: (item[1], -item[0]))
    rest = unit.written.total() - n
    text = f"{plural(n, 'line')} of the same log with {offset_text(offset)}"
    sure = "strong" if rest or unit.bare > n else "certain"
    return Vote(offset, 40, sure, "written offset", text, n, rest)


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
        faint = max((v.strength for v in votes[key]), default=0.0) < _FAINT
        if decision is None or (faint and decision.confidence == "weak"):
            # Neighbours and spans may confirm it, or know better.
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


def _settled(votes: Sequence[Vote]) -> Decision:
    decision = decide(votes)
    if decision is not None:
        return decision
    text = f"nothing in the archive tells its zone: {UTC_ASSUMED}"
    return Decision(0, "none", "assumed", text, 0, 0, basis="assumed")
