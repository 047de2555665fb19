"""Granian: `[2025-02-06 14:32:07 +0900] 192.0.2.9 - "GET /p HTTP/1.1" 500 0.454`.

The stamp is of the request's start, the last number its milliseconds. What it says of
itself has a level and no stamp; an exception stands below the line of its request.
"""

import polars as pl

from forensic.fields.columns import moments, prefix, target
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}"
_ACCESS = (
    rf"\[(?P<stamp>{_STAMP})\] (?P<client>[0-9A-Fa-f.:]+|-) - "
    r'"(?P<method>[A-Z]+) (?P<target>[^"]*?) HTTP/(?P<http_version>[0-9.]+)"'
    r" (?P<status>[1-5][0-9]{2}) (?P<took>[0-9]+\.[0-9]{3})$"
)
_THROWN = "Application callable raised an exception"
_OWN = (
    rf"(?:{_THROWN}|(?:Starting|Shutting down) granian|Granian shutdown"
    r"|Listening at: |(?:Spawning|Started|Stopping|Stopped|Respawning) worker-"
    r"|Unexpected exit from worker-)"
)
_LEVEL = r"\[(?:INFO|WARNING|ERROR|CRITICAL)\] "


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Granian's access lines and of its own words."""
    access = prefix(lines, _ACCESS)
    own = prefix(lines, r"\[(?P<level>[A-Z]+)\] ")
    said = pl.lit(own["rest"]).str.contains(rf"^{_OWN}")
    known = pl.col("rest").is_not_null()
    stamps = moments(access["stamp"])
    message = pl.when(said).then(pl.lit(own["rest"]))
    return access.select(
        "method",
        "http_version",
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        client_ip=pl.when(pl.col("client") != "-").then("client"),
        status=pl.col("status").cast(pl.Int16, strict=False),
        duration=pl.col("took").cast(pl.Float64, strict=False) / 1000,
        level=pl.when(said).then(pl.lit(own["level"]).str.to_lowercase()),
        message=message,
        reason=pl.when(message == _THROWN).then(pl.lit("exception")),
        flags=pl.when(known & pl.lit(stamps["local_time"]).is_null()).then(
            pl.lit(["bad_time"])
        ),
        refused=pl.when(~(known | said.fill_null(value=False))).then(
            pl.lit("no line of Granian's")
        ),
        **target(pl.col("target")),
    )


FORMAT = Format(
    name="granian",
    title="Granian log",
    hop="app_server",
    reference="emmett-framework/granian: granian/log.py, DEFAULT_ACCESSLOG_FMT",
    head=(
        rf"^(?:\[{_STAMP}\] (?:[0-9A-Fa-f.:]+|-) - \"[A-Z]+ [^\"]* HTTP/"
        rf"|{_LEVEL}{_OWN})"
    ),
    parse=parse,
    multiline=True,
    stamps_start=True,
)
