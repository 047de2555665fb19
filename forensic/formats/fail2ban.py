"""fail2ban: `2025-02-06 14:32:07,123 fail2ban.actions [812]: NOTICE [jail] Ban …`.

A banned client's packets are dropped by the machine's firewall: no server behind it
logs anything of them. Local time without a zone.
"""

import polars as pl

from forensic.fields.columns import moments, prefix
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2},[0-9]{3}"
_LEVEL = r"(?:CRITICAL|ERROR|WARNING|NOTICE|INFO|DEBUG|HEAVYDEBUG|TRACEDEBUG)"
_ACT = r"(?P<act>Found|Ban|Unban|Restore Ban|Ignore|Increase Ban)"
_ADDRESS = (
    r"(?P<client>[0-9A-Fa-f]{0,4}[.:][0-9A-Fa-f.:]+|[0-9]{1,3}(?:\.[0-9]{1,3}){3})"
)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of fail2ban's lines."""
    head = prefix(
        lines,
        rf"(?P<stamp>{_STAMP}) (?P<logger>fail2ban\.[a-z0-9.]+) *"
        rf"(?:\[(?P<pid>[0-9]+)\])?: (?P<level>{_LEVEL}) +(?:\[(?P<jail>[^\]\n]+)\] )?",
    )
    stamps = moments(head["stamp"])
    known = pl.col("rest").is_not_null()
    deed = pl.col("rest").str.extract_groups(rf"^{_ACT} {_ADDRESS}")
    return head.select(
        "logger",
        local_time=stamps["local_time"],
        level=pl.col("level").str.to_lowercase(),
        process=pl.when(known).then(pl.lit("fail2ban")),
        pid=pl.col("pid").cast(pl.Int64, strict=False),
        client_ip=deed.struct.field("client"),
        action=deed.struct.field("act").str.to_lowercase(),
        rule=pl.when(deed.struct.field("act").is_not_null()).then("jail"),
        message=pl.when(pl.col("jail").is_null())
        .then("rest")
        .otherwise(pl.format("[{}] {}", "jail", "rest")),
        flags=pl.when(known & pl.lit(stamps["local_time"]).is_null()).then(
            pl.lit(["bad_time"])
        ),
        refused=pl.when(~known).then(pl.lit("no line of fail2ban")),
    )


FORMAT = Format(
    name="fail2ban",
    title="fail2ban log",
    hop="host",
    reference="https://github.com/fail2ban/fail2ban: server/server.py",
    head=rf"^{_STAMP} fail2ban\.[a-z0-9.]+ *(?:\[[0-9]+\])?: {_LEVEL} ",
    parse=parse,
    multiline=True,
    paths=r"(?i)fail2ban",
)
