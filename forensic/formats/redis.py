"""Redis and Valkey server logs, 1.2 to 8.

`26571:M 06 Feb 2025 14:32:07.874 * text`: process, role, local time (without a year
before 3.2, without a zone ever) and a level as one character.
"""

import polars as pl

from forensic.fields.columns import by_value, json_extra, prefix
from forensic.format import Format
from forensic.schema import YEARLESS

__all__ = ["FORMAT"]

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_STAMP = (
    rf"[0-9 ][0-9] {_MONTH}(?: [0-9]{{4}})? [0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}"
    r"(?:\.[0-9]{3})?"
)
_WHO = r"(?:[0-9]+:[XCSM] |\[[0-9]+\] )?"
_SIGNAL = r"[0-9]+:signal-handler \(1[0-9]{9}\) "
_HEAD = rf"^(?:{_WHO}{_STAMP} [.*#-] |{_SIGNAL})"
_LEVELS = {".": "debug", "-": "verbose", "*": "notice", "#": "warning"}
_ROLES = {"X": "sentinel", "C": "child", "S": "replica", "M": "master"}
_REASONS = {
    "out_of_memory": r"Out Of Memory|Can't save in background: fork",
    "crash": r"crashed by signal|=== REDIS BUG REPORT",
    "disk_full": r"No space left on device",
    "too_many_connections": r"max number of clients reached",
    "starting": r"eady to accept connections|Server (?:started|initialized)",
    "shutting_down": r"scheduling shutdown|User requested shutdown|ready to exit",
}


def _stamps(texts: pl.Series) -> pl.DataFrame:
    """`06 Feb 2025 14:32:07.874`, the year being YEARLESS where there is none."""
    yearly = texts.str.replace(r"^(.{6}) ([0-9]{2}:)", f"$1 {YEARLESS} $2")
    return yearly.str.to_datetime(
        "%e %b %Y %H:%M:%S%.f", time_unit="us", strict=False
    ).to_frame("local_time")


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Redis's lines."""
    head = prefix(
        lines,
        r"(?:(?P<pid>[0-9]+):(?P<role>[XCSM]) |\[(?P<bracketed>[0-9]+)\] )?"
        rf"(?:(?P<stamp>{_STAMP}) (?P<level>[.*#-]) "
        r"|(?P<handler>[0-9]+):signal-handler \((?P<epoch>1[0-9]{9})\) )",
    )
    known = pl.col("rest").is_not_null()
    written = by_value(head["stamp"], _stamps)["local_time"]
    epoch = pl.col("epoch").cast(pl.Int64, strict=False) * 1_000_000
    counted = epoch.cast(pl.Datetime("us", "UTC"))
    timed = pl.lit(written).is_not_null() | counted.is_not_null()
    pid = pl.coalesce("pid", "bracketed", "handler")
    reason = pl.coalesce(
        pl.when(pl.col("rest").str.contains(pattern)).then(pl.lit(name))
        for name, pattern in _REASONS.items()
    )
    return head.select(
        local_time=pl.lit(written),
        # It is no word about the zone of the other lines.
        start_time=counted,
        level=pl.col("level").replace_strict(
            _LEVELS, default=None, return_dtype=pl.String
        ),
        process=pl.when(known).then(pl.lit("redis")),
        pid=pid.cast(pl.Int64, strict=False),
        message="rest",
        reason=reason,
        extra=json_extra(
            role=pl.col("role").replace_strict(
                _ROLES, default=None, return_dtype=pl.String
            )
        ),
        flags=pl.when(known & ~timed).then(pl.lit(["bad_time"])),
        refused=pl.when(~known).then(pl.lit("no Redis line")),
    )


FORMAT = Format(
    name="redis",
    title="Redis or Valkey log",
    hop=None,
    reference="redis/src/server.c: serverLogRaw",
    head=_HEAD,
    parse=parse,
    multiline=True,
    paths=r"(?i)redis|valkey|sentinel",
)
