"""FortiWeb's attack and traffic logs, and FortiADC's: `date=… time=… key=value …`.

An attack names its type, its signature, the policy and what was done; a line of traffic
has the status. The zone stands in words, and twice: it counts where both agree.
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

__all__ = ["FORMAT"]

_KEYS = (
    "date time tz timezone timezone_dayst date_time type cat subtype main_type"
    " sub_type subcat signature_subclass signature_id sigid policy action"
    " severity_level severity threat_level src src_ip original_src http_method"
    " http_host http_url http_agent user_agent http_refer http_referer http_retcode"
    " http_request_bytes http_response_bytes user_name user msg msg_id"
    " server_pool_name device_id devname status reason real_server ep_id app_name"
).split()
_EXTRA = (
    "type subtype sub_type status reason server_pool_name real_server device_id"
    " app_name ep_id"
).split()
_ABSENT = ["", "none", "N/A", "unknown", "Unknown", "-"]
_ZONE = r"^\(GMT([+-])([0-9]{1,2}):([0-9]{2})\)"
_DONE = {
    r"(?i)deny|block|drop|send|close": "BLOCK",
    r"(?i)captcha|challenge|confirm": "CHALLENGE",
    r"(?i)alert|detect|monitor": "COUNT",
}


def _stamps() -> dict[str, pl.Expr]:
    """The stamp, and its zone where it is told without doubt."""
    cloud = pl.col("date_time")
    part = pl.col("timezone").str.extract_groups(_ZONE).struct
    zone = offset_seconds(
        part.field("1") + part.field("2").str.pad_start(2, "0") + part.field("3")
    )
    other = pl.col("timezone_dayst").str.extract(r"^GMT[a-z]?(-?[0-9]{1,2})$")
    hours = -other.cast(pl.Int32, strict=False)
    agreed = pl.when((hours * 3600 == zone).fill_null(value=True)).then(zone)
    apart = iso_stamp(pl.concat_str("date", pl.lit(" "), "time"))
    return {
        "local_time": pl.coalesce(iso_stamp(cloud.str.slice(0, 19)), apart),
        "utc_offset": pl.coalesce(
            offset_seconds(cloud.str.slice(19)), offset_seconds(pl.col("tz")), agreed
        ),
    }


def _action() -> pl.Expr:
    """What was done, in the words of the other firewalls."""
    word = pl.col("action")
    return pl.coalesce(
        pl.when(word.str.contains(shape)).then(pl.lit(name))
        for shape, name in _DONE.items()
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the appliance's lines."""
    found = pl.DataFrame({"line": keys_apart(lines)}).select(
        "line", **{name: keyed(name, _ABSENT) for name in _KEYS}
    )
    kind = pl.coalesce("cat", "type")
    attack = kind == "attack"
    url = target(pl.col("http_url"))
    client = pl.coalesce("src", "src_ip")
    origin = pl.col("original_src")
    severity = pl.coalesce("severity_level", "severity", "threat_level")
    fits = kind.is_in(["attack", "traffic"]) & pl.col("line").str.contains(_HEAD)
    return found.select(
        **_stamps(),
        # Of what it lets pass it writes what a proxy writes.
        hop=pl.when(attack).then(pl.lit("waf")).otherwise(pl.lit("load_balancer")),
        hostname="devname",
        client_ip=client,
        forwarded_for=pl.when(origin != client).then(origin),
        method=pl.col("http_method").str.to_uppercase(),
        host=pl.coalesce(url["host"], pl.col("http_host").str.replace(r":\d+$", "")),
        path=url["path"],
        query=url["query"],
        status=http_status(pl.col("http_retcode")),
        bytes_sent=pl.col("http_response_bytes").cast(pl.Int64, strict=False),
        bytes_received=pl.col("http_request_bytes").cast(pl.Int64, strict=False),
        user_agent=pl.coalesce("http_agent", "user_agent"),
        referrer=pl.coalesce("http_refer", "http_referer"),
        user=pl.coalesce("user_name", "user"),
        request_id="msg_id",
        level=severity.str.to_lowercase(),
        action=pl.when(attack).then(_action()),
        rule=pl.when(attack).then(
            pl.coalesce(
                *("signature_id", "sigid", "signature_subclass", "sub_type", "subcat"),
                *("main_type", "subtype"),
            )
        ),
        rule_group="policy",
        rule_type=pl.when(attack).then(pl.coalesce("main_type", "subcat", "subtype")),
        reason=pl.when(attack).then("action"),
        message="msg",
        extra=json_extra(**{name: pl.col(name) for name in _EXTRA}),
        refused=pl.when(~fits.fill_null(value=False)).then(pl.lit(_REFUSED)),
    )


_REFUSED = "no line of FortiWeb's attacks or traffic"
_HEAD = (
    r"^(?:<[0-9]{1,3}>)?(?:date=[0-9-]{10} time=|time=|cat=|date_time=)[\s\S]*"
    r"(?:http_method|http_url|http_host)="
)

FORMAT = Format(
    name="fortiweb",
    title="FortiWeb or FortiADC",
    hop=None,
    reference="https://docs.fortinet.com/document/fortiweb/7.4.0/log-message-reference",
    head=_HEAD,
    parse=parse,
    paths=r"(?i)forti",
)
