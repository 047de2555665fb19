"""Time in windows: what one of them needs stays below the memory limit."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl

from forensic.hops.census import MINUTE

__all__ = ["MOST", "TIME", "Span", "between", "own", "spans"]

#: What a window may weigh, if minutes are not busier than that: an event of success
#: weighs 1. What failed is a row of its own with all that is known of it.
MOST = 800_000
_FAILED = 12
TIME = pl.col("time")
#: µs since 1970; None stands for whatever is before the first, or behind the last.
Span = tuple[int | None, int | None]


def spans(counts: pl.DataFrame, most: int = MOST) -> list[Span]:
    """Spans of time with about equally much in them, without gap or overlap.

    `counts` is the `census`.
    """
    web = pl.col("hop") == "web_server"
    complaints = pl.when(web).then("complaints").otherwise(0)
    weight = pl.col("events") + _FAILED * (pl.col("errors") + complaints)
    timed = counts.drop_nulls("minute").group_by("minute")
    minutes = timed.agg(weight=weight.sum()).sort("minute")
    total = int(minutes["weight"].sum())
    number = -(-total // most)
    slot = (minutes["weight"].cum_sum() - 1) * number // max(total, 1)
    starts = minutes.filter(slot != slot.shift(1, fill_value=0))["minute"]
    borders: list[int | None] = [None, *(m * MINUTE for m in starts.to_list()), None]
    return list(pairwise(borders))


def _moment(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def between(
    events: pl.LazyFrame, span: Span, overlap: int, time: pl.Expr = TIME
) -> pl.LazyFrame:
    """The events of a window and of its overlap; those without a time in the first.

    Where `time` is compared as it stands, whole files outside are never read.
    """
    low, high = span
    if low is None and high is None:
        return events
    late = time >= _moment(low - overlap) if low is not None else time.is_null()
    early = time < _moment(high + overlap) if high is not None else None
    if low is None:
        return events.filter(late | early if early is not None else late)
    return events.filter(late & early if early is not None else late)


def own(requests: pl.DataFrame, span: Span) -> pl.DataFrame:
    """The requests that belong to this window and to no other."""
    low, high = span
    held = pl.lit(value=True)
    if low is not None:
        held &= (pl.col("time") >= low).fill_null(value=False)
    if high is not None:
        held &= (pl.col("time") < high).fill_null(value=True)
    return requests.filter(held)
