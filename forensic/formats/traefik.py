"""Traefik's access log, as text (common log format, extended) and as JSON.

The stamp is the request's start. Without an origin's status Traefik itself answered:
a redirect, a middleware, no router, or no server that could be reached.
"""

import polars as pl

from forensic.fields.columns import (
    clf_stamp,
    dash_to_null,
    http_status,
    json_extra,
    moments,
    offset_seconds,
    request_line,
    seconds,
    target,
    without_port,
)
from forensic.fields.json_fields import json_fields
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT"]

_CLF = r"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}"
#: Older versions write a dash without quotes.
_QUOTED = r'(?:"((?:[^"\\]|\\.)*)"|-)'
_TEXT = (
    rf'^(.+?) - (\S+) \[({_CLF})\] "(.*?)" ([0-9]{{3}}|-) ([0-9]+|-)'
    rf" {_QUOTED} {_QUOTED} ([0-9]+) {_QUOTED} {_QUOTED} ([0-9]+)ms$"
)
_TEXT_HEAD = rf'[^"]+? - \S+ \[{_CLF}\] ".* [0-9]+ "[^"]*" "[^"]*" [0-9]+ms$'
_TEXT_NAMES = (
    "client user stamp request status bytes referrer user_agent count router upstream"
    " millis"
).split()
_KEYS = {
    "stamp": "StartUTC StartLocal time",
    "peer": "ClientAddr",
    "client": "ClientHost",
    "user": "ClientUsername",
    "method": "RequestMethod",
    "target": "RequestPath",
    "protocol": "RequestProtocol",
    "scheme": "RequestScheme",
    "host": "RequestHost",
    "status": "DownstreamStatus",
    "upstream_status": "OriginStatus",
    "bytes_sent": "DownstreamContentSize",
    "bytes_received": "RequestContentSize",
    "duration": "Duration",
    "upstream_duration": "OriginDuration",
    "upstream": "ServiceAddr ServiceURL",
    "user_agent": "request_User-Agent",
    "referrer": "request_Referer",
    "forwarded_for": "request_X-Forwarded-For",
    "trace_id": "trace_id",
    "level": "level",
}
_NANO = 1e9


def _text(lines: pl.Series) -> pl.DataFrame:
    rows = lines.str.extract_groups(_TEXT).struct.unnest()
    rows = rows.rename(dict(zip(rows.columns, _TEXT_NAMES, strict=True)))
    line = request_line(pl.col("request"))
    stamp = clf_stamp(pl.col("stamp"))
    offset = offset_seconds(pl.col("stamp").str.slice(21))
    address = target(line["target"])
    # With X-Forwarded-For the first field is that header, of one or more addresses.
    several = pl.col("client").str.contains(",", literal=True)
    return rows.select(
        local_time=stamp,
        utc_offset=offset,
        start_time=(stamp - pl.duration(seconds=offset)).dt.replace_time_zone("UTC"),
        client_ip=pl.when(~several).then("client"),
        forwarded_for=pl.when(several).then("client"),
        user=dash_to_null(pl.col("user")),
        method=line["method"],
        http_version=line["http_version"],
        path=address["path"],
        query=address["query"],
        status=http_status(pl.col("status")),
        bytes_sent=pl.col("bytes").cast(pl.Int64, strict=False),
        referrer=dash_to_null(pl.col("referrer")),
        user_agent=dash_to_null(pl.col("user_agent")),
        upstream=dash_to_null(pl.col("upstream")).str.extract(
            "^(?:[a-z0-9]+://)?(.*)$"
        ),
        duration=seconds(pl.col("millis"), 1e3),
        extra=json_extra(router=dash_to_null(pl.col("router")), count=pl.col("count")),
        refused=pl.when(stamp.is_null()).then(pl.lit("not a Traefik line")),
    )


def _json(lines: pl.Series) -> pl.DataFrame:
    rows = json_fields(lines, _KEYS, {"DownstreamStatus", "RequestMethod"})
    stamps = moments(rows["stamp"])
    rows = rows.with_columns(stamps.select("local_time", "utc_offset"))
    address = target(pl.col("target"))
    peer = without_port(pl.col("peer"))
    client = dash_to_null(pl.col("client"))
    took = [
        seconds(pl.col(name), _NANO).alias(name)
        for name in ("duration", "upstream_duration")
    ]
    sizes = [
        pl.col(name).cast(pl.Int64, strict=False)
        for name in ("bytes_sent", "bytes_received")
    ]
    given = ["user", "method", "scheme", "host", "user_agent", "referrer", "trace_id"]
    offset = pl.duration(seconds=pl.col("utc_offset"))
    return rows.select(
        *("local_time", "utc_offset", "extra", "flags", "refused", "level"),
        *(dash_to_null(pl.col(name)) for name in given),
        *took,
        *sizes,
        start_time=(pl.col("local_time") - offset).dt.replace_time_zone("UTC"),
        client_ip=pl.coalesce(peer, client),
        forwarded_for=pl.coalesce(
            dash_to_null(pl.col("forwarded_for")), pl.when(client != peer).then(client)
        ),
        path=address["path"],
        query=address["query"],
        http_version=pl.col("protocol").str.strip_prefix("HTTP/"),
        status=http_status(pl.col("status")),
        upstream_status=http_status(pl.col("upstream_status")),
        upstream=dash_to_null(pl.col("upstream")).str.extract(
            "^(?:[a-z0-9]+://)?(.*)$"
        ),
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Traefik's lines, whichever way they are written."""
    return first_that_parses(lines, [_text, _json])


FORMAT = Format(
    name="traefik",
    title="Traefik access log",
    hop="load_balancer",
    reference="https://doc.traefik.io/traefik/observability/access-logs/",
    head=rf'^(?:{_TEXT_HEAD}|\s*\{{[\s\S]*"DownstreamStatus"\s*:)',
    parse=parse,
    json=True,
    paths=r"(?i)traefik",
    stamps_start=True,
)
