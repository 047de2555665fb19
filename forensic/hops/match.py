"""A question ▶ the requests that it means."""

from datetime import timedelta

import polars as pl

from forensic.hops.question import Question

__all__ = ["dominant_offset", "matches", "nearest", "weightiest"]

_DAY = 86400
_SLACK = timedelta(seconds=5)
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


def matches(requests: pl.DataFrame, question: Question) -> pl.DataFrame:
    """The requests that the question means, those in its very span first.

    Where no request of a known time fits, records without any time are taken: their
    status and path are all that can be compared.
    """
    status = (
        pl.col("status") == question.status if question.status else pl.lit(value=True)
    )
    fitting = requests.filter(status.fill_null(value=False) & question.matches_path())
    if question.start is None:
        return fitting
    near = fitting.filter(question.within(pl.col("time"), _SLACK))
    inside = near.filter(question.within(pl.col("time")))
    found = inside if inside.height else near
    return found if found.height else fitting.filter(pl.col("time").is_null())


def nearest(requests: pl.DataFrame, question: Question) -> str:
    """The sentence about the closest request that fits in all but its time.

    People misremember the minute, and read clocks of other zones; empty where the
    question names no time or nothing fits within a day.
    """
    if question.start is None or (question.path is None and question.status is None):
        return ""
    middle = pl.lit(question.start)
    status = (
        pl.col("status") == question.status if question.status else pl.lit(value=True)
    )
    near = (
        requests.filter(status.fill_null(value=False) & question.matches_path())
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
    what scanners and clients cause themselves weighs least.
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
    groups = (
        requests.filter((pl.col("status") >= 400) | (pl.col("cause") == "waf_rule"))
        .with_columns(weight=weight * (0.5 + sure / 4))
        .group_by(group)
        .agg(pl.col("weight").sum().round(3))
        .sort("weight", *group, descending=[True, False, False, False], nulls_last=True)
        .head(1)
    )
    return requests.join(
        groups, on=group, how="semi", nulls_equal=True, maintain_order="left"
    )
