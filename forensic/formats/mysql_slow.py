"""MySQL's, MariaDB's and Percona's slow query log: one record of several lines.

`SET timestamp=` in it is when the query began, in seconds of UTC; `# Time:` above it
is written only where the second changed, and by some versions in local time.
"""

import polars as pl

from forensic.fields.columns import json_extra
from forensic.format import Format

__all__ = ["FORMAT"]

_HEAD = r"^# User@Host: "
_WHO = (
    r"^# User@Host: ([^\[\n]*)\[[^\]\n]*\] @ *([^\[\n]*?) *\[([^\]\n]*)\]"
    r"(?: +Id: *([0-9]+))?"
)
_SHOWN = 64 << 10
_SECOND = 1_000_000


def _after(label: str) -> pl.Expr:
    """The word behind a label such as `Rows_sent:`."""
    return pl.col("text").str.extract(rf"\n#[^\n]*\b{label}: *([^ \n]+)")


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of slow query records."""
    who = pl.col("text").str.extract_groups(_WHO)
    user, host, address, thread = (who.struct.field(str(n)) for n in range(1, 5))
    client = pl.when(address != "").then(address)
    text = pl.col("text")
    began = text.str.extract(r"(?:^|\n)SET timestamp=([0-9]{9,10})(?:\.[0-9]*)?;")
    sql = text.str.replace_all(r"(?m)^#[^\n]*\n?", "").str.replace(
        r"(?m)^SET timestamp=[0-9.]+;\n?", ""
    )
    details = ("Lock_time", "Rows_sent", "Rows_examined", "Schema", "Last_errno")
    micros = began.cast(pl.Int64, strict=False) * _SECOND
    return pl.DataFrame({"text": lines}).select(
        # It is no word about the zone of the server's other logs.
        start_time=micros.cast(pl.Datetime("us", "UTC")),
        process=pl.when(user.is_not_null()).then(pl.lit("mysqld")),
        user=pl.when(user != "").then(user),
        client_ip=client,
        duration=_after("Query_time").cast(pl.Float64, strict=False),
        bytes_sent=_after("Bytes_sent").cast(pl.Int64, strict=False),
        message=sql.str.strip_chars_end("\r\n").str.slice(0, _SHOWN),
        reason=pl.when(user.is_not_null()).then(pl.lit("slow_query")),
        extra=json_extra(
            thread=pl.coalesce(thread, _after("Thread_id")),
            client_name=pl.when(host != "").then(host),
            **{name.lower(): _after(name) for name in details},
        ),
        refused=pl.when(user.is_null()).then(pl.lit("no slow query record")),
    )


FORMAT = Format(
    name="mysql_slow",
    title="MySQL or MariaDB slow query log",
    hop=None,
    reference="https://dev.mysql.com/doc/refman/8.4/en/slow-query-log.html",
    head=_HEAD,
    parse=parse,
    multiline=True,
    whole=True,
    header=r"^# Time: |^Tcp port: |^Time[ \t]+Id[ \t]+Command"
    r"|, Version: .*started with:$",
    paths=r"(?i)slow",
)
