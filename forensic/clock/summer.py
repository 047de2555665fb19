"""Offsets that a machine's logs write through the year ▶ its rule of summer time.

A log that writes no zone follows the same rule: one offset for all of it would be wrong
for half of the year.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

from forensic.clock.place import host_root
from forensic.clock.unit import Key, Unit
from forensic.clock.votes import Decision, weaker
from forensic.schema import YEARLESS

__all__ = ["METHOD", "followed"]

METHOD = "summer time"
#: One zone of each rule and offset that many people live by.
_ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "America/Chicago",
    "Europe/London",
    "America/Denver",
    "Europe/Athens",
    "Australia/Sydney",
    "America/Halifax",
    "America/Anchorage",
    "America/St_Johns",
    "Pacific/Auckland",
    "Australia/Adelaide",
    "America/Santiago",
    "Asia/Jerusalem",
    "Africa/Cairo",
    "Atlantic/Azores",
]
#: Written by machines of the provider.
_REMOTE = {"cdn", "waf", "load_balancer"}


class _Rule(NamedTuple):
    """The rule that a machine follows, and the log that shows it."""

    zone: str
    source: str


def followed(
    cells: pl.DataFrame, found: Mapping[Key, Unit], zones: Mapping[Key, Decision]
) -> tuple[dict[Key, Decision], dict[Key, str]]:
    """The decisions as summer time changes them, and the zones' names where it does.

    `cells` have the years of their stamps.
    """
    rules = _rules(cells)
    only = (
        next(iter(rules.values()))
        if len({r.zone for r in rules.values()}) == 1
        else None
    )
    changed: dict[Key, Decision] = {}
    names: dict[Key, str] = {}
    for key, decision in zones.items():
        # Another machine whose clock is in UTC need not be in London.
        rule = rules.get(host_root(key.series)) or (only if decision.value else None)
        unit = found[key]
        if rule is None or decision.basis != "inferred" or unit.written:
            continue
        ends = [_offsets(rule.zone, edge) for edge in (unit.low, unit.high) if edge]
        if not ends or not any(decision.value in offsets for offsets in ends):
            continue
        why = f"{rule.source} follows the summer time of {rule.zone}"
        said = replace(decision, detail=f"{decision.detail}. {why}")
        if all(len(offsets) > 1 for offsets in ends):
            sure = weaker(decision.confidence, "weak")
            twice = f"{said.detail}, whose clocks showed these hours twice"
            changed[key] = replace(said, confidence=sure, detail=twice)
        elif not all(decision.value in offsets for offsets in ends) and _whole(
            key, found
        ):
            changed[key] = replace(said, method=METHOD)
            names[key] = rule.zone
    return {**zones, **changed}, names


def _whole(key: Key, found: Mapping[Key, Unit]) -> bool:
    """Whether the log itself shows no change of its zone."""
    return not key.segment and key._replace(segment=1) not in found


def _rules(cells: pl.DataFrame) -> dict[str, _Rule]:
    """Root of a machine ▶ the rule that all offsets follow that its logs write."""
    own = pl.col("offset").is_not_null() & ~pl.col("hop").is_in(sorted(_REMOTE))
    dated = pl.col("low").dt.year() != YEARLESS
    rows = cells.filter(own.fill_null(value=True) & pl.col("offset").is_not_null())
    rows = rows.filter(dated).sort("source", "first_line")
    seen: dict[str, list[tuple[str, int, dt.datetime, dt.datetime]]]
    seen = defaultdict(list)
    for row in rows.select("source", "offset", "low", "high").iter_rows():
        seen[host_root(row[0])].append(row)
    found = {root: _rule(stretches) for root, stretches in seen.items()}
    return {root: rule for root, rule in found.items() if rule is not None}


def _rule(
    stretches: Sequence[tuple[str, int, dt.datetime, dt.datetime]],
) -> _Rule | None:
    """The rule that stretches of two offsets follow; None where there is none."""
    written = {offset for _, offset, _, _ in stretches}
    if len(written) != 2:
        return None
    for zone in _ZONES:
        if all(
            offset in _offsets(zone, edge)
            for _, offset, low, high in stretches
            for edge in (low, high)
        ):
            return _Rule(zone, stretches[0][0])
    return None


def _offsets(zone: str, local: dt.datetime) -> set[int]:
    """Seconds east of UTC that a wall clock may have had; two in the doubled hour."""
    rule = ZoneInfo(zone)
    both = (rule.utcoffset(local.replace(fold=fold)) for fold in (0, 1))
    return {int(offset.total_seconds()) for offset in both if offset is not None}
