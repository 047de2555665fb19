"""Web servers ▶ which stands in front of which, where one proxies to another."""

import numpy as np
import polars as pl

from forensic.hops.pair import pair
from forensic.hops.responses import TIERS

__all__ = ["tiered"]

_ROTATION = r"(?:[.-]\d{1,8})?(?:\.(?:gz|zst|bz2|xz))?$"
_WINDOW = (-2_500_000, 1_500_000)
#: So many of the inner log's unmistakable requests must stand in the outer one.
_SHARE = 0.6
_ENOUGH = 5
_SAMPLE = 50_000


def _singles(rows: pl.DataFrame) -> pl.DataFrame:
    """Requests that a log has once only, so that a pair can not be chance."""
    key = ["method_key", "path_key", "query_key", "status"]
    once = rows.filter(pl.len().over(key) == 1).head(_SAMPLE)
    mixed = pl.struct(key).hash(5)
    return once.select("time", key=mixed)


def _behind(outer: pl.DataFrame, inner: pl.DataFrame) -> bool:
    """Whether what the inner log has came through the outer one."""
    if inner.height < _ENOUGH or outer.height < inner.height * _SHARE:
        return False
    found, _ = pair(
        (outer["key"].to_numpy(), outer["time"].to_numpy()),
        (inner["key"].to_numpy(), inner["time"].to_numpy()),
        _WINDOW,
    )
    return bool(found.size >= max(_ENOUGH, _SHARE * inner.height))


def _clients(rows: pl.DataFrame) -> int:
    return rows["client_ip"].n_unique()


def tiered(frame: pl.DataFrame) -> pl.DataFrame:
    """The responses, with web servers that stand behind others on their own tier.

    A log stands behind another where most of its unmistakable requests stand there
    too within seconds, and its own peers are fewer: it sees the proxy only.
    """
    web = frame.filter(
        (pl.col("tier") == TIERS["web_server"]) & pl.col("time").is_not_null()
    ).with_columns(family=pl.col("source").str.replace(_ROTATION, ""))
    names = sorted(web["family"].unique().to_list())
    if not 1 < len(names) <= 40:
        return frame
    parts = {name: web.filter(pl.col("family") == name) for name in names}
    singles = {name: _singles(part) for name, part in parts.items()}
    clients = {name: _clients(part) for name, part in parts.items()}
    inner = [
        name
        for name in names
        if any(
            clients[name] <= clients[other] and _behind(singles[other], singles[name])
            for other in names
            if other != name and (clients[name], name) < (clients[other], other)
        )
    ]
    if not inner or len(inner) == len(names):
        return frame
    behind = frame["source"].str.replace(_ROTATION, "").is_in(inner).to_numpy()
    moved = np.where(
        behind & (frame["tier"].to_numpy() == TIERS["web_server"]),
        TIERS["inner_web"],
        frame["tier"].to_numpy(),
    )
    return frame.with_columns(tier=pl.Series(moved, dtype=pl.Int8))
