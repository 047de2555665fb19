"""Load balancers ▶ which stand in front of others: a cloud's before a cluster's own.

Of two that log the same requests the inner one has fewer peers, or answers sooner.
"""

from itertools import permutations

import numpy as np
import polars as pl

from forensic.clock.names import series
from forensic.hops.facts import Facts
from forensic.hops.moment import corrected
from forensic.hops.pair import pair
from forensic.hops.proxies import behind, rare, sampled
from forensic.hops.responses import TIERS

__all__ = ["outer_balancers", "raised"]

_WINDOW = (-2_500_000, 2_500_000)
#: More logs than this stand beside each other.
_MOST = 12
#: So many times fewer peers has a balancer that sees another one as its client.
_FEWER = 2
_ACCESS, _STEPS = "api_gateway", "api_gateway_execution"
_ENVOY = (pl.col("format") == "envoy").fill_null(value=False)
#: In a mesh the Envoy beside an application calls that one's cluster so.
_SIDECAR = _ENVOY & pl.col("rule_group").str.starts_with("inbound|").fill_null(
    value=False
)

_ASKED = pl.struct("request_id", "path_key").alias("asked")
_ANSWERED = pl.struct("request_id", "path_key", "status").alias("answered")


def _streams(sources: pl.Series) -> dict[str, str]:
    """Source ▶ its log: all of a provider's objects are one."""
    return {source: series(source) for source in sources.unique().to_list()}


def _sample(events: pl.LazyFrame, clocks: pl.DataFrame, known: Facts) -> pl.DataFrame:
    """Requests of every load balancer's log."""
    moment, start = corrected(clocks)
    rows = sampled(
        events,
        known,
        "load_balancer",
        source=pl.col("source"),
        duration=pl.col("duration"),
        time=pl.coalesce(start, moment),
        sidecar=_SIDECAR,
        envoy=_ENVOY,
    )
    # What a mesh logs twice, and maybe in one file, came in once.
    if rows.select((pl.col("envoy") & ~pl.col("sidecar")).any()).item():
        rows = rows.filter(~pl.col("sidecar"))
    names = _streams(rows["source"])
    return rows.with_columns(
        stream=pl.col("source").replace_strict(names, return_dtype=pl.String)
    ).sort("stream", "time", "key")


def _sooner(outer: pl.DataFrame, inner: pl.DataFrame) -> bool:
    """Whether the inner log's requests took less time than the outer one's."""
    sides = [(f["key"].to_numpy(), f["time"].to_numpy()) for f in (outer, inner)]
    left, right = pair(sides[0], sides[1], _WINDOW)
    longer = outer["duration"].gather(left) - inner["duration"].gather(right)
    known = longer.drop_nulls().to_numpy()
    return bool(known.size and np.median(known) > 0)


def _in_front(outer: pl.DataFrame, inner: pl.DataFrame) -> bool:
    """Whether what the inner balancer logged came through the outer one."""
    seldom = rare(outer), rare(inner)
    if not behind(*seldom):
        return False
    peers = outer["client_ip"].n_unique(), inner["client_ip"].n_unique()
    if peers[1] * _FEWER <= peers[0]:
        return True
    return peers[0] * _FEWER > peers[1] and _sooner(*seldom)


def outer_balancers(
    events: pl.LazyFrame, clocks: pl.DataFrame, known: Facts
) -> list[str]:
    """The logs of load balancers that stand in front of another one."""
    logs = known.profile.filter(
        (pl.col("hop") == "load_balancer") & (pl.col("answers") > 0)
    )
    if not 1 < len(set(_streams(logs["source"]).values())) <= _MOST:
        return []
    rows = _sample(events, clocks, known)
    parts = {str(name): part for (name,), part in rows.group_by("stream")}
    return sorted(
        {
            outer
            for outer, inner in permutations(sorted(parts), 2)
            if _in_front(parts[outer], parts[inner])
        }
    )


def _meshed(frame: pl.DataFrame, outer: list[str]) -> tuple[pl.DataFrame, pl.Series]:
    """The responses, and which are of an Envoy in front of another one's sidecar.

    The sidecar's record has the same request's id, and its cluster says whose it is.
    """
    none = pl.repeat(value=False, n=frame.height, eager=True)
    known = pl.col("request_id").is_not_null()
    sidecars = frame.filter(_SIDECAR & known).select(_ASKED, _ANSWERED)
    if sidecars.is_empty():
        return frame, none
    between = _ENVOY & ~_SIDECAR & known & _ASKED.is_in(sidecars["asked"].implode())
    if not set(_streams(frame.filter(~_ENVOY)["source"]).values()).intersection(outer):
        return frame, frame.select(front=between)["front"]
    # Of three in a row there are two tiers: the one between is left out where it passed
    # the sidecar's answer on, the sidecar where it did not.
    passed = between & _ANSWERED.is_in(sidecars["answered"].implode())
    gateways = frame.filter(between & ~passed & ~pl.col("status").is_between(1, 399))
    cut = _SIDECAR & known & _ASKED.is_in(gateways.select(_ASKED)["asked"].implode())
    frame = frame.filter(~passed & ~cut)
    return frame, none.head(frame.height)


def raised(frame: pl.DataFrame, outer: list[str]) -> pl.DataFrame:
    """The responses, with those of the outer balancers on their own tier.

    API Gateway's access log stands in front of its own log of the steps, which has the
    same requests by their ids.
    """
    frame, gateways = _meshed(frame, outer)
    steps = frame.filter(pl.col("format").eq_missing(pl.lit(_STEPS)))["request_id"]
    if not outer and steps.is_empty() and not gateways.any():
        return frame
    names = _streams(frame["source"])
    inside = [source for source, name in names.items() if name in outer]
    front = pl.col("source").is_in(inside) & ~_SIDECAR
    stepped = pl.col("request_id").is_in(steps.drop_nulls().unique().implode())
    front |= (pl.col("format") == _ACCESS).fill_null(value=False) & stepped
    front |= gateways
    front &= pl.col("tier") == TIERS["load_balancer"]
    moved = pl.when(front).then(TIERS["outer_balancer"]).otherwise("tier")
    return frame.with_columns(tier=moved.cast(pl.Int8))
