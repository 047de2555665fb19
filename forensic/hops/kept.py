"""A CDN's error that no hop behind it has ▶ the error of its origin that it kept."""

import polars as pl

__all__ = ["kept"]

#: CloudFront keeps an origin's error for ten seconds by default, others for minutes.
_LONGEST = 5 * 60 * 1_000_000
_SAME = ["host", "method", "path", "query", "status"]


def kept(requests: pl.DataFrame) -> pl.DataFrame:
    """The requests with `kept_for`: seconds since the origin gave the same error.

    Null where none came through from behind for the same address just before, or
    where this one did.
    """
    here = pl.col("cdn_row").is_not_null() & pl.col("time").is_not_null()
    error = pl.col("cdn_status") >= 400
    behind = pl.coalesce("load_balancer_row", "web_server_row", "application_row")
    rows = requests.filter(here & error).select(
        "root", "time", *_SAME, alone=behind.is_null()
    )
    given = rows.filter(~pl.col("alone")).select(*_SAME, "time", given=pl.col("time"))
    if not given.height:
        return requests.with_columns(kept_for=pl.lit(None, pl.Float64))
    asked = rows.filter("alone").sort("time", "root")
    found = asked.with_columns(pl.col("host", "query").fill_null("")).join_asof(
        given.with_columns(pl.col("host", "query").fill_null("")).sort("time"),
        on="time",
        by=_SAME,
        strategy="backward",
        tolerance=_LONGEST,
        check_sortedness=False,
    )
    since = (pl.col("time") - pl.col("given")) / 1_000_000
    return requests.join(
        found.select("root", kept_for=since),
        on="root",
        how="left",
        maintain_order="left",
    )
