"""Application lines of two kinds, `Request: …` and `Response: 200` ▶ one response.

Some applications write the path when a request comes in and the status when it goes
out. A worker that serves one request at a time answers the last one it took. API
Gateway writes a line for every step, and the request's id on each of them. An answer
without a stamp, as Rails writes it, has the request's, and as long as it took.
"""

import polars as pl

from forensic.answers import APPS, STEPWISE

__all__ = ["answered"]

#: Where requests have an id, threads of one process do not mix them up.
_SPOKEN = ["source", "hostname", "pid", "request_id"]
_TOLD = ["method", "host", "path", "query", "client_ip"]
_WHEN = ["time", "local_time"]
_MICRO = 1_000_000
#: What else the steps tell before the last of them.
_STEPS = ["upstream_status", "upstream_duration", "reason", "user_agent", "trace_id"]
_STEPS += ["forwarded_for"]
#: A line that only says that a request came in.
_ASKS = r"^(?i:request|started|incoming)|^[A-Z]{3,7} /[^ ]*$"


def _half() -> pl.Expr:
    """Whether a line tells half of a request: that it came in, or how it ended."""
    asked = pl.col("message").str.contains(_ASKS)
    half = pl.col("status").is_null() != pl.col("path").is_null()
    return STEPWISE | (APPS & half & (pl.col("status").is_not_null() | asked))


def _failure() -> pl.Expr:
    """Whether a line about an error names the request, its answer, and its id."""
    named = pl.col("path").is_not_null() & pl.col("request_id").is_not_null()
    return APPS & named & (pl.col("status") >= 400) & ~STEPWISE


def answered(events: pl.LazyFrame) -> pl.LazyFrame:
    """The events, with the request given to responses that name none.

    Lines of one process stand in the order in which it wrote them. A request is
    given away once: a second response without a request stays without.
    """
    halves = (
        events.filter(_half() | _failure())
        .select(
            *(*_SPOKEN, "offset", "status", *_TOLD, *_WHEN, *_STEPS),
            stepwise=STEPWISE,
        )
        .collect(engine="streaming")
        .sort(*_SPOKEN, "offset", nulls_last=True)
    )
    steps = halves.filter("stepwise")
    spoken = halves.filter(~pl.col("stepwise"))
    again = _again(spoken)
    told = _told(spoken)
    told = (
        told if steps.is_empty() else pl.concat([told, _walked(steps)], how="diagonal")
    )
    names = [name for name in (*_TOLD, *_STEPS) if f"told_{name}" in told.columns]
    place = ["source", "offset"]
    joined = events.join(told.lazy(), on=place, how="left")
    filled = [pl.coalesce(name, f"told_{name}").alias(name) for name in names]
    took = pl.duration(microseconds=pl.col("duration").fill_null(0.0) * _MICRO)
    undated = pl.col("time").is_null() & pl.col("told_time").is_not_null()
    ended = [
        pl.when(undated).then(pl.col(f"told_{name}") + took).otherwise(name).alias(name)
        for name in _WHEN
    ]
    told_too = [f"told_{name}" for name in (*names, *_WHEN)]
    known = joined.with_columns(*filled, *ended).drop(told_too)
    return known if again.is_empty() else known.join(again.lazy(), on=place, how="anti")


def _again(halves: pl.DataFrame) -> pl.DataFrame:
    """The responses that say only what the line before said of the same request.

    Fastify writes what was thrown with request and status, then that it is completed.
    """
    before = {c: pl.col(c).shift(1).over(_SPOKEN) for c in ("status", "path")}
    same = pl.col("request_id").is_not_null() & pl.col("path").is_null()
    same &= (pl.col("status") == before["status"]) & before["path"].is_not_null()
    return halves.filter(same).select("source", "offset")


def _told(halves: pl.DataFrame) -> pl.DataFrame:
    """The request that stands right before each response of the same speaker."""
    own = [pl.col(name) for name in (*_TOLD, *_WHEN)]
    return (
        halves.with_columns(
            *(
                column.shift(1).over(_SPOKEN).alias(f"told_{column.meta.output_name()}")
                for column in own
            ),
            before=pl.col("status").shift(1).over(_SPOKEN),
        )
        .filter(
            pl.col("status").is_not_null()
            & pl.col("before").is_null()
            & pl.col("told_path").is_not_null()
        )
        .select("source", "offset", *(f"told_{name}" for name in (*_TOLD, *_WHEN)))
    )


def _walked(steps: pl.DataFrame) -> pl.DataFrame:
    """What the steps before each last one told of the same request."""
    names = [*_TOLD, *_STEPS]
    return (
        steps.filter(pl.col("request_id").is_not_null())
        .with_columns(
            pl.col(name)
            .forward_fill()
            .over("source", "request_id")
            .alias(f"told_{name}")
            for name in names
        )
        .filter(pl.col("status").is_not_null())
        .select("source", "offset", *(f"told_{name}" for name in names))
    )
