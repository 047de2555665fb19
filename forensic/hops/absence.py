"""A hop and a window ▶ whether its silence proves that a request never came there.

Silence counts only where the log demonstrably covers the moment: it has lines before
and after, at a rate at which a window without any would be improbable; and only for
logs that write every request down.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from forensic.hops.moment import instant
from forensic.hops.question import Question

__all__ = ["NO_SUCH", "Silence", "outside_gaps", "silences", "whole"]

#: What a line shows of a hop that was logging while it has no such request.
NO_SUCH = "was logging and has no such request"
_REACH = timedelta(hours=2)
#: A busy log needs no more than this to show its rate.
_AROUND = timedelta(minutes=31)
_MANY = 500_000
_SLACK = timedelta(seconds=5)
#: A window this improbable to be silent is covered although it is.
_IMPROBABLE = 0.02
_PLACE = ["source", "line", "offset", "length", "time"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """What one hop's logs show about a window."""

    hop: str
    #: Its logs have lines of the window, or such a rate that they would have.
    covered: bool
    #: Responses logged within the window.
    inside: int
    #: Responses a minute around it.
    rate: float
    #: Lines of the window on the path asked for, with their status, whatever it is;
    #: where no path is asked, of that status.
    seen: list[dict[str, Any]] = field(default_factory=list)
    #: The statuses of those.
    statuses: list[int] = field(default_factory=list)
    #: The last line before the window, one within, the first after it.
    proof: list[dict[str, Any]] = field(default_factory=list)
    #: Whether every client address of the window is private.
    private: bool = False
    #: Whether some are public; of a window without any, those near it.
    public: bool = False
    #: Why its silence proves nothing, a sentence; its lines are in `proof` then.
    why: str = ""
    #: What to ask for in its stead.
    ask_for: list[str] = field(default_factory=list)
    #: Whether what says so speaks for an answer of its own.
    likely: bool = False
    #: The window in words.
    when: str = "in that time"


def _places(
    frame: pl.DataFrame, hop: str, also: Sequence[str] = ()
) -> list[dict[str, Any]]:
    return [{"hop": hop, **row} for row in frame.select(*_PLACE, *also).to_dicts()]


def _one(hop: str, rows: pl.DataFrame, question: Question) -> Silence:
    start, end = question.start, question.end
    assert start is not None  # noqa: S101 - `silences` asks for a span
    assert end is not None  # noqa: S101
    rows = rows.sort("time", "source", "offset")
    before = rows.filter(pl.col("time") < start).tail(1)
    after = rows.filter(pl.col("time") >= end).head(1)
    inside = rows.filter(question.within(pl.col("time")))
    near = rows.filter(question.within(pl.col("time"), timedelta(minutes=30)))
    span = _minutes(near)
    rate = near.height / span if span else 0.0
    expected = rate * (end - start).total_seconds() / 60
    framed = bool(before.height and after.height)
    improbable = math.exp(-expected) < _IMPROBABLE
    seen = rows.filter(question.within(pl.col("time"), _SLACK) & pl.col("fits"))
    scopes = _scopes(inside)
    return Silence(
        hop=hop,
        covered=framed and (inside.height > 0 or improbable or seen.height > 0),
        inside=inside.height,
        rate=rate,
        seen=_places(seen.head(5), hop, ["status"]),
        statuses=seen["status"].drop_nulls().unique().sort().to_list(),
        proof=_places(pl.concat([before, inside.head(1), after]), hop),
        private=bool(scopes) and scopes <= {"private", "shared"},
        public="public" in (scopes or _scopes(near)),
    )


def _scopes(rows: pl.DataFrame) -> set[str]:
    """Of which kinds the client addresses are."""
    return set(rows["client_scope"].cast(pl.String).drop_nulls().to_list())


def _minutes(rows: pl.DataFrame) -> float:
    """The minutes that the rows span."""
    if rows.height < 2:
        return 0.0
    low, high = rows["time"].min(), rows["time"].max()
    if not isinstance(low, datetime) or not isinstance(high, datetime):
        return 0.0
    return max((high - low).total_seconds() / 60, 1.0)


def _fits(question: Question) -> pl.Expr:
    """Whether a line is on the path asked for; where none is asked, its status is."""
    if question.path is not None:
        return question.matches_path()
    status = pl.col("status")
    asked = status >= 400 if question.status is None else status == question.status
    return asked.fill_null(value=False)


def _logged(
    events: pl.LazyFrame, clocks: pl.DataFrame, question: Question
) -> pl.LazyFrame:
    """The responses, and what application logs say."""
    moment = instant(clocks)
    hop = pl.col("hop")
    return (
        events.with_columns(time=moment)
        .filter(
            (hop != "host")
            & (
                pl.col("status").is_not_null()
                | pl.col("action").is_not_null()
                | hop.is_in(["app_server", "application"])
            )
        )
        .select(
            *_PLACE,
            "client_scope",
            "status",
            hop=hop.cast(pl.String),
            fits=_fits(question),
        )
    )


def _answers(
    events: pl.LazyFrame, clocks: pl.DataFrame, question: Question, reach: timedelta
) -> pl.LazyFrame:
    """What was logged around the question's span."""
    assert question.start is not None  # noqa: S101 - `silences` asks for a span
    assert question.end is not None  # noqa: S101
    low, high = question.start - reach, question.end + reach
    time = pl.col("time")
    return _logged(events, clocks, question).filter((time >= low) & (time < high))


def silences(
    events: pl.LazyFrame, clocks: pl.DataFrame, question: Question
) -> dict[str, Silence]:
    """Hop ▶ what its logs show about the window of the question.

    Only hops that log each response can prove anything by silence; application logs
    count with any event, because few write every request down.
    """
    if question.start is None or question.end is None:
        return {}
    far = _answers(events, clocks, question, _REACH)
    size = int(far.select(pl.len()).collect(engine="streaming").item())
    near = _answers(events, clocks, question, _AROUND) if size > _MANY else far
    rows = near.collect(engine="streaming")
    return {
        hop: _one(hop, rows.filter(pl.col("hop") == hop), question)
        for hop in sorted(rows["hop"].unique().to_list())
    }


def outside_gaps(
    quiet: Mapping[str, Silence], gaps: pl.DataFrame, question: Question
) -> dict[str, Silence]:
    """The silences; one in a gap of that hop's logs proves nothing.

    At its own rate a log would have spoken then: what is missing is the log.
    """
    if question.start is None:
        return dict(quiet)
    within = (pl.col("start") < question.end) & (pl.col("end") > question.start)
    holes = gaps.filter((pl.col("kind") != "absent") & within.fill_null(value=False))
    holed = set(holes["hop"].cast(pl.String).to_list())
    return {
        hop: replace(one, covered=one.covered and bool(one.inside or one.seen))
        if hop in holed
        else one
        for hop, one in quiet.items()
    }


def whole(
    events: pl.LazyFrame, clocks: pl.DataFrame, question: Question
) -> dict[str, Silence]:
    """Hop ▶ what its logs show from their first line to their last.

    For questions without a time: whatever was seen, it was not while these logs were
    written where they do not hold it.
    """
    rows = _logged(events, clocks, question).filter(pl.col("time").is_not_null())
    place = pl.struct(_PLACE)
    order = ["time", "source", "offset"]
    found = (
        rows.group_by("hop")
        .agg(
            count=pl.len(),
            ends=pl.concat_list(
                place.bottom_k_by(order, 1).first(), place.top_k_by(order, 1).first()
            ),
            seen=pl.struct(*_PLACE, "status")
            .filter(pl.col("fits"))
            .bottom_k_by([pl.col(name).filter(pl.col("fits")) for name in order], 5),
            scopes=pl.col("client_scope").cast(pl.String).drop_nulls().unique(),
        )
        .sort("hop")
        .collect(engine="streaming")
    )
    return {row["hop"]: _throughout(row, question) for row in found.to_dicts()}


def _throughout(row: dict[str, Any], question: Question) -> Silence:
    """What a hop's logs show over all of their time."""
    first, last = (end["time"] for end in row["ends"])
    minutes = max((last - first).total_seconds() / 60, 1.0)
    scopes = set(row["scopes"])
    hop = row["hop"]
    seen = [{"hop": hop, **place} for place in row["seen"] if question.path]
    return Silence(
        hop=hop,
        covered=True,
        inside=row["count"],
        rate=row["count"] / minutes,
        seen=seen,
        statuses=sorted({line["status"] for line in seen} - {None}),
        proof=[{"hop": hop, **place} for place in row["ends"]],
        private=bool(scopes) and scopes <= {"private", "shared"},
        public="public" in scopes,
        when=f"from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC",
    )
