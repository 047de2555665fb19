"""uWSGI: `[pid: 812|app: 0|req: 1/1] 10.0.1.23 () {…} [Thu Feb  6 …] …`, and its words.

A request is written at its end, but stamped with its start, without a zone. What uWSGI
says of its workers follows a stamp of the same kind; of one that it ends at its time
limit (`harakiri`) it says which request that served.
"""

import polars as pl

from forensic.fields.columns import (
    groups,
    iso_stamp,
    json_extra,
    prefix,
    target,
)
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format
from forensic.zones import MONTHS

__all__ = ["FORMAT"]

_STAMP = (
    r"[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) (?P<day>[ 0-9]{2}) "
    r"(?P<clock>[0-9:]{8}) (?P<year>[0-9]{4})"
)
_LINE = (
    r"\[pid: (?P<pid>[0-9]+)\|app: (?P<app>-?[0-9]+)\|req: (?P<req>[0-9-]+/[0-9-]+)\] "
    r"(?P<client_ip>[^ ]*) \((?P<user>[^)]*)\) \{[^}]*\} "
    rf"\[{_STAMP}\] "
)
_WORDS = rf"{_STAMP} - "
#: What a worker that is ended served, and since when (seconds since 1970).
_ENDED = r"^HARAKIRI \[core [0-9]+\] ([^ ]*) - ([A-Z]+) (.*) since [0-9]+$"
#: More wait for a worker than its socket holds.
_FULL = r"^\*\*\* uWSGI listen queue of socket .* full"
_REQUEST = (
    r"^(?P<method>[A-Z]+) (?P<target>.*?) => generated (?P<bytes_sent>[0-9]+) bytes in "
    r"(?P<took>[0-9]+) (?P<unit>msecs|micros)(?: via [a-z]+\(\))? "
    r"\((?P<version>HTTP/[0-9.]+) (?P<status>[1-5][0-9]{2})\)"
)


def _moment() -> pl.Expr:
    """The stamp, from its parts."""
    month = pl.col("month").replace_strict(MONTHS, default=None, return_dtype=pl.String)
    day = pl.col("day").str.replace(" ", "0", literal=True)
    return iso_stamp(pl.format("{}-{}-{} {}", "year", month, day, "clock"))


def _said(lines: pl.Series) -> pl.DataFrame:
    """The columns of what uWSGI says of itself."""
    head = prefix(lines, _WORDS)
    parsed = pl.col("rest").is_not_null()
    ended = groups(head["rest"], _ENDED, ["client_ip", "method", "target"])
    return pl.concat([head, ended], how="horizontal").select(
        "method",
        local_time=_moment(),
        client_ip=pl.when(pl.col("client_ip") != "").then("client_ip"),
        **target(pl.col("target")),
        message="rest",
        pid=pl.col("rest").str.extract(r"\(pid: ([0-9]+)").cast(pl.Int64, strict=False),
        reason=pl.when(pl.col("rest").str.contains(_FULL)).then(
            pl.lit("workers_exhausted")
        ),
        flags=pl.when(parsed & _moment().is_null()).then(pl.lit(["bad_time"])),
        refused=pl.when(~parsed).then(pl.lit("no line of uWSGI")),
    )


def _requests(lines: pl.Series) -> pl.DataFrame:
    """The columns of uWSGI's request lines."""
    head = prefix(lines, _LINE)
    request = head["rest"].str.extract_groups(_REQUEST).struct.unnest()
    moment = _moment()
    parsed = pl.col("rest").is_not_null()
    unit = pl.when(pl.col("unit") == "micros").then(1e-6).otherwise(1e-3)
    return pl.concat([head, request], how="horizontal").select(
        "method",
        local_time=moment,
        pid=pl.col("pid").cast(pl.Int64, strict=False),
        client_ip=pl.when(pl.col("client_ip") != "").then("client_ip"),
        user=pl.when(pl.col("user") != "").then("user"),
        http_version=pl.col("version").str.strip_prefix("HTTP/"),
        status=pl.col("status").cast(pl.Int16, strict=False),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        duration=pl.col("took").cast(pl.Float64, strict=False) * unit,
        message="rest",
        reason=pl.when(pl.col("app") == "-1").then(pl.lit("no_application")),
        extra=json_extra(app=pl.col("app"), request_number=pl.col("req")),
        flags=pl.when(parsed & moment.is_null()).then(pl.lit(["bad_time"])),
        refused=pl.when(~parsed).then(pl.lit("no uWSGI request")),
        **target(pl.col("target")),
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of uWSGI's lines, of either kind."""
    return first_that_parses(lines, [_requests, _said])


FORMAT = Format(
    name="uwsgi",
    title="uWSGI log",
    hop="app_server",
    reference="https://uwsgi-docs.readthedocs.io/en/latest/LogFormat.html",
    head=r"^(?:\[pid: [0-9]+\|app: -?[0-9]+\|req: "
    r"|[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} [0-9]{4} - "
    r"(?:\*\*\* |HARAKIRI|DAMN |worker |Respawned |\[emperor\] |--- no |!!! uWSGI"
    r"|announcing my loyalty|spawned uWSGI|\.\.\.))",
    parse=parse,
    multiline=True,
    paths=r"(?i)uwsgi",
)
