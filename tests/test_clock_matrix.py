"""A seeded matrix of archives with known clocks, and how many of them are read right.

`python -m tests.test_clock_matrix` reads all of them and prints the table that
`tests/clock_matrix.md` keeps; with `-v` also what went wrong. As a test it reads two of
five, of every kind.
"""

import sys
from dataclasses import dataclass, field

import polars as pl
import pytest

from forensic.clock import Overrides, apply, collect, infer
from tests.clock_worlds import COPIES, KINDS, World, build, worlds

SURE = {"certain", "strong"}


@dataclass
class Result:
    """What came out of one archive."""

    world: World
    right: int = 0  # sources that the evidence decides, all of whose times are right
    wrong: int = 0  # sources with a wrong time, whatever the confidence
    overstated: int = 0  # of those, with confidence strong or certain
    missed: int = 0  # decidable sources that were not stated with confidence
    plain: int = 0  # undecidable sources that are plainly called assumed or weak
    skew_errors: list[float] = field(default_factory=list)
    skew_missed: int = 0
    notes: list[str] = field(default_factory=list)


def judge(world: World) -> Result:
    """Run the inference on an archive and compare it with the truth."""
    events, sources = build(world)
    overrides = Overrides(tz=world.tz)
    clocks = infer([collect(events.drop("truth"))], sources, overrides, world.config)
    found = apply(events.drop("truth"), clocks).with_columns(events["truth"])
    result = Result(world)
    for source in sorted(sources["source"]):
        _judge_source(result, source, found, clocks)
    _judge_skew(result, clocks)
    return result


def _judge_source(
    result: Result, source: str, found: pl.DataFrame, clocks: pl.DataFrame
) -> None:
    rows = found.filter(pl.col("source") == source)
    spans = clocks.filter(pl.col("source") == source)
    wrong = rows.filter(pl.col("time") != pl.col("truth")).height
    unknown = rows["time"].null_count()
    sure = bool(spans["confidence"].cast(pl.String).is_in(list(SURE)).all())
    world = result.world
    decided, leaning = source in world.decided, source in world.leaning
    if source in world.dated:
        years = spans["year"].drop_nulls().unique().to_list()
        local = rows["truth"].dt.offset_by(f"{world.dated[source]}s")
        last = max(local.dt.year().to_list())
        if last not in years:
            result.wrong += 1
            result.notes.append(f"{source}: years {years}, true {last}")
    if wrong:
        result.wrong += decided or leaning
        result.overstated += sure
        if not decided and not leaning and not sure:
            result.plain += 1
            return
        gap = rows.filter(pl.col("time") != pl.col("truth"))
        first = gap.select(pl.col("time") - pl.col("truth"))["time"][0]
        result.notes.append(f"{source}: {wrong} of {rows.height} wrong by {first}")
    elif (decided or leaning) and not unknown:
        result.right += 1
    if decided and (unknown or not sure) and not wrong:
        result.missed += 1
        result.notes.append(f"{source}: {unknown} unknown, sure: {sure}")
    if not decided and not leaning:
        result.plain += not sure


def _judge_skew(result: Result, clocks: pl.DataFrame) -> None:
    world = result.world
    for source, limit in world.skewed.items():
        spans = clocks.filter(
            (pl.col("source") == source) & (pl.col("stamp") == "event")
        ).sort("first_line")
        if spans.is_empty():
            continue
        expected = [world.skew, world.skew + world.step]
        values = [spans["skew"][0], spans["skew"][-1]]
        if None in values:
            result.skew_missed += 1
            result.notes.append(f"{source}: no skew")
            continue
        errors = [abs(v - e) for v, e in zip(values, expected, strict=True)]
        result.skew_errors += errors
        if max(errors) > limit:
            result.skew_missed += 1
            result.notes.append(f"{source}: skew {values}, true {expected}")


def table(results: list[Result]) -> str:
    """Results by kind of archive, as Markdown."""
    head = (
        "| archives | number | sources decided | right | wrong | unsure | overstated |"
        " undecidable, said so | skew: worst error (s) | skew wrong |\n"
        "|---|---|---|---|---|---|---|---|---|---|\n"
    )
    lines = []
    for kind in [*KINDS, *COPIES, "all"]:
        rows = [r for r in results if kind in (r.world.kind, "all")]
        errors = [e for r in rows for e in r.skew_errors]
        open_ones = sum(r.plain for r in rows)
        worst = f"{max(errors):.2f}" if errors else ""
        cells = [
            kind,
            len(rows),
            sum(len(r.world.decided | r.world.leaning) for r in rows),
            sum(r.right for r in rows),
            sum(r.wrong for r in rows),
            sum(r.missed for r in rows),
            sum(r.overstated for r in rows),
            open_ones or "",
            worst,
            sum(r.skew_missed for r in rows) if errors else "",
        ]
        lines.append("| " + " | ".join(str(c) for c in cells) + " |")
    return head + "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return [judge(world) for world in worlds() if world.number % 5 in {1, 3}]


def test_there_are_at_least_200_archives(results: list[Result]) -> None:
    assert len(results) >= 200
    assert {result.world.kind for result in results} == {*KINDS, *COPIES}


def test_nothing_wrong_is_said_with_confidence(results: list[Result]) -> None:
    assert [(r.world.kind, r.notes) for r in results if r.overstated] == []


def test_what_the_evidence_decides_is_right(results: list[Result]) -> None:
    assert [(r.world.kind, r.notes) for r in results if r.wrong or r.missed] == []


def test_skew_is_found_within_the_resolution_of_the_stamps(
    results: list[Result],
) -> None:
    assert [(r.world.kind, r.notes) for r in results if r.skew_missed] == []


if __name__ == "__main__":
    everything = [judge(world) for world in worlds()]
    sys.stdout.write(table(everything))
    for bad in everything:
        if "-v" in sys.argv and bad.notes:
            shown = bad.world
            sys.stdout.write(
                f"{shown.number} {shown.kind} zone {shown.zone} {shown.start}"
                f" {shown.year} skew {shown.skew} step {shown.step}"
                f" pings {shown.pings}: {bad.notes}\n"
            )
