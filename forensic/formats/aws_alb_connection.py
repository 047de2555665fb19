"""ALB connection log: one line a TLS (or plain) connection.

A client that fails the handshake has a line here and none in the access log.
"""

import polars as pl

from forensic.fields.columns import dash_to_null, iso_stamp, json_extra
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
_NAMES = (
    "stamp client_ip client_port listener_port tls_protocol tls_cipher latency subject"
    " validity serial verify_status trace tail"
).split()
_WORD = r"([^ ]+)"
_ROW = (
    rf"^({_STAMP}) ([0-9A-Fa-f.:]+) ([0-9]+) ([0-9]+) (TLSv[0-9.]+|-) {_WORD}"
    rf' ([0-9.]+|-) ("[^"]*"|-) {_WORD} {_WORD} (-|Success|Failed:[^ ]*)'
    r" (TID_[0-9a-f]+)(?: (.*))?$"
)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of connection lines."""
    rows = lines.str.extract_groups(_ROW).struct.unnest()
    rows = rows.rename(dict(zip(rows.columns, _NAMES, strict=True)))
    stamp = iso_stamp(pl.col("stamp"))
    verified = dash_to_null(pl.col("verify_status"))
    kept = ("listener_port", "tls_protocol", "tls_cipher", "validity", "serial", "tail")
    return rows.select(
        "client_ip",
        local_time=stamp,
        utc_offset=pl.when(stamp.is_not_null()).then(pl.lit(0, pl.Int32)),
        duration=pl.col("latency").cast(pl.Float64, strict=False),
        action=verified.str.to_lowercase().str.extract(r"^([a-z]+)"),
        reason=verified.str.extract(r"^Failed:(.+)$"),
        extra=json_extra(
            subject=dash_to_null(pl.col("subject").str.strip_chars('"')),
            client_port=pl.col("client_port"),
            conn_trace_id=pl.col("trace"),
            **{name: dash_to_null(pl.col(name)) for name in kept},
        ),
        refused=pl.when(stamp.is_null()).then(pl.lit("no ALB connection line")),
    )


FORMAT = Format(
    name="aws_alb_connection",
    title="ALB connection log",
    hop=None,
    reference="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-connection-logs.html",
    head=rf"^{_STAMP} [0-9A-Fa-f.:]+ [0-9]+ [0-9]+ (?:TLSv[0-9.]+|-) ",
    parse=parse,
    paths=r"(?i)conn_log\.|connection",
)
