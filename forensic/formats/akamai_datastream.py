"""Akamai's DataStream 2 as JSON: a request at the edge, and how it failed there.

All values may be texts; `-` stands for what is absent. `errorCode` is set only where
the edge itself could not or would not answer as asked.
"""

import polars as pl

from forensic.fields.columns import dash_to_null, seconds
from forensic.fields.json_fields import json_fields
from forensic.fields.percent import decoded
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "began": "reqTimeSec",
    "client_ip": "cliIP",
    "method": "reqMethod",
    "proto": "proto",
    "host": "reqHost",
    "path": "reqPath",
    "query": "queryStr",
    "status": "statusCode",
    "bytes_sent": "totalBytes bytes",
    "bytes_received": "reqSize",
    "user_agent": "UA",
    "referrer": "referer",
    "forwarded_for": "xForwardedFor",
    "request_id": "reqId",
    "took": "turnAroundTimeMSec",
    "moved": "transferTimeMSec",
    "reason": "errorCode",
    "rule": "securityRules",
    "upstream": "originIP",
}
_PLAIN = (
    "client_ip method host query referrer forwarded_for request_id reason upstream"
).split()


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of DataStream's records."""
    marks = {"cliIP", "statusCode", "reqTimeSec"}
    rows = json_fields(lines, _KEYS, marks, {"took", "moved", "rule"})
    rows = rows.with_columns(
        decoded(rows[name]).alias(name) for name in ("user_agent", "path")
    )
    began = (pl.col("began").cast(pl.Float64, strict=False) * 1e6).round()
    start = began.cast(pl.Int64, strict=False).cast(pl.Datetime("us"))
    status = pl.col("status").cast(pl.Int16, strict=False)
    took = pl.sum_horizontal(
        pl.col(name).cast(pl.Float64, strict=False) for name in ("took", "moved")
    )
    short = pl.when(status.is_null() | start.is_null()).then(
        pl.lit("JSON, but no record of DataStream")
    )
    path = pl.col("path").str.strip_prefix("/")
    return rows.select(
        *("extra", "flags"),
        *(dash_to_null(pl.col(name)).alias(name) for name in _PLAIN),
        *(
            pl.col(name).cast(pl.Int64, strict=False)
            for name in ("bytes_sent", "bytes_received")
        ),
        local_time=start,
        utc_offset=pl.when(start.is_not_null()).then(pl.lit(0, pl.Int32)),
        start_time=start.dt.replace_time_zone("UTC"),
        scheme=dash_to_null(pl.col("proto"))
        .str.to_lowercase()
        .str.extract("^(https?)"),
        path=pl.concat_str(pl.lit("/"), path),
        user_agent=dash_to_null(pl.col("user_agent")),
        status=pl.when(status.is_between(100, 599) | (status == 0)).then(status),
        duration=seconds(took, 1e3),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="akamai_datastream",
    title="Akamai DataStream",
    hop="cdn",
    reference="https://techdocs.akamai.com/datastream2/docs/data-set-parameters",
    head=r'^\s*\{[\s\S]*"(?:cliIP|reqTimeSec)"\s*:',
    parse=parse,
    json=True,
    paths=r"(?i)akamai|datastream",
    stamps_start=True,
)
