"""Sophos Firewall's web server protection: `device="SFW" … log_type="WAF" …`.

It is a proxy that looks for attacks: a line of each request, whose `reason` names what
refused it. The zone stands in words, or as hours from UTC.
"""

import polars as pl

from forensic.fields.columns import (
    http_status,
    iso_stamp,
    json_extra,
    keyed,
    keys_apart,
    offset_seconds,
    target,
)
from forensic.format import Format
from forensic.zones import ABBREVIATIONS

__all__ = ["FORMAT"]

_KEYS = (
    "date time timezone device_name user_name server sourceip localip ws_protocol url"
    " querystring referer method httpstatus reason extra contenttype useragent host"
    " responsetime bytessent bytesrcv fw_rule_id fw_rule_name log_id"
).split()
_EXTRA = "localip extra contenttype responsetime fw_rule_id log_id".split()
_ABSENT = ["", "-", "N/A"]
_HEAD = r'^(?:<[0-9]{1,3}>)?device(?:_name)?="[^"]*" [^\n]*log_type="WAF" '


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of its lines."""
    found = pl.DataFrame({"line": keys_apart(lines)}).select(
        "line", **{name: keyed(name, _ABSENT) for name in _KEYS}
    )
    url = target(pl.col("url"))
    zone = pl.col("timezone")
    hours = zone.str.replace(r"^([+-][0-9]{2})$", "${1}00")
    named = zone.replace_strict(ABBREVIATIONS, default=None, return_dtype=pl.Int32)
    status = http_status(pl.col("httpstatus"))
    refused = pl.col("reason").is_not_null() & (status >= 400)
    known = pl.col("line").str.contains(_HEAD) & status.is_not_null()
    whole = known & pl.col("date").is_not_null()
    return found.select(
        local_time=iso_stamp(pl.concat_str("date", pl.lit(" "), "time")),
        utc_offset=pl.coalesce(offset_seconds(hours), named),
        hop=pl.when(refused).then(pl.lit("waf")).otherwise(pl.lit("load_balancer")),
        hostname="device_name",
        client_ip="sourceip",
        method="method",
        host=pl.coalesce(url["host"], pl.col("server").str.replace(r":\d+$", "")),
        path=url["path"],
        query=pl.coalesce(url["query"], pl.col("querystring").str.strip_prefix("?")),
        http_version=pl.col("ws_protocol").str.strip_prefix("HTTP/"),
        status=status,
        bytes_sent=pl.col("bytessent").cast(pl.Int64, strict=False),
        bytes_received=pl.col("bytesrcv").cast(pl.Int64, strict=False),
        user_agent="useragent",
        referrer="referer",
        user="user_name",
        action=pl.when(refused).then(pl.lit("BLOCK")),
        rule=pl.when(refused).then("reason"),
        rule_group=pl.when(refused).then("fw_rule_name"),
        reason="reason",
        extra=json_extra(**{name: pl.col(name) for name in _EXTRA}),
        refused=pl.when(~whole.fill_null(value=False)).then(
            pl.lit("no line of Sophos' web server protection")
        ),
    )


FORMAT = Format(
    name="sophos_waf",
    title="Sophos Firewall's web server protection",
    hop=None,
    reference="https://docs.sophos.com/nsg/sophos-firewall/latest/PDF/SF%20syslog%20guide.pdf",
    head=_HEAD,
    parse=parse,
    paths=r"(?i)sophos|sfos",
)
