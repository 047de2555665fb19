"""The request field of an ALB row ▶ method, scheme, host, path, query and version."""

import polars as pl

from forensic.fields.columns import request_line, target
from forensic.fields.rowwise import only_where

__all__ = ["request"]

_METHODS = ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]
_VERSIONS = ["HTTP/1.1", "HTTP/2.0", "HTTP/1.0"]
_SCHEMES = ["https", "http", "wss", "ws"]


def request(requests: pl.Series) -> pl.DataFrame:
    """Method, scheme, host, path, query and version of each request field.

    The usual shape is split; only what differs goes through regular expressions.
    """
    words = requests.str.splitn(" ", 3).struct.unnest()
    words.columns = ["method", "url", "version"]
    url = words["url"].str.splitn("://", 2).struct.unnest()
    place = url["field_1"].str.splitn("/", 2).struct.unnest()
    local = place["field_1"].str.splitn("?", 2).struct.unnest()
    frame = pl.DataFrame(
        {
            "method": words["method"],
            "http_version": words["version"],
            "scheme": url["field_0"],
            "host": place["field_0"],
            "path": local["field_0"],
            "query": local["field_1"],
        }
    )
    host = pl.col("host")
    marks = ["?", "#", "@", "["]
    plain = frame.select(
        pl.col("http_version").is_in(_VERSIONS)
        & pl.col("method").is_in(_METHODS)
        & pl.col("scheme").is_in(_SCHEMES)
        & pl.col("path").is_not_null()
        & ~pl.any_horizontal(host.str.contains(mark, literal=True) for mark in marks)
    ).to_series()
    plain = plain.fill_null(value=False)
    usual = frame.with_columns(
        http_version=pl.col("http_version").str.slice(5),
        host=host.str.splitn(":", 2).struct.field("field_0"),
        path=pl.concat_str(pl.lit("/"), "path"),
    )
    if plain.all():
        return usual
    odd = only_where(~plain, requests, _odd)
    return usual.select(
        pl.when(plain).then(pl.col(name)).otherwise(odd[name]).alias(name)
        for name in usual.columns
    )


def _odd(requests: pl.Series) -> pl.DataFrame:
    """What `request` gives, by regular expressions."""
    words = request_line(pl.col("request"))
    url = target(words.pop("target"))
    return pl.DataFrame({"request": requests}).select(**words, **url)
