"""ALB access log rows whose fields go by name: Athena's table, and vended JSON.

The names are those of the table that Athena's documentation creates over the log, or
those of the log's own fields, which are delivered as JSON on demand. Any of them may be
left out; the status, and who asked or for what, must be there.
"""

import polars as pl

from forensic.fields.columns import dash_to_null, moments, request_line, seconds, target
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "stamp": "time",
    "began": "request_creation_time",
    "client": "client_ip",
    "peer": "client_port",
    "target": "target_ip",
    "port": "target_port",
    "first": "request_processing_time",
    "second": "target_processing_time",
    "third": "response_processing_time",
    "status": "elb_status_code",
    "upstream_status": "target_status_code",
    "bytes_received": "received_bytes",
    "bytes_sent": "sent_bytes",
    "method": "request_verb",
    "url": "request_url",
    "line": "request_line request",
    "protocol": "request_proto",
    "user_agent": "user_agent",
    "trace": "trace_id",
    "domain": "domain_name",
    "action": "actions_executed",
    "priority": "matched_rule_priority",
    "reason": "lambda_error_reason error_reason",
}
#: Actions with which a listener rule ends a request itself.
_BY_RULE = "(?:fixed-response|redirect|authenticate|jwt-validation)$"


def _there(name: str) -> pl.Expr:
    """The text; null for `-` and for the empty cell that stands for null."""
    column = dash_to_null(pl.col(name))
    return pl.when(column != "").then(column)


def _peer() -> pl.Expr:
    """The address in the log's own field, which has both; Athena's is the port."""
    return _there("peer").str.extract(r"^(.+):[0-9]+$", 1)


def _moments(rows: pl.DataFrame, name: str) -> pl.Series:
    return moments(rows.select(_there(name)).to_series())["local_time"]


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the rows."""
    rows = json_fields(lines, _KEYS, {"elb_status_code"}, {"priority", "peer"})
    rows = rows.with_columns(
        _moments(rows, "stamp").alias("ended"), _moments(rows, "began").alias("began")
    )
    parts = [seconds(pl.col(name), 1) for name in ("first", "second", "third")]
    parts = [pl.when(part >= 0).then(part) for part in parts]
    asked = request_line(pl.col("line"))
    address = target(pl.coalesce("url", asked["target"]))
    ended = pl.col("ended")
    between = seconds((ended - pl.col("began")).dt.total_microseconds(), 1e6)
    trace = _there("trace")
    nobody = _there("client").is_null() & _peer().is_null()
    other = pl.when(nobody & address["path"].is_null())
    return rows.select(
        local_time=ended,
        utc_offset=pl.when(ended.is_not_null()).then(pl.lit(0, pl.Int32)),
        start_time=pl.col("began").dt.replace_time_zone("UTC"),
        client_ip=pl.coalesce(_there("client"), _peer()),
        method=pl.coalesce(_there("method"), asked["method"]),
        scheme=address["scheme"],
        host=pl.coalesce(_there("domain"), address["host"]),
        path=address["path"],
        query=address["query"],
        http_version=pl.coalesce(
            _there("protocol").str.strip_prefix("HTTP/"), asked["http_version"]
        ),
        status=pl.col("status").cast(pl.Int16, strict=False),
        upstream_status=pl.col("upstream_status").cast(pl.Int16, strict=False),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        bytes_received=pl.col("bytes_received").cast(pl.Int64, strict=False),
        duration=pl.coalesce(
            pl.sum_horizontal(parts, ignore_nulls=False),
            pl.when(between >= 0).then(between),
        ),
        upstream_duration=parts[1],
        upstream=pl.coalesce(
            pl.concat_str(_there("target"), pl.lit(":"), _there("port")),
            pl.when(_there("port").str.contains(":")).then(_there("port")),
        ),
        user_agent=_there("user_agent"),
        trace_id=pl.coalesce(trace.str.extract(r"Root=([^;]+)"), trace),
        action=_there("action"),
        rule=pl.when(pl.col("action").str.contains(_BY_RULE)).then(_there("priority")),
        reason=_there("reason"),
        extra="extra",
        flags="flags",
        refused=pl.coalesce("refused", other.then(pl.lit("JSON, but no ALB row"))),
    )


FORMAT = Format(
    name="aws_alb_fields",
    title="ALB access log by field (Athena, JSON)",
    hop="load_balancer",
    reference="https://docs.aws.amazon.com/athena/latest/ug/create-alb-access-logs-table.html",
    head=r'^\s*\{[\s\S]*"elb_status_code"\s*:',
    parse=parse,
    json=True,
    stamps_end=True,
    usual=True,
    paths=r"(?i)athena|[ea]lb",
)
