"""AWS Network Load Balancer access logs: TLS listeners, one line a connection."""

import polars as pl

from forensic.fields.columns import dash_to_null, iso_stamp, json_extra, seconds
from forensic.format import Format

__all__ = ["FORMAT"]

_HEAD = r"^tls \d\.\d \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ? net/"
#: No field holds a space, and quotes stand in the last but one only.
_FIELDS = [
    "type",
    "version",
    "time",
    "elb",
    "listener",
    "client",
    "destination",
    "connection_time",
    "tls_handshake_time",
    "received_bytes",
    "sent_bytes",
    "incoming_tls_alert",
    "chosen_cert_arn",
    "chosen_cert_serial",
    "tls_cipher",
    "tls_protocol_version",
    "tls_named_group",
    "domain_name",
    "alpn_fe_protocol",
    "alpn_be_protocol",
    "alpn_client_preference_list",
    "tls_connection_creation_time",
]
_EXTRA = [
    "elb",
    "listener",
    "tls_handshake_time",
    "incoming_tls_alert",
    "chosen_cert_arn",
    "tls_cipher",
    "tls_protocol_version",
    "alpn_fe_protocol",
    "alpn_be_protocol",
    "alpn_client_preference_list",
]


def _parse(lines: pl.Series) -> pl.DataFrame:
    parts = lines.str.split_exact(" ", len(_FIELDS) - 1).struct.unnest()
    row = parts.rename(dict(zip(parts.columns, _FIELDS, strict=True)))
    stamp = iso_stamp(pl.col("time"))
    began = iso_stamp(pl.col("tls_connection_creation_time"))
    whole = pl.col("alpn_be_protocol").is_not_null()
    good = stamp.is_not_null() & whole & (pl.col("type") == "tls")
    client = pl.col("client").str.replace(r":\d+$", "").str.strip_chars("[]")
    millis = pl.col("connection_time").cast(pl.Float64, strict=False)
    parsed = row.select(
        good.fill_null(value=False).alias("good"),
        local_time=stamp,
        utc_offset=pl.lit(0, pl.Int32),
        start_time=began.dt.replace_time_zone("UTC"),
        client_ip=dash_to_null(client),
        scheme=pl.lit("tls"),
        host=dash_to_null(pl.col("domain_name")),
        bytes_received=pl.col("received_bytes").cast(pl.Int64, strict=False),
        bytes_sent=pl.col("sent_bytes").cast(pl.Int64, strict=False),
        duration=pl.when(millis >= 0).then(seconds(millis, 1e3)),
        upstream=dash_to_null(pl.col("destination")),
        reason=dash_to_null(pl.col("incoming_tls_alert")),
        extra=json_extra(**{name: dash_to_null(pl.col(name)) for name in _EXTRA}),
    )
    return parsed.select(
        pl.when("good").then(pl.exclude("good")),
        refused=pl.when(~pl.col("good")).then(
            pl.lit("no row of a Network Load Balancer access log")
        ),
    )


FORMAT = Format(
    name="aws_nlb",
    title="AWS Network Load Balancer access log",
    hop="load_balancer",
    reference="https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-access-logs.html",
    head=_HEAD,
    parse=_parse,
    stamps_end=True,
    paths=r"(?i)elasticloadbalancing|nlb",
)
