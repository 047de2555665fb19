"""Phusion Passenger: `[ W 2025-02-06 14:32:07.1234 830/T8 age/Cor/… ]: text`.

It writes into a file of its own, or into the error log of the web server that it is a
part of. What an application prints goes the same way: `App 840 output: text`.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{4}"
#: Version 5 on writes a letter of the level in front.
_FRONT = (
    rf"\[ (?:(?P<level>[CEWNID0-9]) )?(?P<stamp>{_STAMP}) "
    r"(?P<pid>[0-9]{1,10})/(?P<thread>[^ ]+) (?P<place>[^ ]+:[0-9]+) \]:? "
)
_LEVELS = {"C": "critical", "E": "error", "W": "warn", "N": "notice", "I": "info"}
_LEVELS |= {"D": "debug"}
_REFUSED = "no line of Passenger"


def _own(lines: pl.Series) -> pl.DataFrame:
    head = prefix(lines, _FRONT)
    stamps = moments(head["stamp"])
    return head.select(
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        level=pl.col("level").replace_strict(
            _LEVELS, default=None, return_dtype=pl.String
        ),
        pid=pl.col("pid").cast(pl.Int64, strict=False),
        logger="place",
        message="rest",
        extra=json_extra(thread=pl.col("thread")),
        refused=pl.when(pl.col("rest").is_null()).then(pl.lit(_REFUSED)),
    )


def _output(lines: pl.Series) -> pl.DataFrame:
    head = prefix(lines, r"App (?P<pid>[0-9]{1,10}) (?P<stream>output|stdout|stderr): ")
    return head.select(
        hop=pl.when(pl.col("rest").is_not_null()).then(pl.lit("application")),
        pid=pl.col("pid").cast(pl.Int64, strict=False),
        message="rest",
        refused=pl.when(pl.col("rest").is_null()).then(pl.lit(_REFUSED)),
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Passenger's lines."""
    return first_that_parses(lines, [_own, _output])


FORMAT = Format(
    name="passenger",
    title="Phusion Passenger",
    hop="app_server",
    reference="https://www.phusionpassenger.com/docs/advanced_guides/troubleshooting/nginx/log_file/",
    head=(
        rf"^(?:\[ (?:[CEWNID0-9] )?{_STAMP} [0-9]+/[^ ]+ [^ ]+:[0-9]+ \]:? "
        r"|App [0-9]{1,10} (?:output|stdout|stderr): )"
    ),
    parse=parse,
    multiline=True,
    paths=r"(?i)passenger",
)
