"""An archive in windows: what one of them needs stays below the memory limit.

Time is cut. Logs whose lines have none are cut themselves, where they are long.
"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import polars as pl

from forensic.census import MINUTE
from forensic.hops.responses import TIERS

__all__ = [
    "MOST",
    "TIME",
    "Lines",
    "Span",
    "Window",
    "between",
    "own",
    "pieces",
    "spans",
]

#: What a window may weigh, if minutes are not busier than that: an event of success
#: weighs 1. What failed is a row of its own with all that is known of it.
MOST = 730_000
_FAILED = 12
TIME = pl.col("time")
#: µs since 1970; None stands for whatever is before the first, or behind the last.
Span = tuple[int | None, int | None]
#: Lines that pieces of a log share: of what is told on several, all stand together.
_SHARED = 2000


class Lines(NamedTuple):
    """Events without a time: those of some logs, or of some lines of one log."""

    sources: tuple[str, ...]
    low: int | None = None
    high: int | None = None


Window = Span | Lines


def spans(counts: pl.DataFrame, most: int = MOST) -> list[Span]:
    """Spans of time with about equally much in them, without gap or overlap.

    `counts` is the `census`.
    """
    timed = counts.drop_nulls("minute").group_by("minute")
    minutes = timed.agg(weight=_weight().sum()).sort("minute")
    total = int(minutes["weight"].sum())
    number = -(-total // most)
    slot = (minutes["weight"].cum_sum() - 1) * number // max(total, 1)
    starts = minutes.filter(slot != slot.shift(1, fill_value=0))["minute"]
    borders: list[int | None] = [None, *(m * MINUTE for m in starts.to_list()), None]
    return list(pairwise(borders))


def pieces(events: pl.LazyFrame, counts: pl.DataFrame, most: int = MOST) -> list[Lines]:
    """Pieces of about equal weight of all events that have no time.

    None, where they are few: then they stand in the first window of time.
    """
    untimed = counts.filter(pl.col("minute").is_null()).group_by("source")
    logs = untimed.agg(weight=_weight().sum()).sort("source")
    if int(logs["weight"].sum()) <= most:
        return []
    small = logs.filter(pl.col("weight") <= most)
    together = (pl.col("weight").cum_sum() - 1) // most
    groups = small.group_by(together, maintain_order=True).agg("source")
    found = [Lines(tuple(sources)) for sources in groups["source"]]
    for source, weight in logs.filter(pl.col("weight") > most).rows():
        here = events.filter(pl.col("source") == source)
        last = int(here.select(pl.col("line").max()).collect().item() or 0)
        number = -(-weight // most)
        inner = [last * n // number for n in range(1, number)]
        borders = [None, *inner, None]
        found += [Lines((source,), *ends) for ends in pairwise(borders)]
    return found


def _weight() -> pl.Expr:
    """What the events that a row of the census counts weigh."""
    web = pl.col("hop") == "web_server"
    complaints = pl.when(web).then("complaints").otherwise(0)
    return pl.col("events") + _FAILED * (pl.col("errors") + complaints)


def _moment(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def between(
    events: pl.LazyFrame, window: Window, overlap: int, time: pl.Expr = TIME
) -> pl.LazyFrame:
    """The events of a window and of its overlap (µs; of lines, some).

    Those without a time stand in the first window of time, if not in pieces of their
    own. Where `time` is compared as it stands, whole files outside are never read.
    """
    if isinstance(window, Lines):
        return events.filter(
            time.is_null(), *_placed(window, _SHARED, pl.col("source"), pl.col("line"))
        )
    low, high = window
    if low is None and high is None:
        return events
    late = time >= _moment(low - overlap) if low is not None else time.is_null()
    early = time < _moment(high + overlap) if high is not None else None
    if low is None:
        return events.filter(late | early if early is not None else late)
    return events.filter(late & early if early is not None else late)


def own(requests: pl.DataFrame, window: Window) -> pl.DataFrame:
    """The requests that belong to this window and to no other."""
    if isinstance(window, Lines):
        outermost = (
            pl.coalesce(f"{tier}_{name}" for tier in TIERS)
            for name in ("source", "line")
        )
        return requests.filter(_placed(window, 0, *outermost))
    low, high = window
    held = pl.lit(value=True)
    if low is not None:
        held &= (pl.col("time") >= low).fill_null(value=False)
    if high is not None:
        held &= (pl.col("time") < high).fill_null(value=True)
    return requests.filter(held)


def _placed(lines: Lines, beyond: int, source: pl.Expr, line: pl.Expr) -> list[pl.Expr]:
    """Whether a place is among these lines, or so many lines beyond them."""
    held = [source.is_in(pl.Series(lines.sources).implode())]
    if lines.low is not None:
        held.append(line >= lines.low - beyond)
    if lines.high is not None:
        held.append(line < lines.high + beyond)
    return held
