"""logfmt: `time="2025-02-06T05:32:07Z" level=error msg="text" key=value`.

What logrus, Go kit, slog's text handler, Grafana and Heroku write. A value with
spaces is quoted; the order of keys is free.
"""

import polars as pl

from forensic.fields.columns import (
    go_seconds,
    keys_apart,
    moments,
    quoted_value,
    target,
)
from forensic.fields.http_messages import http_messages
from forensic.format import Format, headed
from forensic.schema import YEARLESS
from forensic.zones import MONTHS

__all__ = ["FORMAT"]


def _value(names: str) -> pl.Expr:
    """The value of the first of the keys, without its quotes."""
    pattern = rf'(?:^| )(?:{names})=(?:"((?:[^"\\]|\\.)*)"|([^ "]*))'
    groups = pl.col("line").str.extract_groups(pattern).struct
    quoted = quoted_value(groups.field("1")).str.replace_all(r"\"", '"', literal=True)
    return pl.coalesce(quoted, groups.field("2"))


#: A duration as Go writes it, with its unit.
_SPAN = r"^((?:[0-9.]+(?:h|ms|m|s|us|µs|μs|ns))+)$"


def _dated(stamp: pl.Expr) -> pl.Expr:
    """The stamp as ISO has it; Tyk's is `Feb  6 14:32:07`, of an unknown year."""
    parts = stamp.str.extract_groups(
        r"^([A-Z][a-z]{2}) +([0-9]{1,2}) ([0-9:]{8})$"
    ).struct
    month = parts.field("1").replace_strict(MONTHS, default=None)
    day = parts.field("2").str.zfill(2)
    yearless = pl.format(f"{YEARLESS}-{{}}-{{}} {{}}", month, day, parts.field("3"))
    return pl.coalesce(yearless, stamp)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of logfmt lines."""
    url = target(_value("path|uri|url|request_uri"))
    found = pl.DataFrame({"line": keys_apart(lines), "whole": lines}).select(
        stamp=_value("time|ts|t|timestamp"),
        level=_value("level|lvl|severity").str.to_lowercase(),
        message=_value("msg|message|event"),
        logger=_value("logger|component|caller"),
        method=_value("method|http_method"),
        status=_value("status|status_code|code").str.extract(r"^([1-5][0-9]{2})$", 1),
        client_ip=_value("remote_addr|client_ip|ip|remote_ip").str.extract(
            r"^([0-9A-Fa-f.:]{3,45}?)(?::[0-9]+)?$", 1
        ),
        request_id=_value("request_id|requestId|req_id"),
        trace_id=_value("trace_id|traceID|traceId"),
        user_agent=_value("user_agent"),
        duration=go_seconds(
            _value("duration|latency|took|elapsed").str.extract(_SPAN, 1)
        ),
        asked=_value("query"),
        line="whole",
        **url,
    )
    stamps = moments(found.select(_dated(pl.col("stamp"))).to_series())
    parsed = (pl.col("stamp").is_not_null() & pl.col("level").is_not_null()) | (
        pl.col("level").is_not_null() & pl.col("message").is_not_null()
    )
    spoken = http_messages(found["message"])
    return found.select(
        pl.when(parsed).then(
            pl.exclude("stamp", "line", "message", "status", "asked", "query")
        ),
        # One of a database has spaces.
        query=pl.coalesce(
            "query",
            pl.when(pl.col("asked").str.contains("^[^ =]+=[^ ]*$")).then("asked"),
        ),
        message=pl.when(parsed).then("line"),
        status=pl.coalesce(
            pl.col("status").cast(pl.Int16, strict=False), spoken["status"]
        ),
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        flags=pl.when(
            parsed & pl.col("stamp").is_not_null() & stamps["local_time"].is_null()
        ).then(pl.lit(["bad_time"])),
        refused=pl.when(~parsed).then(pl.lit("no logfmt record")),
    )


FORMAT = headed(
    Format(
        name="logfmt",
        title="logfmt",
        hop="application",
        reference="https://brandur.org/logfmt; sirupsen/logrus: TextFormatter",
        head=r'^[A-Za-z_][A-Za-z0-9_.-]*=(?:"|[^ "])[\s\S]* ?(?:level|lvl|severity)='
        r"|^(?:level|lvl|severity)=",
        parse=parse,
        multiline=True,
    )
)
