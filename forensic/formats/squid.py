"""Squid's access log: `1738819927.250 120 203.0.113.9 TCP_MISS/502 4123 GET url …`.

The stamp is when the answer ended, the second number how many milliseconds it took.
The hierarchy code says whether and where Squid asked for it. `combined`, as its
`squid.conf` proposes it, has both codes behind it: `TCP_MISS:FIRSTUP_PARENT`.
"""

import polars as pl

from forensic.fields.columns import (
    clf_stamp,
    dash_to_null,
    json_extra,
    offset_seconds,
    seconds,
    target,
    without_port,
)
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT"]

_LINE = (
    r"^([0-9]{9,10})\.([0-9]{3}) +([0-9]+) ([^ ]+) ([A-Z][A-Z_]+)/([0-9]{3}) ([0-9]+)"
    r" ([^ ]+) ([^ ]+) ([^ ]+) ([A-Z][A-Z_]+)/([^ ]+) ([^ ]+)(?: (.*))?$"
)
_NAMES = (
    "whole part took client result status bytes method target user way peer kind tail"
).split()
_CLF = r"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2}"
_CODES = r"[A-Z][A-Z_]+:[A-Z][A-Z_]+"
_COMBINED = (
    rf"^([^ ]+) [^ ]+ ([^ ]+) \[({_CLF}) ([+-][0-9]{{4}})\] "
    r'"([^ ]+) ([^ ]+) HTTP/[0-9.]+" ([0-9]{1,3}) ([0-9]+)'
    r' "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)" ([A-Z][A-Z_]+):([A-Z][A-Z_]+)$'
)
_COMBINED_NAMES = (
    "client user stamp zone method target status bytes referrer agent result way"
).split()
#: Results and ways of an answer that Squid makes or keeps itself.
_OWN = r"DENIED|^NONE|HIT|FAIL"
#: Written alike for the answer of an origin and for Squid's own page about it.
_EITHER = [502, 503, 504]
_REFUSED = "no line of Squid"


def _answer(asked: pl.Expr) -> dict[str, pl.Expr]:
    """What both layouts tell of the request and its answer."""
    address = target(pl.col("target"))
    status = pl.col("status").cast(pl.Int16, strict=False)
    made = pl.col("result").str.contains(_OWN) | status.is_in([0, *_EITHER])
    return {
        "client_ip": without_port(dash_to_null(pl.col("client"))),
        "method": dash_to_null(pl.col("method")),
        "scheme": address["scheme"],
        "host": address["host"],
        "path": pl.when(address["path"].str.starts_with("/")).then(address["path"]),
        "query": address["query"],
        "status": status,
        "upstream_status": pl.when(
            asked & ~made & (status > 0) & ~status.is_in(_EITHER)
        ).then(status),
        "bytes_sent": pl.col("bytes").cast(pl.Int64, strict=False),
        "user": dash_to_null(pl.col("user")),
        "reason": pl.col("result"),
    }


def _native(lines: pl.Series) -> pl.DataFrame:
    groups = lines.str.extract_groups(_LINE).struct.unnest()
    row = groups.rename(dict(zip(groups.columns, _NAMES, strict=True)))
    micros = pl.concat_str("whole", "part").cast(pl.Int64, strict=False) * 1000
    moment = micros.cast(pl.Datetime("us"))
    return row.select(
        local_time=moment,
        utc_offset=pl.when(moment.is_not_null()).then(pl.lit(0, pl.Int32)),
        duration=seconds(pl.col("took"), 1e3),
        upstream=dash_to_null(pl.col("peer")),
        user_agent=pl.col("tail").str.extract(r'^"[^"]*" "([^"]*)"'),
        extra=json_extra(way=pl.col("way"), kind=dash_to_null(pl.col("kind"))),
        refused=pl.when(moment.is_null()).then(pl.lit(_REFUSED)),
        **_answer(pl.col("peer") != "-"),
    )


def _combined(lines: pl.Series) -> pl.DataFrame:
    groups = lines.str.extract_groups(_COMBINED).struct.unnest()
    row = groups.rename(dict(zip(groups.columns, _COMBINED_NAMES, strict=True)))
    stamp = clf_stamp(pl.col("stamp"))
    return row.select(
        local_time=stamp,
        utc_offset=offset_seconds(pl.col("zone")),
        referrer=dash_to_null(pl.col("referrer")),
        user_agent=dash_to_null(pl.col("agent")),
        extra=json_extra(way=pl.col("way")),
        refused=pl.when(stamp.is_null()).then(pl.lit(_REFUSED)),
        **_answer(~pl.col("way").is_in(["NONE", "HIER_NONE"])),
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Squid's lines."""
    return first_that_parses(lines, [_native, _combined])


FORMAT = Format(
    name="squid",
    title="Squid access log",
    hop="load_balancer",
    reference="https://wiki.squid-cache.org/Features/LogFormat",
    head=(
        r"^(?:[0-9]{9,10}\.[0-9]{3} +[0-9]+ [^ ]+ [A-Z][A-Z_]+/[0-9]{3} [0-9]+ "
        rf'|[^ ]+ [^ ]+ [^ ]+ \[{_CLF} [+-][0-9]{{4}}\] "[^\n]*" {_CODES}$)'
    ),
    parse=parse,
    stamps_end=True,
    narrow=True,
    paths=r"(?i)squid",
)
