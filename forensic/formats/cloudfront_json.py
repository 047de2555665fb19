"""CloudFront's standard logging (v2) as JSON: the fields of the access log as keys.

The values are those of the tab separated log: texts, `-` for what is absent, and what
clients sent percent-encoded.
"""

import polars as pl

from forensic.fields.columns import dash_to_null, iso_stamp, without_port
from forensic.fields.json_fields import json_fields
from forensic.fields.percent import decoded
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "date": "date",
    "clock": "time",
    "epoch_ms": "timestamp(ms)",
    "epoch": "timestamp",
    "client_ip": "c-ip",
    "forwarded_for": "x-forwarded-for",
    "method": "cs-method",
    "scheme": "cs-protocol",
    "host": "x-host-header",
    "domain": "cs(Host)",
    "path": "cs-uri-stem",
    "query": "cs-uri-query",
    "protocol": "cs-protocol-version",
    "status": "sc-status",
    "bytes_sent": "sc-bytes",
    "bytes_received": "cs-bytes",
    "duration": "time-taken",
    "user_agent": "cs(User-Agent)",
    "referrer": "cs(Referer)",
    "request_id": "x-edge-request-id",
    "detail": "x-edge-detailed-result-type",
    "result": "x-edge-result-type",
}
_PLAIN = (
    "forwarded_for method scheme path query user_agent referrer request_id"
).split()
_KEPT = {"detail", "result", "domain"}


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of CloudFront's records."""
    rows = json_fields(lines, _KEYS, {"sc-status", "x-edge-location"}, _KEPT)
    rows = rows.with_columns(
        decoded(rows[name]).alias(name) for name in ("user_agent", "referrer")
    )
    millis = pl.coalesce(
        pl.col("epoch_ms").cast(pl.Int64, strict=False),
        pl.col("epoch").cast(pl.Int64, strict=False) * 1000,
    )
    written = iso_stamp(pl.concat_str("date", "clock", separator=" "))
    moment = pl.coalesce((millis * 1000).cast(pl.Datetime("us")), written)
    status = pl.col("status").cast(pl.Int16, strict=False)
    short = pl.when(status.is_null() | moment.is_null()).then(
        pl.lit("JSON, but no row of a CloudFront access log")
    )
    return rows.select(
        *("extra", "flags"),
        *(dash_to_null(pl.col(name)).alias(name) for name in _PLAIN),
        *(
            pl.col(name).cast(pl.Int64, strict=False)
            for name in ("bytes_sent", "bytes_received")
        ),
        client_ip=without_port(dash_to_null(pl.col("client_ip"))),
        local_time=moment,
        utc_offset=pl.when(moment.is_not_null()).then(pl.lit(0, pl.Int32)),
        host=pl.coalesce(dash_to_null(pl.col("host")), dash_to_null(pl.col("domain"))),
        http_version=dash_to_null(pl.col("protocol")).str.strip_prefix("HTTP/"),
        status=status,
        duration=pl.col("duration").cast(pl.Float64, strict=False),
        reason=pl.coalesce(
            dash_to_null(pl.col("detail")), dash_to_null(pl.col("result"))
        ),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="cloudfront_json",
    title="CloudFront access log as JSON",
    hop="cdn",
    reference="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html",
    head=r'^\s*\{[\s\S]*"x-edge-location"\s*:',
    parse=parse,
    json=True,
    stamps_end=True,
    usual=True,
    paths=r"(?i)cloudfront",
)
