"""AWS Classic Load Balancer access logs; old lines end behind the request."""

import polars as pl

from forensic.fields.columns import (
    dash_to_null,
    iso_stamp,
    json_extra,
    request_line,
    target,
)
from forensic.format import Format

__all__ = ["FORMAT"]

_TIME = r"-?\d+(?:\.\d+)?"
_HEAD = (
    r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z [A-Za-z0-9-]+ \S+:\d+ (?:-|\S+:\d+)"
    rf" {_TIME} {_TIME} {_TIME} "
)
_ROW = (
    r"^(?P<time>\S+) (?P<elb>\S+) (?P<client>\S+) (?P<backend>\S+)"
    rf" (?P<request_processing_time>{_TIME}) (?P<backend_processing_time>{_TIME})"
    rf" (?P<response_processing_time>{_TIME})"
    r" (?P<status>\d{1,3}|-) (?P<backend_status>\d{1,3}|-)"
    r" (?P<received>-?\d+) (?P<sent>-?\d+)"
    r' "(?P<request>.*?(?: HTTP/[\d.]+| - ))"'
    r'(?: "(?P<agent>.*)" (?P<ssl_cipher>\S+) (?P<ssl_protocol>\S+)(?: .*)?)?$'
)
_TIMES = [
    "request_processing_time",
    "backend_processing_time",
    "response_processing_time",
]


def _positive(name: str, dtype: pl.DataType) -> pl.Expr:
    value = pl.col(name).cast(dtype, strict=False)
    return pl.when(value >= 0).then(value)


def _parse(lines: pl.Series) -> pl.DataFrame:
    row = lines.str.extract_groups(_ROW).struct.unnest()
    stamp = iso_stamp(pl.col("time"))
    request = request_line(pl.col("request"))
    url = target(request.pop("target"))
    times = [_positive(name, pl.Float64()) for name in _TIMES]
    client = pl.col("client").str.replace(r":\d+$", "").str.strip_chars("[]")
    return row.select(
        local_time=stamp,
        utc_offset=pl.when(stamp.is_not_null()).then(pl.lit(0, pl.Int32)),
        start_time=stamp.dt.replace_time_zone("UTC"),
        client_ip=client,
        **request,
        **url,
        status=pl.col("status").cast(pl.Int16, strict=False),
        # a backend that gave no answer is written as 0
        upstream_status=pl.when(pl.col("backend_status") != "0").then(
            pl.col("backend_status").cast(pl.Int16, strict=False)
        ),
        bytes_received=_positive("received", pl.Int64()),
        bytes_sent=_positive("sent", pl.Int64()),
        duration=pl.sum_horizontal(times, ignore_nulls=False),
        upstream_duration=times[1],
        upstream=dash_to_null(pl.col("backend")),
        user_agent=dash_to_null(pl.col("agent")),
        message=pl.when(request["method"].is_null()).then(pl.col("request")),
        extra=json_extra(
            **{name: dash_to_null(pl.col(name)) for name in ["elb", *_TIMES]},
            ssl_cipher=dash_to_null(pl.col("ssl_cipher")),
            ssl_protocol=dash_to_null(pl.col("ssl_protocol")),
        ),
        refused=pl.when(stamp.is_null()).then(
            pl.lit("no row of a Classic Load Balancer access log")
        ),
    )


FORMAT = Format(
    name="aws_clb",
    title="AWS Classic Load Balancer access log",
    hop="load_balancer",
    reference="https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/access-log-collection.html",
    head=_HEAD,
    parse=_parse,
    paths=r"(?i)elasticloadbalancing|elb",
    stamps_start=True,
)
