"""Zone, year and skew of every clock in the archive, inferred from evidence.

`collect` takes from a part of the events what tells of clocks; `infer` says what all
parts tell, with the votes; `apply` fills `events.time` with it. Raw stamps are never
overwritten; skew is recorded, not applied.
"""

from collections.abc import Mapping, Sequence
from itertools import chain

import polars as pl

from forensic.clock.apply import apply, needs_clock
from forensic.clock.borders import Jumps, hour_borders, inner_borders
from forensic.clock.collect import Evidence, Stored, Traces, collect, merged
from forensic.clock.evidence import (
    continuity_links,
    epoch_votes,
    host_links,
    inner_evidence,
    named_zone_votes,
)
from forensic.clock.nearness import spread
from forensic.clock.options import Overrides
from forensic.clock.place import host_zones
from forensic.clock.shared import Shared, share
from forensic.clock.spans import Known, clock_rows
from forensic.clock.summer import followed
from forensic.clock.turns import in_year
from forensic.clock.unit import Borders, Key, Unit, units
from forensic.clock.votes import Decision, Vote
from forensic.clock.year import chains, decide_years
from forensic.clock.zone import decide_zones
from forensic.schema import CLOCK, YEARLESS

__all__ = ["Overrides", "Stored", "Traces", "apply", "collect", "infer", "needs_clock"]

Years = dict[str, tuple[int, Decision]]
#: How often borders are sought anew: each time a segment may show another change.
_ROUNDS = 3


def infer(
    parts: Sequence[Traces] | Stored,
    sources: pl.DataFrame,
    overrides: Overrides,
    configuration: Mapping[str, bytes],
) -> pl.DataFrame:
    """Table of clocks: which zone, year and skew each source has, and why.

    `parts` is what `collect` took from each part of the events. `configuration` maps
    paths of the archive to the content of small files (etc/timezone, the target of
    etc/localtime, the output of timedatectl).
    """
    evidence = merged(parts)
    if evidence.cells.is_empty():
        return pl.DataFrame(schema=CLOCK)
    years = _years(evidence, sources, overrides)
    cells = _dated(evidence.cells, years, ["low", "high"])
    marks = _dated(evidence.marks, years, ["local"])
    borders, jumped, found, shared = _segments(evidence, cells, marks)
    configured = host_zones(configuration)
    named, names = named_zone_votes(found, overrides, configured)
    inner, inner_links = inner_evidence(evidence.inner, borders, found)
    requests, request_links = shared.votes()
    anchors: dict[Key, list[Vote]] = {}
    voting = (named, inner, epoch_votes(marks, borders), requests)
    for key, votes in chain.from_iterable(one.items() for one in voting):
        anchors.setdefault(key, []).extend(votes)
    links = [*inner_links, *request_links, *continuity_links(found, jumped)]
    links += host_links(found)
    zones = decide_zones(found, anchors, links)
    skews = spread(shared.skews(zones), found)
    zones, ruled = followed(cells, found, zones)
    named_all = {**names, **ruled}
    return clock_rows(
        Known(found, zones, named_all, years, evidence.turns, borders, skews)
    )


def _segments(
    evidence: Evidence, cells: pl.DataFrame, marks: pl.DataFrame
) -> tuple[Borders, set[Key], dict[Key, Unit], Shared]:
    """Where clocks change, which units jump there, and the units and their requests."""
    borders, jumps = Borders(), Jumps(evidence.jumps)
    leaps = hour_borders(evidence.jumps, borders)
    leaps += inner_borders(evidence.inner, jumps, borders)
    for _ in range(_ROUNDS):
        found = units(cells, borders)
        shared = share(marks, found, borders)
        before = borders.count()
        leaps += shared.add_borders(borders, jumps)
        if borders.count() == before:
            break
    jumped = {leap.landed(borders) for leap in leaps}
    return borders, jumped, found, shared


def _years(
    evidence: Evidence, sources: pl.DataFrame, overrides: Overrides
) -> dict[str, tuple[int, Decision]]:
    """Source ▶ year of its first line, and the decision of its chain."""
    found = chains(evidence)
    decided = decide_years(found, evidence, sources, overrides)
    return {
        source: (decided[chain.name].value + turn, decided[chain.name])
        for chain in found
        if chain.name in decided
        for source, turn in chain.turns.items()
    }


def _dated(rows: pl.DataFrame, years: Years, columns: list[str]) -> pl.DataFrame:
    """Rows with the decided year in stamps that have none; null where unknown."""
    schema = {"source": pl.String(), "base": pl.Int32()}
    table = [(source, base) for source, (base, _) in sorted(years.items())]
    bases = pl.DataFrame(table, schema=schema, orient="row")
    rows = rows.join(bases, on="source", how="left", maintain_order="left")
    year = pl.col("base") + pl.col("turn")
    dated = [
        pl.when(pl.col(c).dt.year() == YEARLESS)
        .then(in_year(pl.col(c), year))
        .otherwise(c)
        .alias(c)
        for c in columns
    ]
    return rows.with_columns(dated).drop("base")
