"""MySQL's, MariaDB's and mysqld_safe's error log, 5.5 to 8 and 10.

`2025-02-06T05:32:07.123456Z 5 [Warning] [MY-010453] [Server] …`,
`2025-02-06 14:32:07 139 [Note] …`, `250206 14:32:07 [ERROR] …`. With `Z` a stamp is
UTC, without any the server's local time.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix
from forensic.format import Format

__all__ = ["FORMAT"]

_CLOCK = r"[0-9 ][0-9]:[0-9]{2}:[0-9]{2}"
_LEVEL = r"(?:System|ERROR|Error|Warning|Note|Info)"
_ISO = (
    rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_CLOCK}(?:\.[0-9]{{6}})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})?"
)
_SHORT = rf"[0-9]{{6}} +{_CLOCK}"
_MODERN = rf"{_ISO} [0-9]+ \[{_LEVEL}\]"
_OLD = (
    rf"{_SHORT} +(?:\[{_LEVEL}\]|InnoDB: |mysqld_safe "
    r"|mysqld (?:started|ended|restarted)|- mysqld got signal)"
)
_HEAD = rf"^(?:{_MODERN}|{_OLD}|{_ISO} [0-9a-fx]* ?(?:InnoDB: |mysqld_safe ))"
#: The class of a message ▶ words that are certain of it.
_REASONS = {
    "too_many_connections": r"Too many connections",
    "out_of_memory": r"Out of memory|Cannot allocate memory",
    "crash": r"mysqld got (?:signal|exception)|Assertion failure",
    "deadlock": r"(?i)deadlock found|transactions deadlock detected",
    "client_lost": r"^Aborted connection|Got (?:timeout|an error) reading"
    r" communication packets",
    "auth_failed": r"^Access denied for user",
    "disk_full": r"No space left on device|Disk is full|OS errno 28",
    "starting": r"ready for connections|starting as process",
    "shutting_down": r"Received SHUTDOWN|Shutdown complete|Normal shutdown|from pid"
    r" file .* ended",
}


def _stamp(texts: pl.Series) -> pl.DataFrame:
    """The stamps; of six digits the year is that of this century."""
    short = texts.str.replace(
        rf"^([0-9]{{2}})([0-9]{{2}})([0-9]{{2}}) +({_CLOCK})$", "20$1-$2-$3 $4"
    )
    return moments(short.str.replace(r"([ T]) ([0-9]:)", "${1}0$2"))


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of MySQL's lines."""
    head = prefix(
        lines,
        rf"(?P<stamp>{_ISO}|{_SHORT}) +"
        r"(?:(?P<thread>[0-9]+|0x[0-9a-f]+|[0-9a-f]{8,16}) +)?"
        rf"(?:\[(?P<level>{_LEVEL})\] *)?(?:\[(?P<code>MY-[0-9]{{6}})\] )?"
        r"(?:\[(?P<part>[A-Za-z]+)\] )?(?P<safe>mysqld_safe )?",
    )
    known = lines.str.contains(_HEAD) & head["rest"].is_not_null()
    stamps = _stamp(head["stamp"])
    message = pl.col("rest")
    reason = pl.coalesce(
        pl.when(message.str.contains(pattern)).then(pl.lit(name))
        for name, pattern in _REASONS.items()
    )
    rows = head.select(
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        level=pl.col("level").str.to_lowercase(),
        process=pl.when(pl.col("safe").is_null())
        .then(pl.lit("mysqld"))
        .otherwise(pl.lit("mysqld_safe")),
        logger="part",
        message=message,
        reason=reason,
        extra=json_extra(code=pl.col("code"), thread=pl.col("thread")),
        flags=pl.when(pl.lit(stamps["local_time"]).is_null()).then(
            pl.lit(["bad_time"])
        ),
    )
    refused = pl.when(~pl.lit(known)).then(pl.lit("no MySQL line"))
    return rows.select(pl.when(pl.lit(known)).then(pl.all()), refused=refused)


FORMAT = Format(
    name="mysql_error",
    title="MySQL or MariaDB error log",
    hop=None,
    reference="https://dev.mysql.com/doc/refman/8.4/en/error-log-format.html",
    head=_HEAD,
    parse=parse,
    multiline=True,
    paths=r"(?i)mysql|mariadb|percona",
)
