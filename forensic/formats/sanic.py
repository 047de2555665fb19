"""Sanic's own lines: `Main  2025-02-06 14:32:07 +0900 ERROR: …`, and its requests.

`Main |2025-02-06 14:32:07 +0900 INFO: 192.0.2.10:43088 GET http://host/p 403 55`, and
formerly `[2025-02-06 14:32:07 +0900] - (sanic.access)[INFO][192.0.2.10:43088]: GET …`.
What stands in front is the worker's name.
"""

import polars as pl

from forensic.fields.columns import moments, prefix, seconds, target, without_port
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}"
_WORKER = r"[A-Za-z][A-Za-z0-9_-]*(?: [0-9]+)?"
_LEVEL = r"(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)"
_NOW = rf"(?P<process>{_WORKER}) *[ |](?P<stamp>{_STAMP}) (?P<level>{_LEVEL}): +"
_ONCE = (
    rf"\[(?P<stamp>{_STAMP})\] - \(sanic\.access\)\[(?P<level>{_LEVEL})\]"
    r"\[(?P<peer>[^\]\n]*)\]: "
)
_REQUEST = (
    r"^(?:([^ ]+:[0-9]+|[^ ]+unx) )?([A-Z]{3,16}) ([^ ]*) +([1-5][0-9]{2})"
    r" (?:([0-9]+)|chunked)(?: +([0-9.]+)ms)?$"
)
#: What the application's own error names.
_OF = r"while handling uri: '([^']*)'"
_REFUSED = "no line of Sanic"


def _columns(head: pl.DataFrame) -> pl.DataFrame:
    known = pl.col("rest").is_not_null()
    stamps = moments(head["stamp"])
    asked = pl.col("rest").str.extract_groups(_REQUEST).struct
    uri = pl.coalesce(asked.field("3"), pl.col("rest").str.extract(_OF))
    peer = pl.coalesce("peer", asked.field("1"))
    return head.select(
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        level=pl.col("level").str.to_lowercase(),
        client_ip=without_port(peer).str.extract(r"^([0-9A-Fa-f.:]+)$"),
        method=asked.field("2"),
        **target(uri),
        status=asked.field("4").cast(pl.Int16, strict=False),
        bytes_sent=asked.field("5").cast(pl.Int64, strict=False),
        duration=seconds(asked.field("6"), 1e3),
        message="rest",
        flags=pl.when(known & pl.lit(stamps["local_time"]).is_null()).then(
            pl.lit(["bad_time"])
        ),
        refused=pl.when(~known).then(pl.lit(_REFUSED)),
    )


def _now(lines: pl.Series) -> pl.DataFrame:
    return _columns(prefix(lines, _NOW).with_columns(peer=pl.lit(None, pl.String)))


def _once(lines: pl.Series) -> pl.DataFrame:
    return _columns(prefix(lines, _ONCE))


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Sanic's lines."""
    return first_that_parses(lines, [_now, _once])


FORMAT = Format(
    name="sanic",
    title="Sanic log",
    hop="application",
    reference="sanic/logging/formatter.py, sanic/http/http1.py: log_response",
    head=(
        rf"^(?:{_WORKER} *[ |]{_STAMP} {_LEVEL}: +"
        rf"|\[{_STAMP}\] - \(sanic\.access\)\[)"
    ),
    parse=parse,
    multiline=True,
    stamps_end=True,
)
