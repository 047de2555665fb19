"""A proxy's answer that no server gave ▶ which servers its checks had found down."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from forensic.counted import apart
from forensic.hops.journey import placed
from forensic.hops.moment import instant

__all__ = ["down_then", "downtime"]

_CAUSES = {"no_target", "target_connection_error", "target_timeout"}
_STATES = ["server_down", "server_up"]
#: A check finds out what a request found out before it.
_SOON = timedelta(seconds=60)
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
#: Of a request that no log has, what was down for longer tells less.
_LATELY = timedelta(hours=1)
#: What a balancer answers for servers that are down.
_GATEWAY = {502, 503, 504}
#: Enough to show it.
_MOST = 3
_WHY = re.compile(r'reason: ([^,]+)(?:,.*?info: "([^"]*)")?')
_BACKEND = r'"backend":"([^"]+)"'


def downtime(
    events: pl.LazyFrame, clocks: pl.DataFrame, verdict: Mapping[str, Any]
) -> dict[str, Any]:
    """`sentence` and `evidence` with what the proxy's checks say; else nothing.

    Of the group of servers that the request was for: those that were down when it
    came, or were found to be so soon after.
    """
    request = verdict["request"]
    own = [line for line in verdict["evidence"] if line["hop"] == "load_balancer"]
    if verdict["answered_by"] != "load_balancer" or verdict["cause"] not in _CAUSES:
        return {}
    group = _group(events, own[:1]) if own and request["time"] else None
    if group is None:
        return {}
    states = _states(events, clocks, group, request["time"])
    if not states.height:
        return {}
    lines = states.head(_MOST).select("hop", "source", "line", "offset").to_dicts()
    shown = placed(events, lines)
    role = {"role": "its checks found a server down"}
    return {
        "sentence": verdict["sentence"] + _said(states, request["time"]),
        "evidence": [*verdict["evidence"], *(line | role for line in shown)],
    }


def down_then(
    events: pl.LazyFrame,
    clocks: pl.DataFrame,
    verdict: Mapping[str, Any],
    status: int | None,
    at: datetime | None,
) -> dict[str, Any]:
    """The same of a moment of which no log has the request.

    F5's balancers log no requests by themselves, but what their checks find.
    """
    if at is None or (status is not None and status not in _GATEWAY):
        return {}
    states = _states(events, clocks, None, at)
    states = states.filter(pl.col("time").is_between(at - _LATELY, at + _MINUTE))
    if not states.height:
        return {}
    lines = states.head(_MOST).select("hop", "source", "line", "offset").to_dicts()
    role = {"role": "its checks found a server down"}
    said = _said(states, at).replace(" Its checks", " The load balancer's checks", 1)
    return {
        "sentence": verdict["sentence"] + said,
        "evidence": [
            *verdict["evidence"],
            *(line | role for line in placed(events, lines)),
        ],
    }


def _group(events: pl.LazyFrame, lines: list[dict[str, Any]]) -> str | None:
    """The group of servers that the request of that record was for."""
    line = lines[0]
    place = (pl.col("source") == line["source"]) & (pl.col("offset") == line["offset"])
    name = pl.coalesce(
        pl.col("extra").str.extract(_BACKEND),
        pl.col("upstream").str.extract(r"^([^/]+)/"),
    )
    rows = events.filter(place).select(name.alias("group")).collect(engine="streaming")
    return rows["group"].first() if rows.height else None  # type: ignore[return-value]


def _states(
    events: pl.LazyFrame, clocks: pl.DataFrame, group: str | None, at: datetime
) -> pl.DataFrame:
    """The line by which each server of the group was down at that time, by time.

    Of all groups where none is given.
    """
    mine = pl.col("upstream").is_not_null()
    if group is not None:
        mine = pl.col("upstream").str.starts_with(f"{group}/")
    near = (
        events.filter(
            (pl.col("hop").cast(pl.String) == "load_balancer")
            & pl.col("reason").is_in(_STATES)
            & mine
        )
        .select(
            *("source", "line", "offset", "upstream", "reason", "message"),
            hop=pl.col("hop").cast(pl.String),
            time=instant(clocks),
        )
        .collect(engine="streaming")
        .drop_nulls("time")
        .sort("time", "source", "offset")
    )
    before = near.filter(pl.col("time") <= at + _SECOND)
    last = before.unique("upstream", keep="last", maintain_order=True)
    down = last.filter(pl.col("reason") == "server_down")
    soon = near.filter(
        (pl.col("time") > at + _SECOND)
        & (pl.col("time") <= at + _SOON)
        & (pl.col("reason") == "server_down")
    ).unique("upstream", keep="first", maintain_order=True)
    soon = soon.join(down, on="upstream", how="anti", maintain_order="left")
    return pl.concat([down, soon]).sort("time", "source", "offset")


def _said(states: pl.DataFrame, at: datetime) -> str:
    """The sentence about those servers: since when they were down, and why."""
    first = states.row(0, named=True)
    names = states["upstream"].to_list()
    listed = ", ".join(names[:_MOST]) + (" and others" if len(names) > _MOST else "")
    why = _WHY.search(first["message"] or "")
    reason = f" ({': '.join(word for word in why.groups() if word)})" if why else ""
    since = (at - first["time"]).total_seconds()
    told = f"found {listed} down soon after"
    if since >= 0:
        told = f"had found {listed} down {apart(since)} before"
    return f" Its checks {told}{reason}."
