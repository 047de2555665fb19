"""Evidence tables ▶ anchors and links between units: the votes before they are counted."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from forensic.clock.names import series
from forensic.clock.options import Overrides, chosen, offset_text, zone_offset
from forensic.clock.pairs import STEP, Relation, relations
from forensic.clock.place import host_root
from forensic.clock.unit import Borders, Key, Unit
from forensic.clock.votes import Vote
from forensic.clock.zone import Link, is_zone

__all__ = [
    "Node",
    "continuity_links",
    "epoch_votes",
    "inner_evidence",
    "named_zone_votes",
    "request_evidence",
    "request_relations",
]

Anchors = dict[Key, list[Vote]]
#: Offsets that a daylight saving rule may put one named zone at need a date.
_USUAL = dt.datetime(2025, 1, 1)  # noqa: DTZ001 - a local time


class Node(NamedTuple):
    """The rows of a unit that carry an offset (`written`), or those that do not."""

    key: Key
    written: bool


def named_zone_votes(
    found: Mapping[Key, Unit],
    overrides: Overrides,
    configured: Mapping[str, tuple[str, str]],
) -> tuple[Anchors, dict[Key, str]]:
    """What `--tz` and the machine's configuration say, and the names of those zones."""
    votes: Anchors = defaultdict(list)
    names: dict[Key, str] = {}
    for key, unit in found.items():
        when = unit.high or _USUAL
        source = min(unit.lines)
        zone = chosen(overrides.tz, source)
        if zone is not None:
            offset = zone_offset(zone, when)
            text = f"--tz says {zone} for {source}"
            strength, sure, method = 1000.0, "certain", "option"
            basis = "written"
        elif host_root(source) in configured and unit.hop not in (
            "waf",
            "load_balancer",
        ):
            zone, path = configured[host_root(source)]
            offset = zone_offset(zone, when)
            text = f"{path} says {zone}"
            system = key.stamp == "envelope" or unit.hop in ("web_server", "host")
            strength, sure = (12.0, "strong") if system else (7.5, "weak")
            method, basis = "configuration", "inferred"
        else:
            continue
        if offset is not None:
            names[key] = zone
            votes[key].append(Vote(offset, strength, sure, method, text, basis=basis))
    return votes, names


def _modal(counts: Counter[int]) -> tuple[int, int, int]:
    """The commonest value, how often it stands, and how often another does."""
    value, n = min(counts.items(), key=lambda item: (-item[1], abs(item[0]), item[0]))
    return value, n, counts.total() - n


def _inner_counts(
    inner: pl.DataFrame, borders: Borders
) -> dict[tuple[str, str | None, str | None, int, str], Counter[int]]:
    """(series, host, program, segment, which stamp is written) ▶ step ▶ rows."""
    counts: dict[tuple[str, str | None, str | None, int, str], Counter[int]]
    counts = defaultdict(Counter)
    for row in inner.iter_rows(named=True):
        segment = borders.segment(row["source"], row["hostname"], row["first_line"])
        step, kind = row["step"], "neither"
        if row["envelope_offset"] is not None:
            step, kind = row["envelope_offset"] + step, "envelope"
        elif row["utc_offset"] is not None:
            step, kind = row["utc_offset"] - step, "event"
        group = (series(row["source"]), row["hostname"], row["process"], segment, kind)
        counts[group][step] += row["n"]
    return counts


def inner_evidence(inner: pl.DataFrame, borders: Borders) -> tuple[Anchors, list[Link]]:
    """What payload stamps inside envelopes say: anchors where one of both is written."""
    anchors: Anchors = defaultdict(list)
    links = []
    for group, counts in _inner_counts(inner, borders).items():
        name, host, process, segment, kind = group
        event = Key(name, host, process, "event", segment)
        envelope = event._replace(stamp="envelope")
        value, n, rest = _modal(counts)
        share = n / (n + rest)
        sure = "certain" if n >= 3 else "strong"
        if kind == "neither":
            method = "payload inside its envelope"
            link = Link(event, envelope, value, 90 * share, sure, method, n, rest)
            links.append(link)
        elif is_zone(value):
            written = "envelope" if kind == "envelope" else "payload"
            text = f"the {written} of {n} lines writes its offset"
            vote = Vote(
                value, 100 * share, sure, f"written {written} offset", text, n, rest
            )
            anchors[event if kind == "envelope" else envelope].append(vote)
    return anchors, links


def epoch_votes(marks: pl.DataFrame, borders: Borders) -> Anchors:
    """What epochs inside request ids say; clients can forge them, so most must agree."""
    counts: dict[Key, Counter[int]] = defaultdict(Counter)
    rows = marks.filter(pl.col("epoch").is_not_null() & pl.col("offset").is_null())
    wanted = ["source", "hostname", "process", "stamp", "line", "local", "epoch"]
    for source, host, process, stamp, line, local, epoch in rows.select(
        wanted
    ).iter_rows():
        segment = borders.segment(source, host, line)
        gap = (local - dt.datetime(1970, 1, 1)).total_seconds() - epoch  # noqa: DTZ001
        value = round(gap / STEP) * STEP
        counts[Key(series(source), host, process, stamp, segment)][value] += 1
    votes: Anchors = defaultdict(list)
    for key, tally in counts.items():
        value, n, rest = _modal(tally)
        if not is_zone(value) or n < rest:
            continue
        share = n / (n + rest)
        sure = "certain" if n >= 5 and share > 0.8 else "strong" if n >= 2 else "weak"
        text = f"{n} request ids carry the epoch of {offset_text(value)}"
        votes[key].append(
            Vote(value, 60 * share, sure, "trace id epoch", text, n, rest)
        )
    return votes


def _nodes(marks: pl.DataFrame, borders: Borders) -> tuple[pl.DataFrame, list[Node]]:
    """Request rows with the number of their node, and the nodes."""
    rows = marks.filter(pl.col("key").is_not_null() & pl.col("began").is_not_null())
    who = ["source", "hostname", "process", "stamp"]
    rows = rows.with_columns(
        pl.col("offset").is_not_null().alias("written"),
        (
            (
                pl.col("began") - pl.duration(seconds=pl.col("offset").fill_null(0))
            ).dt.timestamp("us")
            / 1e6
        ).alias("seconds"),
    )
    index: dict[Node, int] = {}
    parts = []
    groups = rows.group_by(*who, "written", maintain_order=True)
    for (source, host, process, stamp, written), part in groups:
        places = borders.lines(str(source), _text(host))
        numbers = []
        for low, high in _between(places):
            inside = part.filter(pl.col("line").is_between(low, high, closed="left"))
            if inside.is_empty():
                continue
            segment = borders.segment(str(source), _text(host), int(inside["line"][0]))
            key = Key(
                series(str(source)), _text(host), _text(process), str(stamp), segment
            )
            number = index.setdefault(Node(key, bool(written)), len(index))
            numbers.append(inside.with_columns(pl.lit(number, pl.Int64).alias("node")))
        parts += numbers
    columns = ["node", "written", "key", "status", "line", "seconds", "source"]
    if not parts:
        return pl.DataFrame(), []
    return pl.concat(parts).select(columns), list(index)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _between(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    edges = [0, *places, 1 << 62]
    yield from zip(edges[:-1], edges[1:], strict=True)


def request_relations(
    marks: pl.DataFrame, borders: Borders
) -> list[tuple[Node, Node, Relation]]:
    """Every pair of nodes that logged the same requests, and how far apart they are."""
    rows, nodes = _nodes(marks, borders)
    if not nodes:
        return []
    return [(nodes[r.left], nodes[r.right], r) for r in relations(rows)]


def _weight(count: int, against: int) -> tuple[float, str]:
    """Strength and confidence of a relation over so many distinct requests."""
    if count >= 5 and count >= 2 * against:
        return 50.0, "certain" if count >= 20 and against * 10 <= count else "strong"
    if count >= 3 and not against:
        return 30.0, "strong"
    return (15.0, "weak") if count >= 2 else (8.5, "weak")


def request_evidence(
    found: Sequence[tuple[Node, Node, Relation]],
) -> tuple[Anchors, list[Link]]:
    """What shared requests say: anchors against written stamps, links between others."""
    anchors: Anchors = defaultdict(list)
    links = []
    for left, right, relation in found:
        strength, sure = _weight(relation.count, relation.against)
        n, rest, step = relation.count, relation.against, relation.step
        if left.written and right.written:
            continue
        if not left.written and not right.written:
            link = Link(
                left.key, right.key, step, strength, sure, "shared request", n, rest
            )
            links.append(link)
            continue
        bare, known = (right, left) if left.written else (left, right)
        value = -step if left.written else step
        if is_zone(value):
            text = f"{n} requests also stand in {known.key.series}, which writes its offset"
            vote = Vote(value, strength, sure, "shared request", text, n, rest)
            anchors[bare.key].append(vote)
    return anchors, links


def continuity_links(found: Mapping[Key, Unit], jumped: set[Key]) -> list[Link]:
    """One clock goes on across a border, unless it is the one that jumped there."""
    links = []
    for key in found:
        later = key._replace(segment=key.segment + 1)
        if later in found and later not in jumped:
            link = Link(key, later, 0, 25, "strong", "the same clock before", 1)
            links.append(link)
    return links
