"""AWS VPC Lattice's access log: one JSON object a request between services."""

import polars as pl

from forensic.fields.columns import (
    dash_to_null,
    http_status,
    moments,
    seconds,
    target,
    without_port,
)
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "stamp": "startTime",
    "client": "sourceIpPort",
    "upstream": "targetIpPort",
    "method": "requestMethod",
    "url": "requestPath",
    "host": "hostHeader",
    "version": "protocol",
    "status": "responseCode",
    "bytes_sent": "bytesSent",
    "bytes_received": "bytesReceived",
    "took": "duration",
    "user_agent": "userAgent",
    "user": "callerPrincipal resolvedUser",
    "reason": "authDeniedReason failureReason",
    "answered": "responseFromTargetDuration",
}


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the records."""
    marks = {"serviceArn", "startTime", "responseCode"}
    rows = json_fields(lines, _KEYS, marks, {"answered"})
    stamps = moments(rows["stamp"])
    url = target(dash_to_null(pl.col("url")))
    status = http_status(pl.col("status"))
    waited = pl.col("answered").cast(pl.Float64, strict=False)
    plain = ("method", "user_agent", "user", "reason", "upstream")
    return rows.select(
        *("extra", "flags", "refused"),
        **{name: dash_to_null(pl.col(name)) for name in plain},
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        client_ip=without_port(pl.col("client")),
        host=pl.coalesce(dash_to_null(pl.col("host")), url["host"]).str.replace(
            r":\d+$", ""
        ),
        path=url["path"],
        query=url["query"],
        http_version=pl.col("version").str.strip_prefix("HTTP/"),
        status=status,
        # The time of a target's answer stands where there was one.
        upstream_status=pl.when(waited > 0).then(status),
        upstream_duration=pl.when(waited > 0).then(seconds(pl.col("answered"), 1e3)),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        bytes_received=pl.col("bytes_received").cast(pl.Int64, strict=False),
        duration=seconds(pl.col("took"), 1e3),
    )


FORMAT = Format(
    name="vpc_lattice",
    title="AWS VPC Lattice access log",
    hop="load_balancer",
    reference="https://docs.aws.amazon.com/vpc-lattice/latest/ug/monitoring-access-logs.html",
    head=r'^\s*\{[\s\S]*"serviceArn"\s*:',
    parse=parse,
    json=True,
    sure=True,
    stamps_start=True,
    paths=r"(?i)lattice",
)
