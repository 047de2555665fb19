"""Events and errors of each hop counted in steps of time, for charts of any archive."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from forensic.case import Case
from forensic.census import MINUTE, moment, of_case
from forensic.reports import digest
from forensic.schema import HOPS

__all__ = ["Cover", "Lane", "Window", "around", "cover", "lanes", "whole"]

#: Most steps of a chart, and the steps that people read easily, in seconds.
_MOST = 100
_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600]
_STEPS += [hours * 3600 for hours in (2, 3, 6, 12, 24, 48, 7 * 24, 14 * 24, 28 * 24)]
_BESIDE = 15 * 60
#: A stamp this many times further out than the bulk would hide all the rest.
_STRAY = 4
_SECOND = 1_000_000
#: The share of events at either end that may be strays.
_TAIL = 0.005
_MOST_COVERS = 24
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = (
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
)
_MINUTES = pl.col("minute") * MINUTE
_EACH = pl.len()


def _later(when: datetime, seconds: int) -> datetime:
    """The moment so much later or earlier, or the calendar's end on that side."""
    try:
        return when + timedelta(seconds=seconds)
    except OverflowError:
        return _FIRST if seconds < 0 else _LAST


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A span of time in `count` steps of `step` seconds from `start` on."""

    start: datetime
    step: int
    count: int
    #: Events with a time outside of it.
    outside: int = 0

    @property
    def end(self) -> datetime:
        """The first moment after the last step."""
        return self.begin(self.count)

    def place(self, when: datetime) -> float:
        """Where a moment stands: 0 at the start, 1 at the end, cut off at both."""
        share = (when - self.start) / (self.end - self.start)
        return min(max(share, 0.0), 1.0)

    def begin(self, number: int) -> datetime:
        """When a step begins."""
        return _later(self.start, self.step * number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One hop: events, and error responses that it made, a step each."""

    hop: str
    events: list[int]
    errors: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """One format of one hop: in which steps it has events, and its gaps."""

    hop: str
    format: str
    events: list[int]
    gaps: list[digest.Row]


def _window(low: datetime, high: datetime, outside: int = 0) -> Window:
    seconds = max((high - low).total_seconds(), 1.0)
    step = next((s for s in _STEPS if s * _MOST >= seconds), int(seconds / _MOST) + 1)
    since = int((low - _EPOCH).total_seconds())
    start = _later(low.replace(microsecond=0), -(since % step))
    count = int((high - start).total_seconds() // step) + 1
    return Window(start=start, step=step, count=count, outside=outside)


def whole(case: Case) -> Window | None:
    """The span of the archive without stray stamps; None where no event has a time."""
    hours = (
        of_case(case)
        .drop_nulls("minute")
        .group_by((pl.col("minute") // 60).alias("hour"))
        .agg(
            pl.col("events").sum().alias("count"),
            pl.col("first").min().alias("low"),
            pl.col("last").max().alias("high"),
        )
        .sort("hour")
    )
    if hours.is_empty():
        return None
    bulk = _bulk(hours)
    kept = hours.filter(pl.col("hour").is_between(*bulk))
    outside = int(hours["count"].sum()) - int(kept["count"].sum())
    low, high = int(kept["low"].min()), int(kept["high"].max())  # type: ignore[arg-type]
    return _window(_moment(low), _moment(high), outside)


def _bulk(hours: pl.DataFrame) -> tuple[int, int]:
    """The first and last hour to show: all, or where nearly all events are."""
    first, last = int(hours["hour"][0]), int(hours["hour"][-1])
    running = hours["count"].cum_sum() / hours["count"].sum()
    inner = hours.filter(
        (running >= _TAIL) & (running.shift(1, fill_value=0) <= 1 - _TAIL)
    )
    early, late = int(inner["hour"][0]), int(inner["hour"][-1])
    size = late - early + 1
    if last - first <= _STRAY * size:
        return first, last
    return max(first, early - size), min(last, late + size)


def around(when: datetime) -> Window:
    """A quarter of an hour before and after a moment."""
    return _window(_later(when, -_BESIDE), _later(when, _BESIDE))


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _steps(window: Window) -> pl.Expr:
    """The number of the step that a row's time falls into."""
    seconds = pl.col("time").dt.epoch("us") // _SECOND
    start = int((window.start - _EPOCH).total_seconds())
    return ((seconds - start) // window.step).alias("step")


def _counts(
    frame: pl.LazyFrame,
    keys: list[str],
    window: Window,
    number: pl.Expr = _EACH,
) -> list[digest.Row]:
    """Rows of keys, step and count, for times in the window."""
    inside = pl.col("time").is_between(window.start, window.end, closed="left")
    counted = frame.filter(inside).group_by(*keys, _steps(window))
    return digest.rows(counted.agg(number.alias("count")).sort(*keys, "step"))


def _events(case: Case, window: Window) -> list[digest.Row]:
    """Counts of events by hop, format and step; two charts show those of one window."""
    keys = ["hop", "format"]
    if window.step % 60 == 0:  # its steps begin with a minute
        minutes = of_case(case).lazy().with_columns(time=moment(_MINUTES))
        return _counts(minutes, keys, window, pl.col("events").sum())
    return list(
        case.known(f"events in {window}", lambda: _counts(case.events(), keys, window))
    )


def lanes(case: Case, window: Window) -> list[Lane]:
    """A lane for each hop that has an event or made an error in the window."""
    events = _spread(_events(case, window), ["hop"], window)
    answers = case.table("requests").filter(pl.col("status") >= 400)
    counts = _counts(answers.rename({"answered_by": "hop"}), ["hop"], window)
    errors = _spread(counts, ["hop"], window)
    none = [0] * window.count
    return [
        Lane(hop=hop, events=events.get((hop,), none), errors=errors.get((hop,), none))
        for hop in [*HOPS, "unknown"]
        if (hop,) in events or (hop,) in errors
    ]


def _spread(
    counts: list[digest.Row], keys: list[str], window: Window
) -> dict[tuple[Any, ...], list[int]]:
    """Counts by these keys, one number a step."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for row in counts:
        key = tuple(row[name] for name in keys)
        found.setdefault(key, [0] * window.count)[row["step"]] += row["count"]
    return found


def cover(case: Case, window: Window) -> list[Cover]:
    """What each format of each hop covers; hops without any log come as gaps alone."""
    spread = _spread(_events(case, window), ["hop", "format"], window)
    writes = of_case(case).select("source", "hop", "format").unique()
    pairs = {
        (source, hop): name for source, hop, name in sorted(writes.rows(), key=str)
    }
    gaps: dict[tuple[str, str], list[digest.Row]] = {}
    for gap in digest.gaps(case):
        hop = gap["hop"] or "unknown"
        own = sorted(f for h, f in spread if h == hop and f)
        name = pairs.get((gap["source"], hop)) or (own[0] if own else "")
        gaps.setdefault((hop, name), []).append(gap)
    keys = {(hop or "unknown", name or "") for hop, name in spread} | gaps.keys()
    order = [*HOPS, "unknown"]
    ranked = sorted(keys, key=lambda k: (order.index(k[0]) if k[0] in order else 99, k))
    none = [0] * window.count
    return [
        Cover(
            hop=hop,
            format=name,
            events=spread.get((hop, name), none),
            gaps=gaps.get((hop, name), []),
        )
        for hop, name in ranked[:_MOST_COVERS]
    ]
