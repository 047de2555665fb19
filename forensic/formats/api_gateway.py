"""API Gateway's access log, in the console's two presets: JSON and common log format.

The format is the owner's to choose: of JSON the usual `$context` names are read, and
only records that have a request id, a method or route, a status and a stamp.
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
from forensic.fields.json_fields import json_fields
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT"]

_CLF = r"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ID = rf"(?:{_UUID}|[A-Za-z0-9_-]{{15}}=)"
_TEXT = rf'^(\S+) (\S+) (\S+) \[({_CLF})\] "([^"]*)" ([0-9]{{3}}|-) ([0-9]+|-) ({_ID})$'
_TEXT_NAMES = "client caller user stamp request status bytes_sent request_id".split()
_KEYS = {
    "stamp": "requestTime",
    "epoch": "requestTimeEpoch",
    "client": "ip sourceIp identity.sourceIp",
    "user": "user",
    "user_agent": "userAgent identity.userAgent",
    "method": "httpMethod",
    "target": "path rawPath resourcePath",
    "route": "routeKey",
    "protocol": "protocol",
    "host": "domainName",
    "status": "status",
    "upstream_status": "integration.status integrationStatus",
    "bytes_sent": "responseLength",
    "duration": "responseLatency",
    "upstream_duration": "integrationLatency integration.latency",
    "request_id": "requestId",
    "trace_id": "xrayTraceId",
    "reason": "errorResponseType error.responseType responseType error_responseType"
    " errorMessage error.message integrationErrorMessage integrationError",
    "firewall": "wafResponseCode waf.responseCode",
}
_PRESET = ["requestId", "status"]


def _stamped() -> dict[str, pl.Expr]:
    """The stamp: in words, or in milliseconds."""
    millis = pl.col("epoch").cast(pl.Int64, strict=False)
    counted = pl.from_epoch(millis, "ms").cast(pl.Datetime("us"))
    written = clf_stamp(pl.col("stamp"))
    offset = offset_seconds(pl.col("stamp").str.slice(21))
    return {
        "local_time": pl.coalesce(written, counted),
        "utc_offset": pl.when(written.is_not_null())
        .then(offset)
        .when(millis.is_not_null())
        .then(pl.lit(0, pl.Int32)),
    }


def _text(lines: pl.Series) -> pl.DataFrame:
    rows = lines.str.extract_groups(_TEXT).struct.unnest()
    rows = rows.rename(dict(zip(rows.columns, _TEXT_NAMES, strict=True)))
    rows = rows.with_columns(epoch=pl.lit(None, pl.String))
    line = request_line(pl.col("request"))
    address = target(line["target"])
    return rows.select(
        "request_id",
        client_ip=dash_to_null(pl.col("client")),
        user=dash_to_null(pl.col("user")),
        method=line["method"],
        http_version=line["http_version"],
        path=address["path"],
        query=address["query"],
        status=pl.col("status").cast(pl.Int16, strict=False),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        extra=json_extra(caller=dash_to_null(pl.col("caller"))),
        refused=pl.when(pl.col("stamp").is_null()).then(
            pl.lit("not an API Gateway line")
        ),
        **_stamped(),
    )


def _json(lines: pl.Series) -> pl.DataFrame:
    rows = json_fields(lines, _KEYS, _PRESET, ["firewall"])
    route = pl.col("route").str.extract_groups(r"^([A-Z]+) (/.*)$")
    method = pl.coalesce(dash_to_null(pl.col("method")), route.struct.field("1"))
    address = target(pl.coalesce("target", route.struct.field("2")))
    stamped = _stamped()
    whole = stamped["local_time"].is_not_null() & pl.any_horizontal(
        method.is_not_null(), pl.col("route").is_not_null()
    )
    short = pl.when(~whole).then(pl.lit("JSON, but no API Gateway record"))
    given = ["user", "user_agent", "host", "request_id"]
    # What its firewall says comes before a message, and after a type of answer.
    types = pl.col("reason").str.extract("^(WAF_FILTERED)$")
    took = [
        seconds(pl.col(name), 1e3).alias(name)
        for name in ("duration", "upstream_duration")
    ]
    return rows.select(
        "extra",
        "flags",
        *(dash_to_null(pl.col(name)) for name in given),
        *took,
        reason=pl.when(pl.col("firewall") == "WAF_BLOCK")
        .then(pl.coalesce(types, "firewall"))
        .otherwise(dash_to_null(pl.col("reason"))),
        status=pl.col("status").cast(pl.Int16, strict=False),
        upstream_status=_answered(),
        client_ip=dash_to_null(pl.col("client")),
        method=method,
        path=address["path"],
        query=address["query"],
        http_version=pl.col("protocol").str.strip_prefix("HTTP/"),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        trace_id=dash_to_null(pl.col("trace_id")).str.strip_prefix("Root="),
        refused=pl.coalesce("refused", short),
        **stamped,
    )


def _answered() -> pl.Expr:
    """The status that came from behind.

    Of a Lambda function `integrationStatus` says only that it was called and came to
    its end: what it answered is the record's own status, unless that is one of the
    gateway's.
    """
    status, sent = (
        pl.col(name).cast(pl.Int16, strict=False)
        for name in ("upstream_status", "status")
    )
    called = (status // 100 == 2) & (sent >= 400) & ~sent.is_in([502, 504])
    called &= dash_to_null(pl.col("reason")).is_null()
    return pl.when(called).then(sent).otherwise(status)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of API Gateway's lines, whichever way they are written."""
    return first_that_parses(lines, [_text, _json])


FORMAT = Format(
    name="api_gateway",
    title="API Gateway access log",
    hop="load_balancer",
    reference="https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html",
    head=(
        rf'^(?:\S+ \S+ \S+ \[{_CLF}\] "[^"]*" (?:[0-9]{{3}}|-) (?:[0-9]+|-) {_ID}$'
        r'|\s*\{[\s\S]*"requestId"\s*:)'
    ),
    parse=parse,
    json=True,
    usual=True,
    paths=r"(?i)api[-_]?gateway|execute-api",
    stamps_start=True,
)
