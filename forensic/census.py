"""Events ▶ how many of what kind each log has, minute by minute.

Much of what is said of an archive as a whole is a sum of these numbers: which hops
and formats it has, what their logs write down, when they were silent. One look at
all events is for all of that; `parse` takes it of each part while it is in memory.
"""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from forensic.answers import enveloped, hop_name, orphan, recorded
from forensic.case import Case
from forensic.schema import EVENT

__all__ = [
    "EXPECTED",
    "INNER",
    "LOOKED_AT",
    "MINUTE",
    "census",
    "formats_of",
    "merged",
    "moment",
    "of_case",
    "span_of",
    "zones_of",
]

#: So many events must a log's own rate give in a silence before it is a hole.
EXPECTED = 15.0
#: Microseconds.
MINUTE = 60_000_000
#: Hops whose stamps are read by the people of the archive.
INNER = ["web_server", "app_server", "application"]
_HEALTH = "ELB-HealthChecker"
_KEYS = ["source", "hop", "format", "utc_offset", "minute"]
#: The columns of events that the census looks at.
LOOKED_AT = (
    "source hop format utc_offset time level logger process message path status action "
    "client_scope upstream upstream_status upstream_duration user_agent"
).split()


def census(events: pl.LazyFrame) -> pl.DataFrame:
    """One row a `source`, `hop`, `format`, `utc_offset` and `minute` since 1970.

    `first` and `last` are µs since 1970; the rest counts events, see below.
    """
    when = pl.col("time").dt.epoch("us")
    status, action, scope = pl.col("status"), pl.col("action"), pl.col("client_scope")
    passed = pl.col("upstream_status").is_not_null()
    named = pl.col("upstream").is_not_null()
    # Who waited for an upstream, has asked one.
    waited = pl.col("upstream_duration").is_not_null()
    # Apache's proxy complains of a script without naming its server.
    proxy = pl.col("logger").str.starts_with("proxy_").fill_null(value=False)
    kinds = {
        "statuses": status.is_not_null(),
        "actions": action.is_not_null(),
        "responses": status.is_not_null() | action.is_not_null(),
        # An error line about a refusal names a status, and is no answer's record.
        "answers": status.is_not_null() & recorded(),
        # Lines of an error log, which may share the file, tell it of few requests.
        "sent_on": status.is_not_null() & recorded() & (passed | named | waited),
        "errors": status >= 400,
        "enveloped": enveloped(),
        "complaints": pl.col("level").is_not_null() & status.is_null(),
        # An access log has nothing to say of what failed, nor has a request that came.
        "words": pl.col("level").is_not_null()
        | (status.is_null() & pl.col("path").is_null()),
        "orphans": orphan(),
        "programs": pl.col("process").is_not_null(),
        "upstream_statuses": passed,
        "upstream_names": named,
        "behind": passed | named,
        "behind_answered": (passed | named) & status.is_not_null(),
        "upstreams": passed | named | waited | proxy,
        "asked_waf": action.str.contains("waf", literal=True),
        "checks": pl.col("user_agent").str.starts_with(_HEALTH),
        "scoped": scope.is_not_null(),
        "public": scope == "public",
        "private": scope == "private",
        "near": scope.is_in(["private", "shared", "loopback"]),
        "inside": status.is_not_null() & scope.is_in(["private", "shared"]),
    }
    counts = {name: kind.sum().cast(pl.Int64) for name, kind in kinds.items()}
    return (
        events.group_by(*_KEYS[:-1], minute=when // MINUTE)
        .agg(
            events=pl.len().cast(pl.Int64),
            first=when.min(),
            last=when.max(),
            **counts,
        )
        .collect(engine="streaming")
        .with_columns(hop=hop_name())
        .sort(_KEYS)
    )


def merged(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The census of all events, from those of parts of them."""
    ends = ["first", "last"]
    every = pl.concat(parts) if parts else census(pl.LazyFrame(schema=EVENT))
    counts = pl.exclude(*_KEYS, *ends).sum()
    return (
        every.group_by(_KEYS)
        .agg(counts, first=pl.col("first").min(), last=pl.col("last").max())
        .select(every.columns)
        .sort(_KEYS)
    )


def of_case(case: Case) -> pl.DataFrame:
    """The census of a case's events, copied files included, taken once.

    In the run that parsed them it is known already.
    """
    found: pl.DataFrame = case.known(
        "census", lambda: census(case.events()), of_events=True
    )
    return found


def moment(micros: pl.Expr) -> pl.Expr:
    """Microseconds since 1970 as a moment in UTC."""
    return pl.from_epoch(micros, time_unit="us").dt.replace_time_zone("UTC")


def span_of(counts: pl.DataFrame) -> tuple[datetime, datetime] | None:
    """The first and the last moment of any event; None where none has a time."""
    ends = counts.select(moment(pl.col("first").min()), moment(pl.col("last").max()))
    low, high = ends.row(0)
    return None if low is None else (low, high)


def formats_of(counts: pl.DataFrame) -> frozenset[str]:
    """The formats of an archive's lines, payloads of envelopes included."""
    return frozenset(counts["format"].unique().drop_nulls())


def zones_of(counts: pl.DataFrame) -> list[int]:
    """Offsets that the servers' stamps write, most first."""
    inner = pl.col("hop").is_in(INNER) & pl.col("utc_offset").is_not_null()
    votes = counts.filter(inner).group_by("utc_offset").agg(pl.col("events").sum())
    ranked = votes.sort("events", "utc_offset", descending=[True, False])
    return [int(offset) for offset in ranked["utc_offset"]]
