"""A question ▶ the moment that it means: in which zone, and on which day."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from forensic.census import INNER, span_of, zones_of
from forensic.hops.question import Question
from forensic.hops.when import zone_name

__all__ = ["NO_ZONE", "dominant_offset", "meant"]

#: How every sentence about the zone of a question begins.
NO_ZONE = " The time asked was given without a zone"
#: Stamps so near to a wall clock's time tell its zone: clocks change twice a year.
_AROUND = [timedelta(minutes=30), timedelta(days=2)]
_DAY = timedelta(days=1)
#: So near to a time a clock that went back did so.
_NIGHT = timedelta(hours=2)
_SLACK = timedelta(seconds=60)
#: Days that are looked through for the one that was meant.
_DAYS = 2000
#: So many of the others with such a response are compared with it.
_TOLD = 30


def _zones_near(
    events: pl.LazyFrame, wall: datetime, reach: timedelta, zones: Sequence[int]
) -> list[int]:
    """Those of the offsets that the servers' stamps write near a wall clock's time."""
    own = pl.col("hop").is_in(INNER) & pl.col("utc_offset").is_in(zones)
    near = pl.col("local_time").is_between(wall - reach, wall + reach)
    votes = events.filter(own & near).group_by("utc_offset").len()
    ranked = votes.collect(engine="streaming").sort(
        "len", "utc_offset", descending=[True, False]
    )
    return [int(offset) for offset in ranked["utc_offset"]]


def dominant_offset(
    events: pl.LazyFrame,
    counts: pl.DataFrame,
    clocks: pl.DataFrame,
    wall: datetime | None = None,
) -> int:
    """The zone in which the archive's people read their clocks, as seconds.

    The zone of the web server's and the application's own stamps, those near a wall
    clock's time first: what AWS delivers is in UTC everywhere and says nothing.
    """
    zones = zones_of(counts)
    if wall is not None and len(zones) > 1:
        near = (_zones_near(events, wall, reach, zones) for reach in _AROUND)
        zones = next((found for found in near if found), zones)
    if zones:
        return zones[0]
    inferred = (
        clocks.filter(pl.col("utc_offset").is_not_null() & (pl.col("stamp") == "event"))
        .group_by("utc_offset")
        .agg(len=pl.col("votes_for").fill_null(0).sum())
    )
    ranked = inferred.sort("len", "utc_offset", descending=[True, False])
    return int(ranked["utc_offset"][0]) if ranked.height else 0


def _twice(
    events: pl.LazyFrame, counts: pl.DataFrame, wall: datetime | None, offset: int
) -> tuple[int, timedelta]:
    """The offset of the first hour, and how much later clocks showed it again.

    That is where a log's clock went back: it wrote one offset up to after that time,
    and then a smaller one from before it. Of any other time, the offset given, and
    nothing.
    """
    none = offset, timedelta(0)
    if wall is None or len(zones_of(counts)) < 2:
        return none
    near = pl.col("local_time").is_between(wall - _NIGHT, wall + _NIGHT)
    written = pl.col("utc_offset")
    local, time = pl.col("local_time"), pl.col("time")
    before, behind = written == written.max(), written == written.min()
    logs = (
        events.filter(pl.col("hop").is_in(INNER) & written.is_not_null() & near)
        .group_by("source")
        .agg(
            first=written.max(),
            last=written.min(),
            shown=local.filter(before).max() + _SLACK >= wall,
            again=local.filter(behind).min() - _SLACK <= wall,
            back=time.filter(behind).min() >= time.filter(before).max(),
        )
        .filter(pl.col("shown") & pl.col("again") & pl.col("back"))
        # Summer time is an hour, and half of one on an island.
        .filter((pl.col("first") - pl.col("last")).is_in([3600, 1800]))
        .collect(engine="streaming")
        .sort("source")
    )
    own = logs.filter((pl.col("first") == offset) | (pl.col("last") == offset))
    if not own.height:
        return none
    first, last = own.select("first", "last").row(0)
    return int(first), timedelta(seconds=first - last)


def meant(
    asked: Question,
    events: pl.LazyFrame,
    counts: pl.DataFrame,
    clocks: pl.DataFrame,
    fitting: pl.DataFrame,
) -> tuple[Question, list[str]]:
    """The question at a moment, and the sentences that say what was assumed for it.

    `fitting` are the requests of the status and the path asked for.
    """
    if asked.start is None:
        return asked, []
    notes = [f" {asked.note}"] if asked.note else []
    if not asked.zone_written:
        wall = None if asked.lacks else asked.start.replace(tzinfo=None)
        offset = dominant_offset(events, counts, clocks, wall)
        first, again = _twice(events, counts, wall, offset)
        asked = replace(asked.placed(first), again=again)
        other = zone_name(first - round(again.total_seconds()))
        more = f", the first time that clocks showed it; the second is {other}"
        read = f"{zone_name(first)}{more if again else ''}"
        notes.append(f"{NO_ZONE} and is read as {read}.")
    if asked.lacks:
        asked, note = _dated(asked, counts, fitting)
        notes.append(note)
    return asked, notes


def _dated(
    asked: Question, counts: pl.DataFrame, fitting: pl.DataFrame
) -> tuple[Question, str]:
    """The question on the day of the logs on which such a response stands, or last."""
    span = span_of(counts.filter(pl.col("hop").is_not_null()))
    if asked.start is None or asked.end is None:
        return asked, ""
    days = _starts(asked, asked.start, *span) if span else []
    there = [asked.on(day) for day in days]
    starts = [question.start for question in there if question.start is not None]
    if span is None or not starts:
        none = replace(asked, start=None, end=None)
        return none, f" The time asked has no {asked.lacks}, and no log tells one."
    size = asked.end - asked.start
    times = np.sort(fitting["time"].drop_nulls().dt.timestamp("us").to_numpy())
    first = np.array([_micros(start) for start in starts])
    slack = _micros_of(_SLACK)
    found = np.searchsorted(times, first + _micros_of(size) + slack)
    hits = np.flatnonzero(found > np.searchsorted(times, first - slack))
    chosen = there[hits[-1] if len(hits) else -1]
    start = chosen.start or asked.start
    unit = "year" if asked.lacks == "year" else "day"
    shift = timedelta(seconds=chosen.offset)
    first_day, day, last_day = (
        f"{m + shift:%Y-%m-%d}" for m in (span[0], start, span[1])
    )
    place = "last" if first_day <= day <= last_day else "nearest"
    why = {
        0: f"the {place} {unit} of the logs",
        1: f"no other {unit} of the logs has such a response then",
    }.get(len(hits), f"the last of {len(hits)} with such a response then")
    note = f" The time asked has no {asked.lacks} and is read as {day}: {why}."
    others = [there[hit].start for hit in hits[:-1][-_TOLD:]]
    rest = tuple(moment for moment in others if moment is not None)
    return replace(chosen, days=rest), note


def _starts(
    asked: Question, start: datetime, low: datetime, high: datetime
) -> list[datetime]:
    """Every moment of the logs that the question can mean."""
    if asked.lacks == "year":
        years = (_in_year(start, year) for year in range(low.year, high.year + 1))
        found = [moment for moment in years if moment is not None]
        return [m for m in found if low - _DAY <= m <= high] or found
    days = min((high - low) // _DAY + 2, _DAYS)
    last = start + (high - start) // _DAY * _DAY
    moments = [last - number * _DAY for number in range(days, -1, -1)]
    within = [moment for moment in moments if moment >= low - _SLACK]
    # Logs of less than a day need not reach that time: then the nearest day is meant.
    return within or [min(last, last + _DAY, key=lambda m: _off(m, low, high))]


def _off(moment: datetime, low: datetime, high: datetime) -> timedelta:
    """How far a moment lies outside of a span."""
    return max(low - moment, moment - high, timedelta(0))


def _in_year(moment: datetime, year: int) -> datetime | None:
    """The moment in that year; None for a 29 February that it does not have."""
    try:
        return moment.replace(year=year)
    except ValueError:
        return None


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def _micros_of(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
