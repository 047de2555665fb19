"""oauth2-proxy's request and authentication log, in the layouts that it proposes.

`192.0.2.5:4 - 1f2e - sam@example.com [2025/02/06 05:32:07] example.com GET - "/app" …`.
The stamp has no zone. An upstream of `-` means that it answered itself.
"""

import polars as pl

from forensic.fields.columns import (
    dash_to_null,
    groups,
    iso_stamp,
    seconds,
    target,
    without_port,
)
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"\[(\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2})\]"
_FRONT = rf"^(\S+) - (?:(\S+) - )?(\S+) {_STAMP}"
_REQUEST = (
    rf'{_FRONT} (\S+) ([A-Z]+) (\S+) "([^"]*)" HTTP/([0-9.]+) "(.*)" (\d{{3}}) (\d+)'
    r" ([0-9.]+)$"
)
_NAMES = (
    "client request_id user stamp host method upstream uri http_version user_agent"
    " status bytes took"
).split()
_AUTH = rf"{_FRONT} \[(Auth\w+)\] (.*)$"
_OWN = rf"^{_STAMP} \[([\w./-]+\.go:\d+)\] (.*)$"


def _stamp() -> dict[str, pl.Expr]:
    stamp = pl.col("stamp")
    refused = pl.when(stamp.is_null()).then(pl.lit("not a line of oauth2-proxy"))
    return {
        "local_time": iso_stamp(stamp.str.replace_all("/", "-", literal=True)),
        "refused": refused,
    }


def _request(lines: pl.Series) -> pl.DataFrame:
    address = target(pl.col("uri"))
    status = pl.col("status").cast(pl.Int16, strict=False)
    upstream = dash_to_null(pl.col("upstream"))
    return groups(lines, _REQUEST, _NAMES).select(
        "method",
        "http_version",
        client_ip=without_port(pl.col("client")),
        user=dash_to_null(pl.col("user")),
        request_id=dash_to_null(pl.col("request_id")),
        host=dash_to_null(pl.col("host")),
        upstream=upstream,
        upstream_status=pl.when(upstream.is_not_null()).then(status),
        path=address["path"],
        query=address["query"],
        user_agent=dash_to_null(pl.col("user_agent")),
        status=status,
        bytes_sent=pl.col("bytes").cast(pl.Int64, strict=False),
        duration=seconds(pl.col("took"), 1.0),
        **_stamp(),
    )


def _auth(lines: pl.Series) -> pl.DataFrame:
    names = ["client", "request_id", "user", "stamp", "reason", "message"]
    return groups(lines, _AUTH, names).select(
        "reason",
        "message",
        client_ip=without_port(pl.col("client")),
        user=dash_to_null(pl.col("user")),
        request_id=dash_to_null(pl.col("request_id")),
        **_stamp(),
    )


def _own(lines: pl.Series) -> pl.DataFrame:
    names = ["stamp", "logger", "message"]
    return groups(lines, _OWN, names).select("logger", "message", **_stamp())


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of requests, of logins and of what it says else."""
    return first_that_parses(lines, [_request, _auth, _own])


FORMAT = Format(
    name="oauth2_proxy",
    title="oauth2-proxy log",
    hop="load_balancer",
    reference="https://oauth2-proxy.github.io/oauth2-proxy/configuration/overview#logging-configuration",
    head=rf"(?:{_FRONT} (?:\[Auth|\S+ [A-Z]+ \S+ \")|^{_STAMP} \[[\w./-]+\.go:\d+\] )",
    parse=parse,
    paths=r"(?i)oauth2?[-_]?proxy",
)
