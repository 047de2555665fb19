"""CrowdSec's decisions, in its own log: `… : 4h ban on Ip 203.0.113.9`.

A bouncer of a web server answers such a client 403, and one of a firewall drops its
packets; neither says why. Its other lines are read as any of their kind.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments
from forensic.format import Format

__all__ = ["FORMAT"]

_OPEN = r'^time="(?P<stamp>[^"]+)" level=(?P<level>[a-z]+) msg="'
#: What it decided, and of an address that it saw a pattern.
_SAYS = (
    r"(?P<message>\([^ )]+\) (?P<rule>[^\"]+?) by [a-z]+ [^\"]* : "
    r"(?P<lasts>(?:[0-9.]{1,9}[hms]){1,3}) (?P<action>[a-z]+) on (?P<scope>[A-Za-z]+) "
    r"(?P<client>[^ \"]+)"
    r"|Ip (?P<seen>[^ \"]+) performed '(?P<pattern>[^'\"]+)' [^\"]*)\""
)
_HOURS, _MINUTES = 3600, 60


def _seconds(lasts: pl.Expr) -> pl.Expr:
    """How long a decision holds, of what Go writes: `3h59m58s`."""
    parts = {"h": _HOURS, "m": _MINUTES, "s": 1}
    counts = [
        lasts.str.extract(rf"([0-9.]+){unit}").cast(pl.Float64, strict=False) * size
        for unit, size in parts.items()
    ]
    return pl.sum_horizontal(counts).round().cast(pl.Int64).cast(pl.String)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of what CrowdSec saw and decided."""
    rows = lines.str.extract_groups(_OPEN + _SAYS).struct.unnest()
    stamps = moments(rows["stamp"])
    known = pl.col("stamp").is_not_null()
    of_address = pl.col("scope").str.to_lowercase() == "ip"
    return rows.select(
        *("level", "action", "message"),
        rule=pl.coalesce("rule", "pattern"),
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        process=pl.when(known).then(pl.lit("crowdsec")),
        client_ip=pl.coalesce(pl.when(of_address).then("client"), "seen"),
        extra=json_extra(
            scope=pl.col("scope"),
            value=pl.col("client"),
            seconds=_seconds(pl.col("lasts")),
        ),
        refused=pl.when(~known).then(pl.lit("no decision of CrowdSec")),
    )


FORMAT = Format(
    name="crowdsec",
    title="CrowdSec's decisions",
    hop="host",
    reference="https://docs.crowdsec.net/docs/next/log_processor/alert_context/intro",
    head=(
        r'^time="[^"]+" level=[a-z]+ msg="'
        r"(?:\([^ )]+\) [^\"]+ by [a-z]+ [^\"]* : [0-9.hms]+ [a-z]+ on "
        r"|Ip [^ \"]+ performed ')"
    ),
    parse=parse,
    narrow=True,
    sure=True,  # other programs write the rest of its lines alike
    paths=r"(?i)crowdsec",
)
