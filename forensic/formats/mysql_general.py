r"""MySQL's and MariaDB's general log: `STAMP\t   14 Query\tSELECT …`.

Every statement, by the number of its connection. Before 5.7, and in MariaDB, the stamp
`250206  5:32:07` stands only on the first line of a second; the others have none.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix
from forensic.format import Format

__all__ = ["FORMAT"]

_ISO = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_OLD = r"[0-9]{6} {1,2}[0-9]{1,2}:[0-9]{2}:[0-9]{2}"
_COMMAND = (
    r"(?:Query|Connect|Quit|Init DB|Execute|Prepare|Close stmt|Reset stmt|Statistics"
    r"|Field List|Ping|Change user|Refresh|Shutdown|Kill|Fetch|Debug|Set option"
    r"|Binlog Dump(?: GTID)?|Register Slave|Processlist|Create DB|Drop DB|Sleep"
    r"|Long Data|Daemon|Error)"
)
_LINE = (
    rf"(?:(?P<iso>{_ISO})\t|(?P<old>{_OLD})\t|\t\t) *(?P<id>[0-9]{{1,20}}) "
    rf"(?P<command>{_COMMAND})(?:\t|$)"
)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the general log's lines."""
    head = prefix(lines, _LINE)
    stamps = moments(head["iso"])
    old = pl.col("old").str.extract_groups(
        r"^([0-9]{6}) {1,2}([0-9]{1,2})(:[0-9]{2}:[0-9]{2})$"
    )
    clock = old.struct.field("2").str.zfill(2) + old.struct.field("3")
    date = pl.concat_str(old.struct.field("1"), clock, separator=" ")
    local = date.str.to_datetime("%y%m%d %H:%M:%S", time_unit="us", strict=False)
    connect = pl.when(pl.col("command") == "Connect").then("rest")
    return head.select(
        local_time=pl.coalesce(pl.lit(stamps["local_time"]), local),
        utc_offset=pl.lit(stamps["utc_offset"]),
        logger="command",
        user=connect.str.extract(r"^([^@ ]+)@"),
        message="rest",
        extra=json_extra(connection=pl.col("id").cast(pl.Int64, strict=False)),
        refused=pl.when(pl.col("rest").is_null()).then(
            pl.lit("no line of MySQL's general log")
        ),
    )


FORMAT = Format(
    name="mysql_general",
    title="MySQL general log",
    hop=None,
    reference="https://dev.mysql.com/doc/refman/8.4/en/query-log.html",
    head=rf"^(?:{_ISO}\t|{_OLD}\t|\t\t) *[0-9]{{1,20}} {_COMMAND}(?:\t|$)",
    parse=parse,
    multiline=True,
    narrow=True,
    header=r"^(?:\S+, Version: .* started with:|Tcp port: .*|Time +Id +Command +Arg)",
    paths=r"(?i)mysql|mariadb|general",
)
