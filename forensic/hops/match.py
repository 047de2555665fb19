"""A question ▶ the requests that it means."""

from dataclasses import replace
from datetime import timedelta

import polars as pl

from forensic.hops.question import Question, zone_name

__all__ = ["NO_ZONE", "dominant_offset", "matches", "nearest", "weightiest"]

#: How every sentence about the zone of a question begins.
NO_ZONE = " The time asked was given without a zone"
_DAY = 86400
_SLACK = timedelta(seconds=5)
#: How far off a clock on the wall is read.
_NEAR = timedelta(seconds=60)
#: What stands in a WAF record for a path that its owner keeps out of the log.
_REDACTED = "REDACTED"
#: Zones differ by halves of hours (a few by quarters, which nobody leaves out).
_ZONE_STEP = 1800
_WEIGHTS = {"certain": 3, "strong": 2, "weak": 1, "none": 0}


def dominant_offset(events: pl.LazyFrame, clocks: pl.DataFrame) -> int:
    """The zone in which the archive's people read their clocks, as seconds.

    The zone of the web server's and the application's own stamps: what AWS delivers is
    in UTC everywhere and says nothing.
    """
    inner = ["web_server", "app_server", "application"]
    votes = (
        events.filter(
            pl.col("hop").cast(pl.String).is_in(inner)
            & pl.col("utc_offset").is_not_null()
        )
        .group_by("utc_offset")
        .len()
        .collect(engine="streaming")
    )
    inferred = (
        clocks.filter(pl.col("utc_offset").is_not_null() & (pl.col("stamp") == "event"))
        .group_by("utc_offset")
        .agg(len=pl.col("votes_for").fill_null(0).sum().cast(pl.UInt32))
    )
    found = votes if votes.height else inferred
    ranked = found.sort("len", "utc_offset", descending=[True, False])
    return int(ranked["utc_offset"][0]) if ranked.height else 0


def matches(
    requests: pl.DataFrame, question: Question, clocks: pl.DataFrame
) -> tuple[pl.DataFrame, str]:
    """The requests that the question means, and what about them does not quite fit.

    Each way to fit is tried where the one before found nothing: people misspell a
    path, round a minute and read clocks of other zones, and a record may lack time or
    path.
    """
    fitting = _fitting(requests, question)
    if question.start is None:
        return fitting, ""
    loose = _fitting(requests, replace(question, loose=True))
    no_path = pl.col("path").is_null() | (pl.col("path") == _REDACTED)
    unread = _fitting(requests, replace(question, path=None)).filter(no_path)
    ways = [
        (_within(fitting, question, timedelta(0)), ""),
        (_within(fitting, question, _SLACK), ""),
        (
            fitting.filter(pl.col("time").is_null()),
            " Its record has no time of its own: status and path are what fits.",
        ),
        _afloat(fitting, question, clocks),
        (
            _within(loose, question, _SLACK),
            " The path is written otherwise than asked; time and status fit.",
        ),
        (
            _within(loose, question, _NEAR),
            " It stands within a minute of the time asked, not in it.",
        ),
        _zoned(fitting, question),
        (
            _within(unread, question, _SLACK),
            " Its record names no path: time and status are what fits.",
        ),
    ]
    known = question.status is not None or question.path is not None
    tried = ways if known else ways[:2]
    return next((way for way in tried if way[0].height), (requests.clear(), ""))


def _fitting(requests: pl.DataFrame, question: Question) -> pl.DataFrame:
    """The requests of the status and the path asked for."""
    status = pl.lit(value=True)
    if question.status is not None:
        status = (pl.col("status") == question.status).fill_null(value=False)
    return requests.filter(status & question.matches_path())


def _within(rows: pl.DataFrame, question: Question, slack: timedelta) -> pl.DataFrame:
    return rows.filter(question.within(pl.col("time"), slack))


def _afloat(
    rows: pl.DataFrame, question: Question, clocks: pl.DataFrame
) -> tuple[pl.DataFrame, str]:
    """The rows that fit where their logs, whose zone nothing tells, are in that asked.

    A clock without any partner is assumed to be UTC; who asks reads the same wall
    clock as the log was written by.
    """
    if question.start is None or not question.offset or not question.zone_written:
        return rows.clear(), ""
    assumed = clocks.filter(pl.col("basis").cast(pl.String) == "assumed")["source"]
    places = pl.col("evidence").list.eval(
        pl.element().struct.field("source").is_in(assumed.implode())
    )
    shift = timedelta(seconds=question.offset)
    asked = replace(
        question,
        start=question.start + shift,
        end=(question.end or question.start) + shift,
    )
    found = _within(rows.filter(places.list.all()), asked, _SLACK)
    zone = zone_name(question.offset)
    return found, f" Its log tells no zone: it fits if that was written in {zone}."


def _zoned(rows: pl.DataFrame, question: Question) -> tuple[pl.DataFrame, str]:
    """The rows at the wall-clock time asked, where just one zone makes them fit."""
    if question.zone_written or question.start is None:
        return rows.clear(), ""
    since = (pl.col("time") - pl.lit(question.start)).dt.total_seconds()
    zone = (since / _ZONE_STEP).floor()
    shifted = rows.filter(since.abs() <= _DAY // 2 + 2 * 3600).with_columns(zone=zone)
    span = (question.end or question.start) - question.start
    fit = shifted.filter(since - pl.col("zone") * _ZONE_STEP < span.total_seconds())
    if fit["zone"].n_unique() != 1:
        return rows.clear(), ""
    fitting = zone_name(question.offset - int(fit["zone"][0] * _ZONE_STEP))
    return fit.drop("zone"), f"{NO_ZONE} and fits as {fitting}, in no other zone."


def nearest(requests: pl.DataFrame, question: Question) -> str:
    """The sentence about the closest request that fits in all but its time.

    People misremember the minute, and read clocks of other zones; empty where the
    question names no time or nothing fits within a day.
    """
    if question.start is None or (question.path is None and question.status is None):
        return ""
    middle = pl.lit(question.start)
    near = (
        _fitting(requests, question)
        .filter(pl.col("time").is_not_null())
        .with_columns(away=(pl.col("time") - middle).dt.total_seconds().abs())
        .filter(pl.col("away") < _DAY)
        .sort("away", "time")
    )
    if not near.height:
        return ""
    row = near.row(0, named=True)
    return (
        f" The nearest response of that kind is of {row['time']:%Y-%m-%d %H:%M:%S} UTC,"
        f" {row['away'] / 60:.0f} minutes away: {row['explanation']}"
    )


def weightiest(requests: pl.DataFrame) -> pl.DataFrame:
    """The requests of the archive's most weighty error: one status, hop and cause.

    Server errors weigh more than refusals, many more than few, sure more than unsure;
    what scanners and clients cause themselves weighs least, in whatever number.
    """
    if not requests.height:
        return requests
    group = ["answered_by", "cause", "status"]
    minor = ["client_closed", "bad_request", "file_not_found"]
    weight = (
        pl.when(pl.col("status") >= 500)
        .then(20.0)
        .when(pl.col("cause").is_in(minor))
        .then(0.5)
        .when(pl.col("cause") == "waf_rule")
        .then(4.0)
        .otherwise(2.0)
    )
    sure = (
        pl.col("confidence")
        .cast(pl.String)
        .replace_strict(_WEIGHTS, return_dtype=pl.Int64)
    )
    failed = (pl.col("status") >= 400) | (pl.col("status") == 0)
    groups = (
        requests.filter(failed | (pl.col("cause") == "waf_rule"))
        .with_columns(weight=weight * (0.5 + sure / 4))
        .group_by(group)
        .agg((pl.col("weight").mean() * (pl.len() + 1).log()).round(3))
        .sort("weight", *group, descending=[True, False, False, False], nulls_last=True)
        .head(1)
    )
    return requests.join(
        groups, on=group, how="semi", nulls_equal=True, maintain_order="left"
    )
