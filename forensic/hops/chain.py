"""Linked responses ▶ one row a request, a group of columns for each hop's record."""

import numpy as np
import polars as pl

from forensic.hops.join import Links
from forensic.hops.joined import joined
from forensic.hops.responses import TIERS

__all__ = ["requests"]

#: What the decision reads of each hop's record, as `<tier>_<name>`.
_CARRIED = [
    "row",
    "source",
    "line",
    "offset",
    "time",
    "start",
    "end",
    "coarse",
    "status",
    "upstream_status",
    "upstream",
    "duration",
    "upstream_duration",
    "bytes_sent",
    "action",
    "rule",
    "rule_group",
    "rule_type",
    "reason",
    "format",
    "request_id",
    "error",
]
_SHOWN = ["method", "host", "path", "query", "client_ip", "client_scope", "user_agent"]
_OUTWARD = [
    "client",
    "cdn",
    "outer_balancer",
    "load_balancer",
    "waf",
    "web_server",
    "inner_web",
    "app_server",
]


def _roots(links: Links) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """For each row the outermost record of its request."""
    roots = np.arange(links.outer_of.size)
    for _ in TIERS:
        outer = links.outer_of[roots]
        roots = np.where(outer >= 0, outer, roots)
    return roots


def requests(
    frame: pl.DataFrame, links: Links, *, everything: bool = False
) -> pl.DataFrame:
    """One row a request: `root`, the columns of each tier, and what is shown of it.

    Method, host, path and so on come from the outermost record that has them.
    """
    names = {tier: name for name, tier in TIERS.items()}
    rows = frame.with_columns(
        row=pl.int_range(pl.len(), dtype=pl.Int64),
        root=pl.Series(_roots(links)),
        again=pl.Series(links.again),
    )
    inside = pl.col("tier") >= TIERS["web_server"]
    hidden = pl.col("client_scope").is_in(["private", "shared"])
    forwarded = pl.when(inside & hidden).then(
        pl.col("forwarded_for").str.extract(r"([^,\s]+)\s*$", 1)
    )
    rows = rows.with_columns(client_ip=pl.coalesce(forwarded, "client_ip"))
    if not everything:
        wanted = rows.filter("error").select("root").unique()
        rows = rows.join(wanted, on="root", how="semi")
    spine = rows.group_by("root").agg(tries=pl.col("again").sum()).sort("root")
    rows = rows.filter(~pl.col("again"))
    for tier, name in sorted(names.items()):
        own = rows.filter(pl.col("tier") == tier)
        if tier == TIERS["waf"]:  # of two ACLs, the one that stopped the request
            own = own.sort("error", descending=True, maintain_order=True)
        part = own.select(
            "root", *(pl.col(c).alias(f"{name}_{c}") for c in [*_CARRIED, *_SHOWN])
        ).unique("root", keep="first", maintain_order=True)
        spine = joined(spine, part, "root")
    spine = _one_balancer(spine)
    shown = [
        pl.coalesce(f"{name}_{column}" for name in [*_OUTWARD, "application"]).alias(
            column
        )
        for column in _SHOWN
    ]
    # Of records without a stamp nobody knows whose they are, if not by their number.
    loose = _untied(frame, links)
    # What the server behind it was asked for, where a proxy gives it another path.
    behind = pl.coalesce("application_path", "app_server_path", "inner_web_path")
    keep = {"web_server_client_scope"}
    drop = {f"{name}_{column}" for name in TIERS for column in _SHOWN} - keep
    known = spine.with_columns(*shown, behind_path=behind).drop(sorted(drop))
    return known.with_columns(undated=pl.col("path").is_in(loose.implode()))


def _untied(frame: pl.DataFrame, links: Links) -> pl.Series:
    """The paths of records without a stamp that stand behind no other one."""
    alone = pl.Series(links.outer_of < 0)
    return frame.filter(alone & frame["time"].is_null())["path"].drop_nulls().unique()


def _one_balancer(spine: pl.DataFrame) -> pl.DataFrame:
    """The requests, with the balancer that decides as `load_balancer`.

    Of two, one behind the other, that is the inner one where the outer one passed its
    answer on, and else the outer one.
    """
    front, back = pl.col("outer_balancer_row"), pl.col("load_balancer_row")
    if spine["outer_balancer_row"].null_count() == spine.height:
        return spine
    got = pl.coalesce("outer_balancer_upstream_status", "outer_balancer_status")
    passed = back.is_not_null() & (got == pl.col("load_balancer_status"))
    alone = front.is_not_null() & ~passed.fill_null(value=False)
    names = [*_CARRIED, *_SHOWN]
    return spine.with_columns(
        pl.when(alone)
        .then(f"outer_balancer_{name}")
        .otherwise(f"load_balancer_{name}")
        .alias(f"load_balancer_{name}")
        for name in names
    ).with_columns(
        pl.when(~alone).then(f"outer_balancer_{name}").alias(f"outer_balancer_{name}")
        for name in names
    )
