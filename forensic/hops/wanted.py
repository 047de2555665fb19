"""A verdict and what the archive holds ▶ the logs that would tell more, by wish."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from forensic.hops.hypotheses import Wish
from forensic.hops.inquiry import Inquiry
from forensic.hops.verdict import Span

__all__ = ["wishes"]

#: What the answer itself rests on is not asked for; an incident around it may be.
_AROUND = timedelta(minutes=5)
#: Logs in which a web server says why it could not get an answer.
_REASONS = ["nginx_error", "apache_error", "lighttpd_error", "litespeed_error"]


def wishes(
    inquiry: Inquiry,
    verdict: Mapping[str, Any],
    hops: list[str],
    span: Span,
    wish: Wish,
) -> list[str]:
    """What to ask for: files of which only neighbours are there, then logs of hops.

    `hops` are those whose record is not there, `span` is when it happened.
    """
    by = verdict["answered_by"]
    failed = by == "web_server" and verdict["cause"].startswith("upstream")
    lost = _holes(inquiry.gaps, span)
    doubtful = verdict["confidence"] in {"weak", "none"}
    files = {
        hop: [text for name, text in lost if name == hop]
        for hop in dict.fromkeys(name for name, _ in lost)
        if hop in {by, *hops} or (doubtful and failed)
    }
    if failed and doubtful and not _explained(inquiry, span):
        hops = [*hops, "web_errors"]
    if failed and not {"app_server", "application"} & {*inquiry.quiet, *hops}:
        hops = [*hops, "application"]
    named = {*files, *(["web_errors"] if "web_server" in files else [])}
    return [
        *(text for texts in files.values() for text in texts),
        *(wish(hop) for hop in hops if hop not in named),
    ]


def _holes(gaps: pl.DataFrame, span: Span) -> list[tuple[str, str]]:
    """Hop and wish of what is not there of logs that are, at that moment."""
    first, last = span
    if first is None or last is None:
        return []
    # A file that was cut has an end, and nobody knows of which hour.
    there = (pl.col("start") <= last) & (pl.col("end") >= first)
    found = gaps.filter((pl.col("kind") == "rotation_hole") & there)
    rows = found.sort("hop", "start", "source").select(
        pl.col("hop").cast(pl.String), "ask_for"
    )
    return list(dict.fromkeys(rows.drop_nulls().iter_rows()))


def _explained(inquiry: Inquiry, span: Span) -> bool:
    """Whether a log of reasons was written before that moment and after it."""
    kinds = sorted(inquiry.formats.intersection(_REASONS))
    moment = span[0]
    if not kinds or moment is None:
        return False
    told = inquiry.events.filter(pl.col("format").is_in(kinds))
    ends = told.select(first=pl.col("time").min(), last=pl.col("time").max())
    low, high = ends.collect(engine="streaming").row(0)
    return _within(moment, low, high)


def _within(moment: datetime, low: datetime | None, high: datetime | None) -> bool:
    return bool(low and high and low - _AROUND <= moment <= high + _AROUND)
