"""FortiGate's and FortiProxy's own lines: `date=… time=… devname=… logid=… …`.

Traffic and what its inspection found in it. The stamp is local; the zone stands
beside it, or follows from `eventtime`, which counts from 1970.
"""

import polars as pl

from forensic.fields.columns import (
    iso_stamp,
    json_extra,
    keyed,
    keys_apart,
    offset_seconds,
    target,
    zone_between,
)
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = (
    "date time tz eventtime devname logid type subtype level srcip remip user host"
    " hostname url httpmethod agent referralurl action policyid policyname attackid"
    " attack profile sentbyte rcvdbyte duration dstip dstport service msg logdesc"
    " httpcode status crlevel"
).split()
_EXTRA = (
    "logid type subtype action policyid policyname profile dstip dstport service"
    " status crlevel logdesc"
).split()
_ABSENT = ["", "N/A", "none", "unknown"]
_DONE = {
    r"^(?:block|deny|den|drop|reset|clear|server-rst|close_tcp)": "BLOCK",
    r"^(?:monitor|detect|log)": "COUNT",
    r"^(?:pass|allow|accept|permit|exempt)": "ALLOW",
}
#: Both stamps are of one moment, nearly (s).
_SLACK = 300
_FRONT = (
    r"(?:<[0-9]{1,3}>)?(?:(?:logver|timestamp|devname|devid|vd|tz|itime|eventtime)="
    r'(?:"[^"]*"|[^ ]*) )*'
)
_HEAD = (
    rf'^{_FRONT}(?:date="?[0-9-]{{10}}"? )?time="?[0-9:]{{8}}"? [\s\S]*'
    r"(?:devname|devid|vd|type)="
)
_REFUSED = "no line of FortiGate"


def _stamps() -> dict[str, pl.Expr]:
    """The stamp, and its zone: written, or by the count of the same moment."""
    local = iso_stamp(pl.concat_str("date", pl.lit(" "), "time"))
    # Seconds, or nanoseconds since version 6.2.
    counted = pl.col("eventtime").str.slice(0, 10).cast(pl.Int64, strict=False)
    utc = pl.from_epoch(counted, "s").cast(pl.Datetime("us"))
    told = zone_between(local, utc, _SLACK)
    return {
        "local_time": pl.coalesce(local, utc),
        "utc_offset": pl.when(local.is_not_null())
        .then(pl.coalesce(offset_seconds(pl.col("tz")), told))
        .when(utc.is_not_null())
        .then(pl.lit(0, pl.Int32)),
    }


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the appliance's lines."""
    found = pl.DataFrame({"line": keys_apart(lines)}).select(
        "line", **{name: keyed(name, _ABSENT) for name in _KEYS}
    )
    word = pl.col("action").str.to_lowercase()
    action = pl.coalesce(
        pl.when(word.str.contains(shape)).then(pl.lit(name))
        for shape, name in _DONE.items()
    )
    url = target(pl.col("url"))
    asked = pl.col("type") == "utm"
    fits = pl.col("line").str.contains(_HEAD) & pl.col("logid").is_not_null()
    return found.select(
        **_stamps(),
        # Its firewall for web servers is one profile of many.
        hop=pl.when(pl.col("subtype") == "waf").then(pl.lit("waf")),
        hostname="devname",
        level="level",
        client_ip=pl.coalesce("srcip", "remip"),
        user="user",
        method=pl.col("httpmethod").str.to_uppercase(),
        host=pl.when(asked).then(pl.coalesce("hostname", url["host"])),
        path=url["path"],
        query=url["query"],
        user_agent="agent",
        referrer="referralurl",
        bytes_sent=pl.col("rcvdbyte").cast(pl.Int64, strict=False),
        bytes_received=pl.col("sentbyte").cast(pl.Int64, strict=False),
        duration=pl.col("duration").cast(pl.Float64, strict=False),
        action=action,
        rule=pl.coalesce("attackid", "policyid"),
        rule_group=pl.coalesce("profile", "policyname"),
        reason=pl.coalesce("attack", "action"),
        message=pl.coalesce("msg", "logdesc", "attack"),
        extra=json_extra(**{name: pl.col(name) for name in _EXTRA}),
        refused=pl.when(~fits.fill_null(value=False)).then(pl.lit(_REFUSED)),
    )


FORMAT = Format(
    name="fortigate",
    title="FortiGate or FortiProxy",
    hop=None,
    reference="https://docs.fortinet.com/document/fortigate/7.4.0/fortios-log-message-reference",
    head=_HEAD,
    parse=parse,
    sure=True,
    paths=r"(?i)forti",
)
