"""A decided request ▶ its way through the hops, with times and durations."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from forensic.hops.moment import instant

__all__ = ["path", "placed"]

_SHOWN = [
    "source",
    "line",
    "offset",
    "length",
    "time",
    "format",
    "method",
    "path",
    "status",
    "upstream_status",
    "upstream",
    "duration",
    "upstream_duration",
    "client_ip",
    "action",
    "rule",
    "rule_group",
    "reason",
    "message",
]


def _events(
    events: pl.LazyFrame, evidence: Sequence[Mapping[str, Any]]
) -> dict[tuple[str, int], dict[str, Any]]:
    """Place ▶ the event that stands there."""
    sources = sorted({line["source"] for line in evidence})
    offsets = sorted({line["offset"] for line in evidence})
    rows = (
        events.filter(pl.col("source").is_in(sources) & pl.col("offset").is_in(offsets))
        .select(c for c in _SHOWN if c != "adjusted")
        .collect(engine="streaming")
    )
    return {(row["source"], row["offset"]): row for row in rows.to_dicts()}


def placed(
    events: pl.LazyFrame, evidence: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The evidence with length and time of each line, and what it shows."""
    found = _events(events, evidence)
    lines = []
    for line in evidence:
        row = found.get((line["source"], line["offset"]), {})
        told = {name: row.get(name) for name in ("length", "time")}
        lines.append({"role": _role(row), **line, **told})
    return lines


def _role(row: Mapping[str, Any]) -> str:
    """What a line shows of the request that it is evidence for.

    A worker's death or an exception names no request: only its moment ties it to one.
    """
    known = any(row.get(name) is not None for name in ("status", "path", "action"))
    return "record of the request" if known else "tells why, about that moment"


def path(
    events: pl.LazyFrame, clocks: pl.DataFrame, request: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """One step a line of evidence, outermost hop first; empty without a request.

    `time` is as the source has it, `corrected` on the reference clock.
    """
    if request is None:
        return []
    evidence = request["evidence"]
    moment = instant(clocks)
    own = {(line["source"], line["offset"]): line["hop"] for line in evidence}
    places = sorted({source for source, _ in own})
    adjusted = (
        events.filter(pl.col("source").is_in(places))
        .filter(pl.col("offset").is_in(sorted({offset for _, offset in own})))
        .select("source", "offset", moment.alias("corrected"))
        .collect(engine="streaming")
    )
    when = {(r["source"], r["offset"]): r["corrected"] for r in adjusted.to_dicts()}
    found = _events(events, evidence)
    steps = []
    for place, hop in own.items():
        row = found.get(place, {})
        step = {name: row[name] for name in _SHOWN if row.get(name) is not None}
        step |= {"hop": hop, "corrected": when.get(place)}
        steps.append(
            {
                name: value.isoformat() if hasattr(value, "isoformat") else value
                for name, value in step.items()
            }
        )
    return steps
