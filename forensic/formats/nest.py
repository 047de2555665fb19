"""NestJS's console: `[Nest] 7  - 02/06/2025, 2:32:07 PM   ERROR [Context] message`.

The stamp is of the process's locale, American unless set otherwise: month, day, year.
"""

import polars as pl

from forensic.fields.columns import iso_stamp, prefix, without_colour
from forensic.fields.http_messages import http_messages
from forensic.format import Format

__all__ = ["FORMAT"]

_COLOUR = r"(?:\x1b\[[0-9;]*m)*"
_HEAD = (
    r"\[Nest\] (?P<pid>[0-9]{1,10})  ?- (?P<month>[0-9]{1,2})/(?P<day>[0-9]{1,2})/"
    r"(?P<year>[0-9]{4}), (?P<hour>[0-9]{1,2})(?P<rest_of>:[0-9]{2}:[0-9]{2})"
    r"(?: (?P<half>AM|PM))? +"
    r"(?P<level>LOG|ERROR|WARN|DEBUG|VERBOSE|FATAL)? *(?:\[(?P<logger>[^\]]*)\] )?"
)
_LEVELS = {"LOG": "info", "VERBOSE": "trace"}


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Nest's lines."""
    row = prefix(without_colour(lines), _HEAD)
    hour = pl.col("hour").cast(pl.Int32, strict=False)
    late = pl.when(pl.col("half") == "PM").then(12).otherwise(0)
    hour = pl.when(pl.col("half").is_null()).then(hour).otherwise(hour % 12 + late)
    date = pl.concat_str(
        "year",
        pl.lit("-"),
        pl.col("month").str.zfill(2),
        pl.lit("-"),
        pl.col("day").str.zfill(2),
    )
    clock = pl.concat_str(hour.cast(pl.String).str.zfill(2), "rest_of")
    stamp = iso_stamp(pl.concat_str(date, pl.lit("T"), clock))
    level = pl.col("level")
    return pl.concat([row, http_messages(row["rest"])], how="horizontal").select(
        *("method", "scheme", "host", "path", "query", "http_version", "status"),
        *("client_ip", "reason", "duration", "logger"),
        local_time=stamp,
        pid=pl.col("pid").cast(pl.Int64, strict=False),
        level=level.replace(_LEVELS).str.to_lowercase(),
        message="rest",
        refused=pl.when(stamp.is_null()).then(pl.lit("no line of Nest")),
    )


FORMAT = Format(
    name="nest",
    title="NestJS log",
    hop="application",
    reference="https://docs.nestjs.com/techniques/logger",
    head=rf"^{_COLOUR}\[Nest\] [0-9]+  ?- {_COLOUR}[0-9]{{1,2}}/[0-9]{{1,2}}/",
    parse=parse,
    multiline=True,
)
