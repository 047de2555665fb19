"""Amazon S3 server access logs; fields were only ever added at the end.

What CloudFront or a browser asks of a bucket, the bucket answers as a web server does;
calls of programs are of no hop.
"""

import polars as pl

from forensic.fields.columns import (
    clf_stamp,
    dash_to_null,
    json_extra,
    offset_seconds,
    request_line,
    seconds,
    target,
)
from forensic.format import Format

__all__ = ["FORMAT"]

_HEAD = (
    r"^\S+ \S+ \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] \S+ \S+ \S+"
    r" (?:REST|SOAP|WEBSITE|BATCH|S3)\."
)
_ROW = (
    r"^(?P<owner>\S+) (?P<bucket>\S+) \[(?P<time>[^\]]+)\] (?P<client>\S+)"
    r" (?P<requester>\S+) (?P<request_id>\S+) (?P<operation>\S+) (?P<key>\S+)"
    r' (?:"(?P<request>.*)"|-) (?P<status>\d{3}|-) (?P<error_code>\S+)'
    r" (?P<sent>\d+|-) (?P<object_size>\d+|-) (?P<total_time>\d+|-)"
    r' (?P<turn_around_time>\d+|-) (?:"(?P<referrer>.*?)"|-)'
    r' (?:"(?P<agent>.*)"|-)(?: (?P<version_id>[^" ]+)(?P<later>(?: [^" ]+)*))? ?$'
)
_EXTRA = ["bucket", "operation", "key", "object_size", "turn_around_time", "version_id"]


def _parse(lines: pl.Series) -> pl.DataFrame:
    row = lines.str.extract_groups(_ROW).struct.unnest()
    stamp = clf_stamp(pl.col("time"))
    request = request_line(pl.col("request"))
    url = target(request.pop("target"))
    host = pl.col("later").str.extract(r" (\S+\.amazonaws\.com\S*)", 1)
    millis = pl.col("total_time").cast(pl.Float64, strict=False)
    served = (pl.col("agent") == "Amazon CloudFront") | pl.col(
        "operation"
    ).str.starts_with("WEBSITE.")
    return row.select(
        hop=pl.when(served).then(pl.lit("web_server")),
        local_time=stamp,
        utc_offset=offset_seconds(pl.col("time").str.slice(21)),
        client_ip=dash_to_null(pl.col("client")),
        **request,
        **url | {"host": pl.coalesce(url["host"], host)},
        status=pl.col("status").cast(pl.Int16, strict=False),
        bytes_sent=pl.col("sent").cast(pl.Int64, strict=False),
        duration=seconds(millis, 1e3),
        user_agent=dash_to_null(pl.col("agent")),
        referrer=dash_to_null(pl.col("referrer")),
        user=dash_to_null(pl.col("requester")),
        request_id=dash_to_null(pl.col("request_id")),
        reason=dash_to_null(pl.col("error_code")),
        extra=json_extra(**{name: dash_to_null(pl.col(name)) for name in _EXTRA}),
        refused=pl.when(stamp.is_null()).then(
            pl.lit("no row of an S3 server access log")
        ),
    )


FORMAT = Format(
    name="s3_access",
    title="Amazon S3 server access log",
    hop=None,
    reference="https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html",
    head=_HEAD,
    parse=_parse,
    paths=r"(?i)s3",
    stamps_start=True,
)
