"""Suricata's EVE records, and AWS Network Firewall's, which hold one in `event`.

A sensor on the wire: its HTTP records tell what both sides said, its alerts which
signature matched and whether the packet was dropped. It answers no request itself.
"""

import polars as pl

from forensic.fields.columns import http_status, moments, target
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_EVENT = {
    "stamp": "timestamp",
    "kind": "event_type",
    "client_ip": "src_ip",
    "method": "http.http_method",
    "host": "http.hostname tls.sni",
    "url": "http.url",
    "protocol": "http.protocol",
    "status": "http.status",
    "bytes_sent": "http.length",
    "user_agent": "http.http_user_agent",
    "referrer": "http.http_refer",
    "forwarded_for": "http.xff",
    "action": "alert.action verdict.action",
    "rule": "alert.signature_id",
    "message": "alert.signature",
    "rule_type": "alert.category",
}
_KEYS = {
    name: f"{key} event.{key.replace(' ', ' event.')}" for name, key in _EVENT.items()
}
_KEYS["stamp"] = "event.timestamp timestamp"
_PLAIN = (
    "method host user_agent referrer forwarded_for rule rule_type client_ip message"
).split()
_KINDS = (
    "^(?:alert|anomaly|drop|flow|netflow|http2?|fileinfo|dns|mdns|tls|quic|ssh|smtp|ftp"
    "|ftp_data|smb|nfs|tftp|rdp|rfb|snmp|sip|dhcp|ike|krb5|mqtt|dcerpc|modbus|dnp3"
    "|enip|pgsql|ldap|doh2|websocket|bittorrent_dht|arp|frame|packet)$"
)
_KEPT = {"kind", "action", "protocol"}
_DONE = {"blocked": "BLOCK", "drop": "BLOCK", "reject": "BLOCK", "allowed": "COUNT"}


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of EVE records."""
    rows = json_fields(lines, _KEYS, (), _KEPT)
    stamps = moments(rows["stamp"])
    address = target(pl.col("url"))
    # Applications write an `event_type`, too.
    own = pl.col("kind").str.contains(_KINDS) & pl.col("client_ip").is_not_null()
    own |= pl.col("kind") == "stats"
    short = pl.when(~own.fill_null(value=False) | stamps["local_time"].is_null()).then(
        pl.lit("JSON, but no record of Suricata")
    )
    return rows.select(
        *("extra", "flags"),
        *(pl.when(pl.col(name) != "").then(name).alias(name) for name in _PLAIN),
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        process=pl.lit("suricata"),
        path=address["path"],
        query=address["query"],
        http_version=pl.col("protocol").str.strip_prefix("HTTP/"),
        status=http_status(pl.col("status")),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        action=pl.col("action").replace_strict(
            _DONE, default=None, return_dtype=pl.String
        ),
        reason=pl.concat_str(pl.lit("suricata_"), "kind"),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="suricata_eve",
    title="Suricata or AWS Network Firewall records",
    hop="host",
    reference="https://docs.suricata.io/en/latest/output/eve/eve-json-format.html",
    head=r'^\s*\{[\s\S]*"event_type"\s*:\s*"',
    parse=parse,
    json=True,
    usual=True,
    paths=r"(?i)eve|suricata|network-firewall",
)
