"""Envoy's access log, as text (its default and Istio's) and as JSON.

`[2025-02-06T05:32:07.123Z] "GET /app HTTP/2" 403 UAEX 0 19 1 - "203.0.113.9" …`. The
stamp is the request's start; the flags say whether Envoy itself answered, and why.
"""

import polars as pl

from forensic.fields.columns import (
    dash_to_null,
    iso_stamp,
    json_extra,
    request_line,
    seconds,
    target,
    without_port,
)
from forensic.fields.json_fields import json_fields
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z"
_QUOTED = r'"([^"]*)"'
_NUMBER = r"([0-9]+|-)"
_TEXT_HEAD = rf'(?:ACCESS )?\[{_STAMP}\] "[^"]*" [0-9]{{1,3}} (?:[A-Z]|-)'
#: Istio puts details and the transport's failure behind the flags.
_TEXT = (
    rf'^(?:ACCESS )?\[({_STAMP})\] "([^"]*)" ([0-9]{{1,3}}) ([A-Z0-9,]+|-)'
    rf'(?: ([^ "0-9][^ "]*|-) ([^ "]+) "([^"]*)")?'
    rf" {_NUMBER} {_NUMBER} {_NUMBER} {_NUMBER}"
    rf" {_QUOTED} {_QUOTED} {_QUOTED} {_QUOTED} {_QUOTED}(.*)$"
)
_TEXT_NAMES = (
    "stamp request status flags_set details ended failure bytes_received bytes_sent"
    " duration service_time forwarded_for user_agent request_id host upstream tail"
).split()
#: Istio's tail: cluster, local addresses, the client's, the name asked for, route.
_TAIL = r"^ (\S+) \S+ \S+ (\S+) \S+ \S+$"
_KEYS = {
    # Contour's name for it.
    "stamp": "start_time @timestamp",
    "method": "method",
    "target": "path x-envoy-origin-path",
    "protocol": "protocol",
    "status": "response_code",
    "flags_set": "response_flags",
    "details": "response_code_details",
    "failure": "upstream_transport_failure_reason",
    "bytes_received": "bytes_received",
    "bytes_sent": "bytes_sent",
    "duration": "duration",
    "service_time": "upstream_service_time x-envoy-upstream-service-time",
    "forwarded_for": "x_forwarded_for x-forwarded-for",
    "user_agent": "user_agent user-agent",
    "request_id": "request_id x-request-id",
    "host": "authority :authority",
    "upstream": "upstream_host",
    "client": "downstream_remote_address",
    "cluster": "upstream_cluster",
}


def _columns(flags: pl.Expr, *more: pl.Expr) -> list[pl.Expr]:
    """The columns that both kinds of record share."""
    stamp = iso_stamp(pl.col("stamp"))
    status = pl.col("status").cast(pl.Int16, strict=False)
    # 0: the client went away before there was an answer.
    status = pl.when(status.is_between(100, 599) | (status == 0)).then(status)
    word, details = dash_to_null(pl.col("flags_set")), dash_to_null(pl.col("details"))
    served = seconds(dash_to_null(pl.col("service_time")), 1e3)
    upstream = dash_to_null(pl.col("upstream"))
    # Envoy's own answers have other details or a flag, or reached no server; the flag
    # of retries that ran out stands beside a server's answer too.
    plain = word.is_null() | (word == "URX")
    below = details.is_null() & served.is_not_null() & plain
    below |= details == "via_upstream"
    below &= upstream.is_not_null() & (status > 0)
    client = dash_to_null(pl.col("client"))
    return [
        stamp.alias("local_time"),
        pl.when(stamp.is_not_null()).then(pl.lit(0, pl.Int32)).alias("utc_offset"),
        stamp.dt.replace_time_zone("UTC").alias("start_time"),
        without_port(client).alias("client_ip"),
        status.alias("status"),
        pl.when(below).then(status).alias("upstream_status"),
        served.alias("upstream_duration"),
        upstream.str.replace(r"^[a-z]+://", "").alias("upstream"),
        # Where its route leads: in a mesh `inbound|` is the sidecar's own application.
        dash_to_null(pl.col("cluster")).alias("rule_group"),
        seconds(pl.col("duration"), 1e3).alias("duration"),
        *(
            pl.col(name).cast(pl.Int64, strict=False)
            for name in ("bytes_sent", "bytes_received")
        ),
        *(
            dash_to_null(pl.col(name))
            for name in ("forwarded_for", "user_agent", "request_id")
        ),
        pl.coalesce(word, pl.when(details != "via_upstream").then(details)).alias(
            "reason"
        ),
        flags.alias("flags"),
        *more,
    ]


def _extra() -> dict[str, pl.Expr]:
    return {
        "response_flags": dash_to_null(pl.col("flags_set")),
        "response_code_details": dash_to_null(pl.col("details")),
        "transport_failure": dash_to_null(pl.col("failure")),
    }


def _text(lines: pl.Series) -> pl.DataFrame:
    rows = lines.str.extract_groups(_TEXT).struct.unnest()
    rows = rows.rename(dict(zip(rows.columns, _TEXT_NAMES, strict=True)))
    where = {"cluster": 1, "client": 2}
    line = request_line(pl.col("request"))
    tail = pl.when(pl.col("tail") != "").then(pl.col("tail").str.strip_chars(" "))
    address = target(line["target"])
    return rows.with_columns(
        pl.col("tail").str.extract(_TAIL, group).alias(name)
        for name, group in where.items()
    ).select(
        *_columns(
            pl.lit(None, pl.List(pl.String)),
            line["method"].alias("method"),
            line["http_version"].alias("http_version"),
            address["path"].alias("path"),
            address["query"].alias("query"),
            dash_to_null(pl.col("host")).alias("host"),
            json_extra(**_extra(), tail=tail).alias("extra"),
            pl.when(pl.col("stamp").is_null())
            .then(pl.lit("not an Envoy line"))
            .alias("refused"),
        )
    )


def _json(lines: pl.Series) -> pl.DataFrame:
    told = ("flags_set", "details", "failure")
    rows = json_fields(lines, _KEYS, {"response_flags", "response_code"}, told)
    address = target(pl.col("target"))
    return rows.select(
        *_columns(
            pl.col("flags"),
            pl.col("method"),
            pl.col("protocol").str.strip_prefix("HTTP/").alias("http_version"),
            address["path"].alias("path"),
            address["query"].alias("query"),
            dash_to_null(pl.col("host")).alias("host"),
            pl.col("extra"),
            pl.col("refused"),
        )
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Envoy's lines, whichever way they are written."""
    return first_that_parses(lines, [_text, _json])


FORMAT = Format(
    name="envoy",
    title="Envoy access log",
    hop="load_balancer",
    reference="https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage",
    head=rf'^(?:{_TEXT_HEAD}|\s*\{{[\s\S]*"response_flags"\s*:)',
    parse=parse,
    json=True,
    paths=r"(?i)envoy|istio|ingress-?gateway",
    stamps_start=True,
)
