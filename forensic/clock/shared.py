"""Requests that several logs hold ▶ votes, links, borders and skews of their clocks."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import polars as pl

from forensic.clock.borders import Jumps, Leap, own_border
from forensic.clock.link import Link, is_zone, nearest_zone
from forensic.clock.names import rotation, series
from forensic.clock.options import offset_text
from forensic.clock.pairs import Change, Relation, relations
from forensic.clock.rows import GROUP
from forensic.clock.skew import Run, skews
from forensic.clock.spans import Skew
from forensic.clock.unit import Borders, Key, Unit
from forensic.clock.votes import Decision, Vote

__all__ = ["Node", "Shared", "share"]

#: Lines of a source below the number of the source, in one integer that sorts.
_LINES = 1 << 40
#: Fewer requests at an offset that no zone has are alike by chance.
_ODD = 5
#: So many show that an offset that is written is not that of the clock.
_BELYING = 10
#: Hops whose stamps may be of the start, where they log no duration.
_STARTING = {"application", "app_server", "waf"}
_RANKS = ["cdn", "load_balancer", "waf", "web_server", "app_server", "application"]


class Node(NamedTuple):
    """The rows of a unit that carry an offset (`written`), or those that do not."""

    key: Key
    written: bool


@dataclass(frozen=True, slots=True)
class Shared:
    """Nodes and how far apart each two are, by the requests that both logged."""

    sources: list[str]  # in the order of rotation; places count in it
    numbers: dict[str, int]
    nodes: list[Node]
    relations: list[Relation]
    units: Mapping[Key, Unit]

    def where(self, place: int) -> tuple[str, int]:
        """Source and line of a place."""
        return self.sources[place // _LINES], place % _LINES

    def votes(self) -> tuple[dict[Key, list[Vote]], list[Link]]:
        """Count what the relations say: anchors against written stamps, else links."""
        anchors: dict[Key, list[Vote]] = defaultdict(list)
        links = []
        for relation in self.relations:
            left, right = self.nodes[relation.left], self.nodes[relation.right]
            if not left.written and not right.written:
                links.append(_link(left.key, right.key, relation))
            elif left.written != right.written:
                bare, known = (right, left) if left.written else (left, right)
                value = -relation.step if left.written else relation.step
                if is_zone(value) or relation.count >= _ODD:
                    anchors[bare.key].append(_vote(value, known.key, relation))
        return anchors, links

    def add_borders(self, borders: Borders, jumps: Jumps) -> list[Leap]:
        """Add where a relation changes its step; which clocks leap there."""
        leaps = []
        for relation in self.relations:
            if relation.change is None:
                continue
            node, (source, line) = self._jumper(relation, relation.change, jumps)
            if node is None:
                continue
            borders.add(source, node.key.hostname, line)
            leaps.append(Leap(source, line, node.key))
        return leaps

    def _jumper(
        self, relation: Relation, change: Change, jumps: Jumps
    ) -> tuple[Node | None, tuple[str, int]]:
        """Side that jumped: a bare one, and of two the one that shows it itself."""
        step = change.after - change.before
        sides = [
            (self.nodes[relation.left], change.left, step),
            (self.nodes[relation.right], change.right, -step),
        ]
        bare = [side for side in sides if not side[0].written]
        found = []
        for node, (before, after), delta in bare:
            if before >= after:
                continue
            source, line, gap = own_border(
                jumps, node.key, self.where(before), self.where(after), delta
            )
            if gap is not None or len(bare) == 1:
                found.append((gap or 0, node, (source, line)))
        if not found:
            return None, ("", 0)
        _, node, place = min(found, key=lambda f: (f[0], f[2]))
        return node, place

    def skews(self, zones: Mapping[Key, Decision]) -> dict[tuple[str, Key], list[Skew]]:
        """(source, unit) ▶ its skews, from relations that agree with the zones."""
        agreed = [r for r in self.relations if self._agrees(r, zones)]
        agreed += [_as_skew(r) for r in self.relations if self._belies(r)]
        ranks = {i: self._rank(node) for i, node in enumerate(self.nodes)}
        coarse = {i: not self.units[n.key].fine for i, n in enumerate(self.nodes)}
        found: dict[tuple[str, Key], list[Skew]] = {}
        for number, runs in sorted(skews(agreed, ranks, coarse).items()):
            key = self.nodes[number].key
            for source in sorted(self.units[key].lines.keys() & self.numbers.keys()):
                skewed = self._in_source(source, runs)
                found.setdefault((source, key), skewed)
        return found

    def _agrees(self, relation: Relation, zones: Mapping[Key, Decision]) -> bool:
        offsets = []
        for number in (relation.left, relation.right):
            node = self.nodes[number]
            if not node.written and node.key not in zones:
                return False
            offsets.append(0 if node.written else zones[node.key].value)
        return offsets[0] - offsets[1] == relation.step

    def _belies(self, relation: Relation) -> bool:
        """Whether one of two written offsets is not that of the clock.

        Programs write `Z` behind the time of their own zone. So many requests of two
        hops do not by chance stand as far apart as zones do.
        """
        left, right = (self.nodes[n] for n in (relation.left, relation.right))
        return (
            left.written
            and right.written
            and self.units[left.key].hop != self.units[right.key].hop
            and relation.step != 0
            and not relation.train
            and relation.count >= _BELYING
            and relation.against * 10 <= relation.count
            and is_zone(relation.step)
        )

    def _rank(self, node: Node) -> int:
        hop = self.units[node.key].hop
        order = _RANKS.index(hop) if hop in _RANKS else len(_RANKS)
        return 2 * order + (not node.written)

    def _in_source(self, source: str, runs: Sequence[Run]) -> list[Skew]:
        number = self.numbers[source]
        start, end = number * _LINES, (number + 1) * _LINES
        before = [run for run in runs if run.place <= start]
        inside = [run for run in runs if start < run.place < end]
        chosen = [*before[-1:], *inside]
        return [
            Skew(
                max(run.place - start, 0) or 1,
                run.value,
                round(run.value - run.width, 3),
                round(run.value + run.width, 3),
            )
            for run in chosen
        ]


def _as_skew(relation: Relation) -> Relation:
    """The relation with what no zone explains as part of the residuals."""
    whole = pl.col("residual") + relation.step
    return replace(relation, rows=relation.rows.with_columns(residual=whole))


def _weight(relation: Relation) -> tuple[float, str]:
    """Strength and confidence of a relation over so many distinct requests."""
    count, against = relation.count, relation.against
    if relation.train:
        return 45.0, "strong"
    if count >= 5 and count >= 2 * against:
        certain = count >= 20 and against * 10 <= count
        return 50.0, "certain" if certain else "strong"
    if count >= 2 and count >= 3 * against:
        return 30.0, "strong"
    return 8.5, "weak"


def _link(left: Key, right: Key, relation: Relation) -> Link:
    strength, sure = _weight(relation)
    n, rest = relation.count, relation.against
    return Link(left, right, relation.step, strength, sure, "shared request", n, rest)


def _vote(value: int, known: Key, relation: Relation) -> Vote:
    strength, sure = _weight(relation)
    n, rest = relation.count, relation.against
    also = "1 request also stands" if n == 1 else f"{n} requests also stand"
    text = f"{also} in {known.series}, which writes its offset"
    if not is_zone(value):
        # A clock that is a quarter of an hour or more wrong looks like an odd zone.
        text += f" and is {offset_text(value)} behind, which no zone is"
        value, strength, sure = nearest_zone(value), 20.0, "weak"
    return Vote(value, strength, sure, "shared request", text, n, rest)


def share(marks: pl.DataFrame, units: Mapping[Key, Unit], borders: Borders) -> Shared:
    """Compare the requests of every two units."""
    names = marks["source"].unique().to_list()
    sources = sorted(names, key=lambda s: (series(s), rotation(s), s))
    rows, nodes = _nodes(marks, units, borders, sources)
    found = relations(rows) if nodes else []
    numbers = {source: i for i, source in enumerate(sources)}
    return Shared(sources, numbers, nodes, found, units)


def _nodes(
    marks: pl.DataFrame,
    units: Mapping[Key, Unit],
    borders: Borders,
    sources: Sequence[str],
) -> tuple[pl.DataFrame, list[Node]]:
    """Request rows with the number of their node, and the nodes."""
    rows = marks.filter(pl.col("key").is_not_null() & pl.col("local").is_not_null())
    rows = rows.with_columns(pl.col("offset").is_not_null().alias("written"))
    who = [*GROUP, "stamp", "written"]
    timed = pl.any_horizontal(pl.col("duration", "took").is_not_null().any()).alias(
        "timed"
    )
    groups = rows.group_by(who).agg(timed).sort(who, nulls_last=True)
    groups = groups.with_row_index("group")
    spans, nodes = _spans(groups, units, borders, sources)
    offset = pl.duration(seconds=pl.col("offset").fill_null(0))
    rows = rows.join(groups.drop("timed"), on=who, nulls_equal=True).sort("line")
    rows = rows.join_asof(spans, on="line", by="group", check_sortedness=False)
    return rows.select(
        "node",
        "written",
        "key",
        "status",
        (pl.col("line") + pl.col("base")).alias("place"),
        (
            (pl.col("local") - offset).dt.timestamp("us") / 1e6
            + pl.col("took").fill_null(0.0)
        ).alias("seconds"),
        pl.coalesce("duration", "took").alias("length"),
        "starts",
    ), nodes


def _spans(
    groups: pl.DataFrame,
    units: Mapping[Key, Unit],
    borders: Borders,
    sources: Sequence[str],
) -> tuple[pl.DataFrame, list[Node]]:
    """Group and first line ▶ node, the base of its places, and whether it starts."""
    numbers = {source: i for i, source in enumerate(sources)}
    index: dict[Node, int] = {}
    spans = []
    for group, source, host, process, stamp, written, timed in groups.iter_rows():
        for line in [0, *borders.lines(source, host)]:
            segment = borders.segment(source, host, line)
            key = Key(series(source), host, process, stamp, segment)
            number = index.setdefault(Node(key, written), len(index))
            starts = key in units and units[key].hop in _STARTING and not timed
            base = numbers[source] * _LINES
            spans.append((group, line, number, base, starts))
    schema = {
        "group": pl.UInt32(),
        "line": pl.Int64(),
        "node": pl.Int64(),
        "base": pl.Int64(),
        "starts": pl.Boolean(),
    }
    table = pl.DataFrame(spans, schema=schema, orient="row")
    return table.sort("line", "group"), list(index)
