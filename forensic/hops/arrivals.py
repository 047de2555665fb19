"""Lines by which an application says that a request came in, and not what it answered.

`request GET /p from 192.0.2.1`, `Started GET "/p"`: each shows that a request reached
it. Where it writes one of every request, one that it has not was answered before.
"""

from typing import NamedTuple

import polars as pl

from forensic.hops.attach import arrivals
from forensic.hops.facts import Facts
from forensic.hops.joined import joined
from forensic.hops.machine import machine
from forensic.hops.moment import corrected

__all__ = ["ARRIVED", "Habit", "collect", "habit", "tied"]

_APPS = ["app_server", "application"]
#: A log that has an answer for so many of its events has them all.
_ANSWERS = 0.3
#: So many such lines, of so many of the web server's answers, are a habit.
_ENOUGH, _SHARE = 10, 0.5
_QUIET = ["trace", "debug", "info", "notice"]
_PLACE = ["hop", "source", "line", "offset"]
#: Whether the application's log has the request.
ARRIVED = pl.col("arrival").is_not_null()


class Habit(NamedTuple):
    """The logs with such lines, whether they are of all requests, and where."""

    logs: pl.Series = pl.Series(dtype=pl.String)
    all: bool = False
    machines: frozenset[str] = frozenset()


def _lines(events: pl.LazyFrame) -> pl.LazyFrame:
    quiet = pl.col("level").is_null() | pl.col("level").is_in(_QUIET)
    named = pl.col("method").is_not_null() & pl.col("path").is_not_null()
    own = pl.col("hop").is_in(_APPS) & pl.col("status").is_null()
    return events.filter(own & named & quiet)


def habit(events: pl.LazyFrame, known: Facts) -> Habit:
    """What the archive's applications do."""
    own = known.profile.filter(pl.col("hop").is_in(_APPS))
    answers, lines = (pl.col(c).sum().over("family") for c in ("answers", "events"))
    silent = own.filter(answers < _ANSWERS * lines)["source"].unique().sort()
    if silent.is_empty():
        return Habit()
    logs = (
        _lines(events)
        .filter(pl.col("source").is_in(silent.implode()))
        .group_by("source", machine=machine(pl.col("source")))
        .len()
        .collect(engine="streaming")
        .sort("source")
    )
    count = int(logs["len"].sum())
    web = known.profile.filter(pl.col("hop") == "web_server")
    every = count >= max(_ENOUGH, _SHARE * int(web["answers"].sum()))
    return Habit(logs["source"], every, frozenset(logs["machine"]))


def collect(
    events: pl.LazyFrame, clocks: pl.DataFrame, responses: pl.DataFrame, own: Habit
) -> pl.DataFrame:
    """Such lines about the paths of errors: where they stand, and what they name.

    `time` is in µs since 1970 on the corrected clock; `note` numbers them.
    """
    paths = responses.filter("error")["path"].drop_nulls().unique()
    moment, _ = corrected(clocks)
    if own.logs.is_empty():
        events = events.clear()
    return (
        _lines(events)
        .filter(pl.col("source").is_in(own.logs.implode()))
        .filter(pl.col("path").is_in(paths.implode()) & pl.col("time").is_not_null())
        .select(*_PLACE, "method", "path", time=moment)
        .collect(engine="streaming")
        .sort("source", "offset")
        .with_row_index("note")
        .with_columns(pl.col("note").cast(pl.Int64))
    )


def tied(
    requests: pl.DataFrame, lines: pl.DataFrame, machines: frozenset[str]
) -> pl.DataFrame:
    """The requests with `arrival` and its place, where an application has such a line.

    Where the request's own machine has such lines, it is one of these.
    """
    web = pl.coalesce("inner_web_source", "web_server_source")
    failed = requests.filter(
        (pl.col("status") >= 400) & pl.col("time").is_not_null()
    ).with_columns(
        request="root",
        machine=machine(web),
        heard=pl.col("application_row").is_not_null()
        | pl.col("app_server_row").is_not_null(),
    )
    placed = lines.with_columns(machine=machine(pl.col("source")))
    # The line of a request that has its record there is no other request's.
    heard, unheard = failed.filter("heard"), failed.filter(~pl.col("heard"))
    pairs = arrivals(heard, unheard, placed, machines)
    pairs = pairs.filter(pl.col("request").is_in(unheard["request"].implode()))
    pairs = pairs.rename({"request": "root", "note": "arrival"})
    places = lines.select(arrival="note", **{f"arrival_{c}": c for c in _PLACE})
    places = places.join(pairs, on="arrival", how="semi", maintain_order="left")
    return joined(joined(requests, pairs, "root"), places, "arrival")
