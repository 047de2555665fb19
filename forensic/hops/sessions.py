"""Connections that a proxy logs without their requests ▶ which of them failed, and why.

HAProxy's log of TCP has neither path nor status; how a connection ended is told. An
ALB's log of connections tells of TLS handshakes that failed, which no request follows.
"""

from datetime import timedelta
from typing import Any

import polars as pl

from forensic.counted import plural
from forensic.hops.moment import instant
from forensic.hops.products.haproxy import FAILED, UNNAMED
from forensic.hops.question import Question
from forensic.hops.when import zone_name

__all__ = ["sessions"]

#: How far from the time asked a connection may have ended, the nearest first.
_NEAR = (pl.duration(seconds=1), pl.duration(seconds=5))
#: The status that was seen ▶ how the connection behind it may have ended.
_COMES_WITH = {None: "", 502: r"^[SDU]", 503: r"^[sS][CQ]", 504: r"^s"}
#: Enough to show it.
_MOST = 3
_SHAKEN = "it did not accept the client's certificate"


def sessions(
    events: pl.LazyFrame, clocks: pl.DataFrame, question: Question, *, asked: bool
) -> dict[str, Any] | None:
    """The verdict on connections that no server answered; None where none is known.

    With a question those of its time, unless it asks for what only a request gets.
    """
    if asked and (question.start is None or question.status not in _COMES_WITH):
        return None
    found = _failed(events, clocks)
    more = ""
    if asked:
        found, more = _asked(found, clocks, question)
    if not found.height:
        return None
    most = found.group_by("cause").len().sort("len", "cause", descending=[True, False])
    cause = most["cause"][0]
    same = found.filter(pl.col("cause") == cause)
    first = same.row(0, named=True)
    servers = ", ".join(same["group"].drop_nulls().unique().sort().to_list()[:_MOST])
    count = plural(same.height, "connection")
    what = f"ended {count} to {servers or 'its servers'} that got no whole answer"
    if first["shaken"]:
        what = f"refused {count} at the TLS handshake"
    evidence = same.head(_MOST).select(
        "hop", "source", "line", "offset", "length", "time"
    )
    return {
        "answered_by": "load_balancer",
        "candidates": ["load_balancer"],
        "cause": cause,
        "rule": None,
        "confidence": "weak" if asked else "strong",
        "sentence": f"The load balancer {what}"
        f" ({cause.replace('_', ' ')}): {first['words']} ({first['reason']}). Its log"
        f" names connections, not requests.{more}",
        "evidence": [
            line | {"role": "record of a connection"} for line in evidence.to_dicts()
        ],
        "missing": [],
        "count": same.height,
        "ask_for": [],
    }


def _asked(
    found: pl.DataFrame, clocks: pl.DataFrame, question: Question
) -> tuple[pl.DataFrame, str]:
    """Those that the question may mean, and in words how they are tied to it."""
    fitting = found.filter(pl.col("reason").str.contains(_COMES_WITH[question.status]))
    near = _around(fitting, question)
    tied = " Only the moment ties them to what was seen."
    if near.height or not question.zone_written:
        return near, tied
    assumed = clocks.filter(pl.col("basis").cast(pl.String) == "assumed")["source"]
    afloat = fitting.filter(pl.col("source").is_in(assumed.implode()))
    there = question.moved(timedelta(seconds=question.offset))
    zone = f" It tells no zone: they fit if that is {zone_name(question.offset)}."
    return _around(afloat, there), zone + tied


def _around(found: pl.DataFrame, question: Question) -> pl.DataFrame:
    """The connections that were open, or ended near it, at the time asked."""
    took = pl.col("duration").fill_null(0.0)
    end = pl.col("time") + pl.duration(milliseconds=took * 1000)
    for near in _NEAR:
        open_ = (pl.col("time") - near < question.end) & (end + near > question.start)
        rows = found.filter(open_.fill_null(value=False))
        if rows.height:
            break
    return rows


def _failed(events: pl.LazyFrame, clocks: pl.DataFrame) -> pl.DataFrame:
    """The connections that failed at a server, by time, with `cause` and `words`."""
    cause = words = pl.lit(None, pl.String)
    reason, named = pl.col("reason"), pl.col("upstream").is_not_null()
    for said in reversed([UNNAMED, *FAILED]):
        fits = reason.str.contains(said.pattern) & (named | pl.lit(said is UNNAMED))
        fits &= ~named | pl.lit(said is not UNNAMED)
        cause = pl.when(fits).then(pl.lit(said.cause)).otherwise(cause)
        words = pl.when(fits).then(pl.lit(said.because)).otherwise(words)
    bare = pl.col("format").str.starts_with("haproxy") & pl.col("status").is_null()
    bare &= pl.col("path").is_null() & pl.col("bytes_sent").is_not_null()
    shaken = pl.col("format") == "aws_alb_connection"
    cause = pl.when(shaken).then(pl.lit("auth_failed")).otherwise(cause)
    words = pl.when(shaken).then(pl.lit(_SHAKEN)).otherwise(words)
    return (
        events.filter((bare | shaken) & reason.is_not_null())
        .select(
            *("source", "line", "offset", "length", "duration", "reason"),
            shaken=shaken,
            hop=pl.coalesce(pl.col("hop").cast(pl.String), pl.lit("load_balancer")),
            group=pl.coalesce(
                "upstream", pl.col("extra").str.extract(r'"backend":"([^"]+)"')
            ),
            time=instant(clocks),
            cause=cause,
            words=words,
        )
        .filter(pl.col("cause").is_not_null())
        .collect(engine="streaming")
        .sort("time", "source", "offset", nulls_last=True)
    )
