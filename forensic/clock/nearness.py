"""What decided units say about those around them that have no evidence of their own.

Like is compared with like: the stamps that programs write in their own lines with each
other, and the stamps that a syslog daemon puts before them with each other. The daemon
often runs in UTC where its host's programs write local time.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from forensic.clock.extent import end_votes, hosted, stretches
from forensic.clock.link import Link, is_zone
from forensic.clock.names import folder
from forensic.clock.options import offset_text
from forensic.clock.place import host_root
from forensic.clock.spans import Skew
from forensic.clock.unit import Key, Unit
from forensic.clock.votes import Decision, Vote, lowered, weaker

__all__ = ["neighbours", "spread"]

#: Written by machines of the provider: their zone says nothing about a host's.
_REMOTE = {"cdn", "waf", "load_balancer"}
#: Their stamps count from 1970, in no zone: they say nothing about a host's either.
_EPOCHS = {"auditd", "squid", "journal_json", "journal_text"}
Circle = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Nearness:
    """How near a decided unit is, and what it can say at most."""

    name: str
    strength: float
    confidence: str


#: Nearest first, in the order of `_circles`.
_NEARNESS = [
    _Nearness("the same host in the same lines", 11, "strong"),
    _Nearness("the same host in the same log", 10, "strong"),
    _Nearness("the same log", 8, "strong"),
    _Nearness("the same server in the same folder", 7, "strong"),
    _Nearness("the same kind of log on the same machine", 6, "weak"),
    _Nearness("the same folder", 5, "weak"),
    _Nearness("the same machine", 4, "weak"),
    _Nearness("the same kind of log elsewhere", 3, "weak"),
    _Nearness("the rest of the archive", 2, "weak"),
    _Nearness("another kind of stamp on the same machine", 1.5, "weak"),
    _Nearness("another kind of stamp in the archive", 1, "weak"),
]
_SERVER = 3
#: What a log in the same folder says that need not be the same program's.
_ANOTHER = 6.25
#: The share of a circle's clocks that must be the same for it to speak at all.
_UNITED = 0.8
#: Seconds of skew that stamps of whole seconds can show.
_SHOWN = 1.0


def spread(
    skews: Mapping[tuple[str, Key], Sequence[Skew]], found: Mapping[Key, Unit]
) -> dict[tuple[str, Key], Sequence[Skew]]:
    """The skews, and those of logs that have none and are the same server's.

    An access and an error log are one program's, and of one clock. A clock that was
    set meanwhile is left alone: its step stands at another line in each log.
    """
    servers: dict[Circle, list[Skew]] = defaultdict(list)
    for (_, key), runs in skews.items():
        servers[_circles(found[key])[_SERVER]] += runs
    whole = dict(skews)
    for key, unit in found.items():
        near = servers.get(_circles(unit)[_SERVER], [])
        values = [skew.value for skew in near]
        if unit.hop != "web_server" or not values or min(map(abs, values)) < _SHOWN:
            continue
        if max(values) - min(values) < _SHOWN:
            for source in unit.lines:
                whole.setdefault((source, key), [replace(near[0], first_line=1)])
    return whole


def _circles(unit: Unit) -> list[Circle]:
    """Say what a unit shares with others, nearest first (see _NEARNESS)."""
    key = unit.key
    place, root = folder(key.series), host_root(key.series)
    circles: list[Circle] = [
        (key.series, key.hostname, key.stamp, key.segment),
        (key.series, key.hostname, key.stamp),
        (key.series, key.stamp),
        (place, unit.hop, key.stamp),
        (root, unit.format, key.stamp),
        (place, key.stamp),
        (root, key.stamp),
        (unit.format, key.stamp),
        (key.stamp,),
        (root,),
        (),
    ]
    return [(number, *circle) for number, circle in enumerate(circles)]


def neighbours(
    votes: Mapping[Key, Sequence[Vote]],
    known: Mapping[Key, Decision],
    found: Mapping[Key, Unit],
    links: Sequence[Link],
) -> dict[Key, list[Vote]]:
    """Add to the votes of waiting units what their neighbours say, and the spans."""
    tallies = _tallies(known, found)
    usual = {0, *(decision.value for decision in known.values())}
    inside = _inside(links)
    others = stretches(known, found)
    hosts = hosted(found)
    return {
        key: [
            *direct,
            *_likely(_nearest(found[key], tallies), key, inside[_host(key)], usual),
            *_likely(
                end_votes(hosts.get(key, found[key]), others, usual, found),
                key,
                inside[_host(key)],
                usual,
            ),
        ]
        for key, direct in votes.items()
    }


@dataclass(slots=True)
class _Tally:
    """Offsets of the decided units of one circle, and the least sure of them."""

    offsets: Counter[int]
    confidence: str = "certain"


def _tallies(
    known: Mapping[Key, Decision], found: Mapping[Key, Unit]
) -> dict[Circle, _Tally]:
    tallies: dict[Circle, _Tally] = defaultdict(lambda: _Tally(Counter()))
    for key, decision in known.items():
        unit = found[key]
        if unit.hop in _REMOTE or decision.basis == "assumed":
            continue
        if unit.format in _EPOCHS:
            continue
        for circle in _circles(unit):
            tally = tallies[circle]
            tally.offsets[decision.value] += 1
            tally.confidence = weaker(tally.confidence, decision.confidence)
    return tallies


def _inside(links: Iterable[Link]) -> dict[Circle, list[Link]]:
    """Links between payloads and their envelopes, by what shares that clock."""
    inside: dict[Circle, list[Link]] = defaultdict(list)
    for link in links:
        if link.left._replace(stamp="envelope") == link.right:
            inside[_host(link.left)].append(link)
            inside[_host(link.right)].append(link)
    return inside


def _host(key: Key) -> Circle:
    """Name what shares a clock with a unit: for an envelope, the whole host."""
    program = key.process if key.stamp == "event" else None
    return key.series, key.hostname, program, key.stamp, key.segment


def _likely(
    votes: Iterable[Vote], key: Key, links: Sequence[Link], usual: set[int]
) -> list[Vote]:
    """Votes from which nothing impossible follows; weaker ones for unusual zones.

    A payload nine hours ahead of its envelope is not in the zone +18:00: there the
    envelope is in UTC, though its neighbours are in +09:00.
    """
    likely = []
    for vote in votes:
        ahead = [-n.step if key.stamp == "event" else n.step for n in links]
        others = {vote.value + step for step in ahead}
        if all(is_zone(other) for other in others):
            odd = len(others - usual)
            likely.append(replace(vote, strength=vote.strength / 2**odd))
    return likely


def _nearest(unit: Unit, tallies: Mapping[Circle, _Tally]) -> list[Vote]:
    """Vote of the nearest circle whose decided units agree."""
    for circle, near in zip(_circles(unit), _NEARNESS, strict=True):
        tally = tallies.get(circle)
        if tally is None or (circle[0] == _SERVER and unit.hop is None):
            continue
        value, n = min(
            tally.offsets.items(), key=lambda item: (-item[1], abs(item[0]), item[0])
        )
        rest = tally.offsets.total() - n
        if n < _UNITED * tally.offsets.total():
            continue  # neighbours that disagree say nothing
        limit = weaker(near.confidence, tally.confidence)
        strength = near.strength
        if circle[0] == _SERVER and unit.hop != "web_server":
            # An access and an error log are one program's; other logs need not be,
            # and where they end tells more.
            limit, strength = weaker(limit, "weak"), _ANOTHER
        # Envelopes first: a payload then follows from its own envelope.
        first = strength + 0.5 * (unit.key.stamp == "envelope")
        sure = lowered(limit) if rest else limit
        text = f"{near.name} is {offset_text(value)}"
        return [Vote(value, first, sure, near.name, text, n, rest)]
    return []
