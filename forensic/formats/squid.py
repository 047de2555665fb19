"""Squid's own access log: `1738819927.250 120 203.0.113.9 TCP_MISS/502 4123 GET url …`.

The stamp is when the answer ended, the second number how many milliseconds it took.
The hierarchy code says whether and where Squid asked for it.
"""

import polars as pl

from forensic.columns import dash_to_null, json_extra, target, without_port
from forensic.format import Format

__all__ = ["FORMAT"]

_LINE = (
    r"^([0-9]{9,10})\.([0-9]{3}) +([0-9]+) ([^ ]+) ([A-Z][A-Z_]+)/([0-9]{3}) ([0-9]+)"
    r" ([^ ]+) ([^ ]+) ([^ ]+) ([A-Z][A-Z_]+)/([^ ]+) ([^ ]+)(?: (.*))?$"
)
_NAMES = (
    "whole part took client result status bytes method target user way peer kind tail"
).split()
#: Results and ways of an answer that Squid makes or keeps itself.
_OWN = r"DENIED|^NONE|HIT|FAIL"
#: Written alike for the answer of an origin and for Squid's own page about it.
_EITHER = [502, 503, 504]


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Squid's lines."""
    groups = lines.str.extract_groups(_LINE).struct.unnest()
    row = groups.rename(dict(zip(groups.columns, _NAMES, strict=True)))
    micros = pl.concat_str("whole", "part").cast(pl.Int64, strict=False) * 1000
    moment = micros.cast(pl.Datetime("us"))
    address = target(pl.col("target"))
    status = pl.col("status").cast(pl.Int16, strict=False)
    asked = ~pl.col("result").str.contains(_OWN) & (pl.col("peer") != "-")
    return row.select(
        local_time=moment,
        utc_offset=pl.when(moment.is_not_null()).then(pl.lit(0, pl.Int32)),
        duration=pl.col("took").cast(pl.Float64, strict=False) / 1000,
        client_ip=without_port(dash_to_null(pl.col("client"))),
        method=dash_to_null(pl.col("method")),
        scheme=address["scheme"],
        host=address["host"],
        path=pl.when(address["path"].str.starts_with("/")).then(address["path"]),
        query=address["query"],
        status=status,
        upstream_status=pl.when(asked & ~status.is_in(_EITHER)).then(status),
        bytes_sent=pl.col("bytes").cast(pl.Int64, strict=False),
        user=dash_to_null(pl.col("user")),
        upstream=dash_to_null(pl.col("peer")),
        user_agent=pl.col("tail").str.extract(r'^"[^"]*" "([^"]*)"'),
        reason="result",
        extra=json_extra(way=pl.col("way"), kind=dash_to_null(pl.col("kind"))),
        refused=pl.when(moment.is_null()).then(pl.lit("no line of Squid")),
    )


FORMAT = Format(
    name="squid",
    title="Squid access log",
    hop="load_balancer",
    reference="https://wiki.squid-cache.org/Features/LogFormat",
    head=r"^[0-9]{9,10}\.[0-9]{3} +[0-9]+ [^ ]+ [A-Z][A-Z_]+/[0-9]{3} [0-9]+ ",
    parse=parse,
    stamps_end=True,
    paths=r"(?i)squid",
)
