"""Zone, year and skew of every clock in the archive, inferred from evidence.

`infer` reads the events once and says what it found, with the votes; `apply` fills
`events.time` with it. Raw stamps are never overwritten; skew is recorded, not applied.
"""

from collections.abc import Mapping

import polars as pl

from forensic.clock.apply import apply, needs_clock
from forensic.clock.collect import Evidence, collect
from forensic.clock.evidence import (
    continuity_links,
    epoch_votes,
    inner_evidence,
    named_zone_votes,
    request_evidence,
    request_relations,
)
from forensic.clock.options import Overrides
from forensic.clock.place import host_zones
from forensic.clock.spans import Known, clock_rows
from forensic.clock.unit import Borders, Key, units
from forensic.clock.votes import Decision, Vote
from forensic.clock.year import chains, decide_years
from forensic.clock.zone import decide_zones
from forensic.schema import CLOCK, YEARLESS

__all__ = ["Overrides", "apply", "infer", "needs_clock"]


def infer(
    events: pl.LazyFrame,
    sources: pl.DataFrame,
    overrides: Overrides,
    configuration: Mapping[str, bytes],
) -> pl.DataFrame:
    """The table of clocks: which zone, year and skew each source has, and why.

    `events` are read once, in bounded memory. `configuration` maps paths of the
    archive to the content of small files (etc/timezone, the target of etc/localtime,
    the output of timedatectl).
    """
    evidence = collect(events)
    if evidence.cells.is_empty():
        return pl.DataFrame(schema=CLOCK)
    years = _years(evidence, sources, overrides)
    cells = _dated(evidence.cells, years, ["low", "high"])
    marks = _dated(evidence.marks, years, ["local", "began"])
    borders = Borders()
    found = units(cells, borders)
    named, names = named_zone_votes(found, overrides, host_zones(configuration))
    inner, links = inner_evidence(evidence.inner, borders)
    shared = request_relations(marks, borders)
    requests, more = request_evidence(shared)
    anchors: dict[Key, list[Vote]] = {}
    for part in (named, inner, epoch_votes(marks, borders), requests):
        for key, votes in part.items():
            anchors.setdefault(key, []).extend(votes)
    links = [*links, *more, *continuity_links(found, set())]
    zones = decide_zones(found, anchors, links)
    turns = _turns(evidence)
    known = Known(found, zones, names, years, turns, borders, {})
    return clock_rows(known)


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


def _dated(
    rows: pl.DataFrame, years: Mapping[str, tuple[int, Decision]], columns: list[str]
) -> pl.DataFrame:
    """The rows with the decided year in stamps that have none; null where unknown."""
    if rows.is_empty():
        return rows
    schema = {"source": pl.String(), "base": pl.Int32()}
    table = [(source, base) for source, (base, _) in sorted(years.items())]
    bases = pl.DataFrame(table, schema=schema, orient="row")
    rows = rows.join(bases, on="source", how="left", maintain_order="left")
    moved = pl.col("base") + pl.col("turn") - YEARLESS
    shift = pl.format("{}y", moved)
    dated = [
        pl.when(pl.col(c).dt.year() == YEARLESS)
        .then(pl.col(c).dt.offset_by(shift))
        .otherwise(pl.col(c))
        .alias(c)
        for c in columns
    ]
    return rows.with_columns(dated).drop("base")


def _turns(evidence: Evidence) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for source, line, turn in evidence.turns.iter_rows():
        found.setdefault(source, []).append((line, turn))
    return found
