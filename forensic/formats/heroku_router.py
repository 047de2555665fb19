"""Heroku's router: `at=error code=H12 desc="Request timeout" method=GET path="/p" …`.

A line for every request; with a `code` the router answered itself, or was left.
"""

import polars as pl

from forensic.fields.columns import (
    json_extra,
    keys_apart,
    quoted_value,
    seconds,
    target,
)
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = (
    "at code desc method path host request_id fwd dyno connect service status bytes"
    " protocol sock"
).split()
_HEAD = r"^(?:sock=\S+ )?at=(?:info|error|warning) .*method=[A-Z]+ path="


def _value(name: str) -> pl.Expr:
    """The value of a key without its quotes; null where it is empty."""
    found = pl.col("line").str.extract_groups(rf'(?:^| ){name}=(?:"([^"]*)"|([^ "]*))')
    part = found.struct
    value = pl.coalesce(quoted_value(part.field("1")), part.field("2"))
    return pl.when(value != "").then(value)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the router's lines."""
    rows = pl.DataFrame({"line": keys_apart(lines)}).select(
        "line", **{name: _value(name) for name in _KEYS}
    )
    url = target(pl.col("path"))
    status = pl.col("status").cast(pl.Int16, strict=False)
    forwarded = pl.col("fwd").str.contains(",")
    fits = pl.col("line").str.contains(_HEAD) & pl.col("method").is_not_null()
    spent = pl.col("service").str.strip_suffix("ms")
    return rows.select(
        *("method", "host", "request_id"),
        level=pl.col("at"),
        client_ip=pl.col("fwd").str.extract(r"([^, ]+)$"),
        forwarded_for=pl.when(forwarded).then("fwd"),
        scheme="protocol",
        path=url["path"],
        query=url["query"],
        status=status,
        upstream_status=pl.when(pl.col("code").is_null()).then(status),
        bytes_sent=pl.col("bytes").cast(pl.Int64, strict=False),
        duration=seconds(spent, 1e3),
        upstream="dyno",
        # Of this code only `sock` tells whose side broke off.
        reason=pl.when((pl.col("sock") == "client") & (pl.col("code") == "H18"))
        .then(pl.lit("H18 sock=client"))
        .otherwise("code"),
        message="desc",
        extra=json_extra(connect=pl.col("connect"), sock=pl.col("sock")),
        refused=pl.when(~fits.fill_null(value=False)).then(
            pl.lit("no line of Heroku's router")
        ),
    )


FORMAT = Format(
    name="heroku_router",
    title="Heroku's router",
    hop="load_balancer",
    reference="https://devcenter.heroku.com/articles/http-routing#heroku-router-log-format",
    head=_HEAD,
    parse=parse,
)
