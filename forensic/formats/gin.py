"""Gin's access lines: `[GIN] 2025/02/06 - 14:32:07 | 502 | 12.3ms | client | GET "/p"`.

Go's most used web framework writes them unless told otherwise; the stamp is local.
"""

import polars as pl

from forensic.fields.columns import (
    go_seconds,
    iso_stamp,
    json_extra,
    target,
    without_colour,
)
from forensic.format import Format

__all__ = ["FORMAT"]

_COLOUR = r"(?:\x1b\[[0-9;]*m)*"
_HEAD = r"\[GIN\] [0-9]{4}/[0-9]{2}/[0-9]{2} - [0-9]{2}:[0-9]{2}:[0-9]{2} \|"
_LINE = (
    r"^\[GIN\] ([0-9]{4})/([0-9]{2})/([0-9]{2}) - ([0-9]{2}:[0-9]{2}:[0-9]{2}) \|"
    r" *([0-9]{3}) *\| *((?:[0-9.]+(?:h|ms|m|s|µs|μs|us|ns))+) *\|"
    r' *([^ |]*) *\| *([A-Z]+) *"?([^"\n]*)"?((?:\n[\s\S]*)?)$'
)
_NAMES = "year month day clock status took client method target tail".split()


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Gin's lines."""
    groups = without_colour(lines).str.extract_groups(_LINE).struct.unnest()
    row = groups.rename(dict(zip(groups.columns, _NAMES, strict=True)))
    date = pl.concat_str("year", "month", "day", separator="-")
    stamp = iso_stamp(pl.concat_str(date, "clock", separator="T"))
    address = target(pl.col("target"))
    return row.select(
        local_time=stamp,
        status=pl.col("status").cast(pl.Int16, strict=False),
        duration=go_seconds(pl.col("took")),
        client_ip=pl.when(pl.col("client") != "").then("client"),
        method="method",
        path=address["path"],
        query=address["query"],
        message=pl.col("tail").str.strip_chars().replace({"": None}),
        extra=json_extra(framework=pl.when(stamp.is_not_null()).then(pl.lit("gin"))),
        refused=pl.when(stamp.is_null()).then(pl.lit("no line of Gin")),
    )


FORMAT = Format(
    name="gin",
    title="Gin access log",
    hop="application",
    reference="https://github.com/gin-gonic/gin: logger.go, defaultLogFormatter",
    head=rf"^{_COLOUR}{_HEAD}",
    parse=parse,
    multiline=True,
    stamps_end=True,
)
