"""The events of all hops in one order, near one moment."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl

from forensic.case import Case
from forensic.reports.digest import Row, rows, verdict
from forensic.reports.times import moment, stamp
from forensic.reports.words import speaker

__all__ = ["cells", "events", "incident"]

_COLUMNS = [
    *("time", "hop", "format", "source", "line", "offset", "client_ip", "method"),
    *("path", "query", "status", "upstream_status", "action", "rule", "level"),
    *("process", "pid", "message", "reason", "duration"),
]


def incident(case: Case) -> datetime | None:
    """When the verdict's response was made; None where the verdict has no time."""
    answer = verdict(case)
    for proof in [*(answer.get("path") or []), *(answer.get("evidence") or [])]:
        when = moment(proof.get("time"))
        if when:
            return when
    return None


def events(
    case: Case,
    middle: datetime | None,
    window: int,
    *,
    lanes: Sequence[str],
    most: int,
) -> tuple[list[Row], int]:
    """The events nearest to a moment in the order of time, and how many were left out.

    Without a moment: the first events of the archive.
    """
    table = case.events().filter(pl.col("time").is_not_null())
    table = table.with_columns(pl.col("hop").cast(pl.String))
    if lanes:
        table = table.filter(pl.col("hop").is_in(lanes))
    order = ["time", "source", "offset"]
    if middle is not None:
        low, high = (
            middle - timedelta(seconds=window),
            middle + timedelta(seconds=window),
        )
        table = table.filter(pl.col("time").is_between(low, high))
        distance = (pl.col("time") - middle).abs()
        nearest = table.with_columns(distance.alias("_far")).sort("_far", *order)
    else:
        nearest = table.sort(order)
    total = int(rows(table.select(pl.len().alias("n")))[0]["n"])
    found = rows(nearest.head(most).select(_COLUMNS).sort(order))
    return found, total - len(found)


def cells(row: Row, offset: int | None) -> tuple[str, str, str, str]:
    """Time, hop, what happened and where it stands, for one line of a table."""
    when = (
        stamp(row["time"], offset).rsplit(" ", 1)[0] if offset else stamp(row["time"])
    )
    hop = speaker("en")(row["hop"] or "unknown")
    return when, hop, _what(row), f"{row['source']}:{row['line']}"


def _what(row: Row) -> str:
    request = f"{row['path']}?{row['query']}" if row["query"] else row["path"]
    status = row["status"]
    if row["upstream_status"] is not None and row["upstream_status"] != status:
        status = f"{status} (below: {row['upstream_status']})"
    said = [row["action"], row["rule"], row["method"], request, status, row["reason"]]
    text = " ".join(str(part) for part in said if part is not None)
    if text and row["message"] and row["hop"] in {"load_balancer", "waf", "cdn"}:
        return text
    head = (row["message"] or "").partition("\n")[0]
    level = f"{row['level']}: " if row["level"] and head else ""
    return f"{text} {level}{head[:300]}".strip()
