"""Puma's own lines: `[812] - Worker 0 (PID: 830) booted in 3.2s, phase: 0`.

Of a cluster, each has the process in front, and none a stamp: the time is the
envelope's. Only errors are stamped: `2025-02-06 14:32:07 +0900 Rack app ("GET /p" …`.
"""

import polars as pl

from forensic.fields.columns import moments, prefix, target
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}"
_WHERE = (
    r"(?:Rack app|HTTP parse error|HTTP connection error|Read error|Unknown error"
    r"|Error (?:reached|in reactor|during failsafe)|Listen loop error|SSL error"
    r"|HTTP ON_ERROR|Exception handling servers|Low ?level error)"
)
_OWN = (
    r"(?:- Worker [0-9]|! Terminating|Puma starting|\* +(?:Puma version|Listening on"
    r"|Restarts|Environment|Master PID|Preloading|Starting control|PID:|M(?:in|ax) "
    r"|Workers|Version|Cycling)|- Gracefully |- Goodbye!|=== puma|Early termination"
    r"|Use Ctrl-C to stop)"
)
#: In front of whatever a cluster writes stands the process.
_CLUSTER = r"\[[0-9]{1,10}\] [*!-] +[A-Z]"
_OWN_HEAD = rf"(?:\[[0-9]{{1,10}}\] )?{_OWN}|{_CLUSTER}"
_REQUEST = r'\("([A-Z]+) ([^"]*)" - \(([^)]*)\)\)'
_REFUSED = "no line of Puma"


def _error(lines: pl.Series) -> pl.DataFrame:
    head = prefix(lines, rf"(?P<stamp>{_STAMP}) ")
    told = pl.col("rest").str.contains(f"^{_WHERE}").fill_null(value=False)
    stamps = moments(head["stamp"])
    asked = pl.col("rest").str.extract_groups(_REQUEST).struct
    peer = asked.field("3").str.extract(r"([0-9A-Fa-f.:]+)$")
    broken = pl.col("rest").str.starts_with("HTTP parse error")
    return head.select(
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        level=pl.lit("error"),
        client_ip=peer,
        method=asked.field("1"),
        **target(asked.field("2")),
        reason=pl.when(broken)
        .then(pl.lit("invalid_request"))
        .when(pl.col("rest").str.contains(r"Error\b"))
        .then(pl.lit("exception")),
        message="rest",
        refused=pl.when(~told).then(pl.lit(_REFUSED)),
    )


def _own(lines: pl.Series) -> pl.DataFrame:
    head = prefix(lines, r"(?:\[(?P<pid>[0-9]{1,10})\] )?")
    told = pl.lit(lines).str.contains(rf"^(?:{_OWN_HEAD})").fill_null(value=False)
    return head.select(
        pid=pl.col("pid").cast(pl.Int64, strict=False),
        message="rest",
        refused=pl.when(~told).then(pl.lit(_REFUSED)),
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Puma's lines."""
    return first_that_parses(lines, [_own, _error])


FORMAT = Format(
    name="puma",
    title="Puma",
    hop="app_server",
    reference="puma/puma: lib/puma/cluster.rb, lib/puma/error_logger.rb",
    head=rf"^(?:{_OWN_HEAD}|{_STAMP} {_WHERE})",
    parse=parse,
    multiline=True,
    paths=r"(?i)puma",
)
