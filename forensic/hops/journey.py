"""A decided request ▶ its way through the hops, with times and durations."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from forensic.hops.moment import instant
from forensic.hops.notes import ABOVE

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
    events: pl.LazyFrame, evidence: Sequence[Mapping[str, Any]], *more: pl.Expr
) -> dict[tuple[str, int], dict[str, Any]]:
    """Place ▶ the event that stands there, and more that is told of it."""
    places = {(line["source"], line["offset"]) for line in evidence}
    offsets = sorted({offset for _, offset in places})
    # Numbers first: of all other rows, nothing but the number is read.
    rows = (
        events.filter(pl.col("offset").is_in(offsets))
        .select(*_SHOWN, *more)
        .collect(engine="streaming")
    )
    told = {(row["source"], row["offset"]): row for row in rows.iter_rows(named=True)}
    return {place: row for place, row in told.items() if place in places}


def placed(
    events: pl.LazyFrame,
    evidence: Sequence[Mapping[str, Any]],
    asked: str | None = None,
) -> list[dict[str, Any]]:
    """The evidence with length and time of each line, and what it shows.

    `asked` is the path of the request that it is about, where that is one.
    """
    found = _events(events, evidence)
    lines = []
    for line in evidence:
        row = found.get((line["source"], line["offset"]), {})
        told = {name: row.get(name) for name in ("length", "time")}
        lines.append({"role": _role(row, asked), **line, **told})
    return lines


def _role(row: Mapping[str, Any], asked: str | None) -> str:
    """What a line shows of the request that it is evidence for.

    A worker's death or an exception names no request: only its moment ties it to one.
    """
    known = any(row.get(name) is not None for name in ("status", "path", "action"))
    own = known and not _is_anothers(row, asked)
    return "record of the request" if own else "tells why, about that moment"


def _is_anothers(row: Mapping[str, Any], asked: str | None) -> bool:
    """Whether it is the line of another request, with what this one threw below it."""
    other = asked is not None and row.get("path") not in {None, asked}
    return other and row["format"] in ABOVE and "\n" in (row["message"] or "")


def path(
    events: pl.LazyFrame, clocks: pl.DataFrame, request: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """One step a line of evidence, outermost hop first; empty without a request.

    `time` is as the source has it, `corrected` on the reference clock.
    """
    if request is None:
        return []
    evidence = request["evidence"]
    own = {(line["source"], line["offset"]): line["hop"] for line in evidence}
    found = _events(events, evidence, instant(clocks).alias("corrected"))
    steps = []
    for place, hop in own.items():
        row = found.get(place, {})
        if _is_anothers(row, request["path"]):
            continue
        step = {name: row[name] for name in _SHOWN if row.get(name) is not None}
        step |= {"hop": hop, "corrected": row.get("corrected")}
        steps.append(
            {
                name: value.isoformat() if hasattr(value, "isoformat") else value
                for name, value in step.items()
            }
        )
    return steps
