"""PostgreSQL's log: `2025-02-06 14:32:07.123 JST [812] app@db ERROR:  …`, and as CSV.

`log_line_prefix` is free; read are the orders of the packages: a stamp, a process in
brackets, then maybe user and database, an address or a program. A row of `csvlog` has
the same in fixed columns; the lines below it are its message's.
"""

import csv

import polars as pl

from forensic.fields.columns import (
    json_extra,
    moments,
    prefix,
    seconds,
)
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3,6})?"
    r" (?:[A-Z]{2,5}|[+-][0-9]{2}(?::?[0-9]{2})?)"
)
_LEVEL = (
    r"DEBUG[1-5]?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC"
    r"|DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION|BACKTRACE"
)
#: It writes two spaces, and a page that one copies from has one.
_HEAD = rf"^{_STAMP}(?: |:)[^\n]{{0,200}}?(?:{_LEVEL}): "
_PREFIX = (
    rf"(?P<stamp>{_STAMP})(?: |:)(?P<between>[^\n]{{0,200}}?)"
    rf"(?P<level>{_LEVEL}): {{1,2}}(?:(?P<code>[0-9A-Z]{{5}}): )?"
)
#: The names that a prefix of `user=%u,db=%d` has.
_NAMED, _OF = r"\buser=([^ ,\[\]]+)", r"\bdb=([^ ,\[\]]+)"
#: A row of `csvlog`: stamp, user, database, process, …
_CSV = rf'{_STAMP},(?:"[^"]*"|[^",]*),(?:"[^"]*"|[^",]*),[0-9]*,'
_STAMPED, _USER, _DATABASE, _PID, _PEER = range(5)
_SEVERITY, _CODE, _TEXT = range(11, 14)
#: The class of a message ▶ words that are certain of it.
_REASONS = {
    "too_many_connections": r"too many clients already|remaining connection slots"
    r"|too many connections for",
    "starting": r"the database system is (?:starting up|in recovery mode)",
    "shutting_down": r"the database system is shutting down"
    r"|received (?:fast|smart|immediate) shutdown",
    "crash": r"server process .* was terminated by signal|PANIC"
    r"|terminating any other active server processes",
    "statement_timeout": r"canceling statement due to (?:statement|lock) timeout",
    "deadlock": r"deadlock detected",
    "auth_failed": r"password authentication failed|no pg_hba\.conf entry",
    "disk_full": r"No space left on device",
    "client_lost": r"could not (?:receive|send) data (?:from|to) client"
    r"|unexpected EOF on client connection",
}


def _reason(message: pl.Expr) -> pl.Expr:
    return pl.coalesce(
        pl.when(message.str.contains(pattern)).then(pl.lit(name))
        for name, pattern in _REASONS.items()
    )


def _line(row: str) -> str:
    """A row of `csvlog` as the line that stderr would have; empty where it is none."""
    try:
        cells = next(csv.reader([row]), [])
    except csv.Error:
        return ""
    if len(cells) <= _TEXT:
        return ""
    whom = f" {cells[_USER]}@{cells[_DATABASE]}" if cells[_USER] else ""
    peer = cells[_PEER].rpartition(":")[0]
    peer = f" client={peer}" if peer else ""
    return (
        f"{cells[_STAMPED]} [{cells[_PID]}]{whom}{peer} {cells[_SEVERITY]}:  "
        f"{cells[_CODE]}: {cells[_TEXT]}"
    )


def _rows(lines: pl.Series) -> pl.DataFrame:
    mine = lines.str.contains(f"^{_CSV}")
    texts = [_line(line) if own else "" for line, own in zip(lines, mine, strict=True)]
    return _lines(pl.Series(texts, dtype=pl.String))


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of PostgreSQL's lines."""
    return first_that_parses(lines, [_lines, _rows])


def _lines(lines: pl.Series) -> pl.DataFrame:
    head = prefix(lines, _PREFIX)
    stamps = moments(head["stamp"])
    between = pl.col("between")
    whom = between.str.extract_groups(r"([^ =@:()\[\]]+)@([^ ,@:\[\]]+)")
    taken = pl.col("rest").str.extract(r"^duration: ([0-9.]+) ms")
    known = pl.col("rest").is_not_null()
    client = between.str.extract(r"(?:client=|host=|@)?([0-9]{1,3}(?:\.[0-9]{1,3}){3})")
    spoken = pl.col("rest").str.extract(r"^connection received: host=([^ ]+)")
    return head.select(
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        pid=between.str.extract(r"(?:^|[^0-9.])([0-9]{1,9})(?:-[0-9]+)?\]").cast(
            pl.Int64, strict=False
        ),
        level=pl.col("level").str.to_lowercase(),
        process=pl.when(known).then(pl.lit("postgres")),
        user=pl.coalesce(whom.struct.field("1"), between.str.extract(_NAMED)),
        client_ip=pl.coalesce(client, spoken),
        duration=seconds(taken, 1e3),
        message="rest",
        reason=_reason(pl.col("rest")),
        extra=json_extra(
            database=pl.coalesce(whom.struct.field("2"), between.str.extract(_OF)),
            sqlstate=pl.col("code"),
            zone=pl.lit(stamps["zone"]),
        ),
        flags=pl.when(known & stamps["local_time"].is_null()).then(
            pl.lit(["bad_time"])
        ),
        refused=pl.when(~known).then(pl.lit("no PostgreSQL line")),
    )


FORMAT = Format(
    name="postgresql",
    title="PostgreSQL log",
    hop=None,
    reference="https://www.postgresql.org/docs/current/runtime-config-logging.html",
    head=rf"{_HEAD}|^{_CSV}",
    parse=parse,
    multiline=True,
    paths=r"(?i)postgres|pgsql",
)
