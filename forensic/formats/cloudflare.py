"""Cloudflare's HTTP requests and firewall events, as Logpush writes them: JSON.

Stamps are RFC 3339, or seconds or nanoseconds since 1970, as the job was set up. An
origin status of 0 means that no origin was asked. The console and the GraphQL API give
security events the same names, which begin in lower case, and only those asked for.
"""

import polars as pl

from forensic.fields.columns import http_status, moments, seconds, target
from forensic.fields.json_fields import json_fields
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = {
    "start": "EdgeStartTimestamp",
    "end": "EdgeEndTimestamp Datetime datetime",
    "client_ip": "ClientIP clientIP",
    "method": "ClientRequestMethod clientRequestHTTPMethodName",
    "scheme": "ClientRequestScheme clientRequestScheme",
    "host": "ClientRequestHost clientRequestHTTPHost",
    "uri": "ClientRequestURI ClientRequestPath clientRequestPath",
    "given": "ClientRequestQuery clientRequestQuery",
    "protocol": "ClientRequestProtocol clientRequestHTTPProtocol",
    "user_agent": "ClientRequestUserAgent userAgent",
    "referrer": "ClientRequestReferer",
    "bytes_received": "ClientRequestBytes",
    "forwarded_for": "ClientXForwardedFor",
    "status": "EdgeResponseStatus edgeResponseStatus",
    "bytes_sent": "EdgeResponseBytes",
    "upstream": "OriginIP",
    "upstream_status": "OriginResponseStatus originResponseStatus",
    "origin_ms": "OriginResponseDurationMs",
    "origin_ns": "OriginResponseTime",
    "request_id": "RayID rayName",
    "action": "SecurityAction WAFAction",
    "event": "Action action",
    "rule": "SecurityRuleID WAFRuleID RuleID ruleId",
    "rule_group": "Source source",
    "reason": "SecurityRuleDescription WAFRuleMessage Description"
    " Metadata.rule_message description",
}
#: What a firewall event says was done ▶ the word of the other firewalls.
_DONE = {
    **dict.fromkeys(["block", "drop", "connectionclose"], "BLOCK"),
    **dict.fromkeys(["challenge", "jschallenge", "managedchallenge"], "CHALLENGE"),
    **dict.fromkeys(["log", "simulate", "forcelog", "forcesimulate"], "COUNT"),
    **dict.fromkeys(["allow", "skip", "bypass"], "ALLOW"),
}
_PLAIN = (
    "client_ip method scheme host user_agent referrer forwarded_for upstream request_id"
    " rule rule_group reason"
).split()


def _stamp(name: str) -> pl.Expr:
    """Microseconds of UTC of a count of seconds, milli- or nanoseconds."""
    number = pl.col(name).cast(pl.Int64, strict=False)
    digits = pl.col(name).str.len_bytes()
    micros = (
        pl.when(digits == 10)
        .then(number * 1_000_000)
        .when(digits == 13)
        .then(number * 1000)
        .when(digits == 19)
        .then(number // 1000)
    )
    return micros.cast(pl.Datetime("us"))


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Cloudflare's records."""
    rows = json_fields(lines, _KEYS, (), {"event"})
    written = {name: moments(rows[name])["local_time"] for name in ("start", "end")}
    rows = rows.with_columns(
        pl.coalesce(_stamp(name), pl.lit(stamp)).alias(name)
        for name, stamp in written.items()
    )
    moment = pl.coalesce("end", "start")
    took = (pl.col("end") - pl.col("start")).dt.total_microseconds()
    millis = seconds(pl.col("origin_ms"), 1e3)
    nanos = seconds(pl.col("origin_ns"), 1e9)
    address = target(pl.col("uri"))
    asked = http_status(pl.col("upstream_status")).is_not_null()
    event = pl.col("event").is_not_null()
    done = pl.col("event").str.to_lowercase().str.replace_all("_", "")
    # The API tells of an event what was asked for: it is known by its name of a path.
    asked_for = pl.lit(lines.str.contains('"clientRequestPath"', literal=True))
    own = pl.col("request_id").is_not_null() | (event & asked_for)
    told = event & (pl.col("host").is_not_null() | asked_for)
    short = pl.when(~own | (http_status(pl.col("status")).is_null() & ~told)).then(
        pl.lit("JSON, but no request of Cloudflare")
    )
    given = pl.col("given").str.strip_prefix("?")
    return rows.select(
        *("extra", "flags"),
        *(pl.when(pl.col(n) != "").then(n).alias(n) for n in _PLAIN),
        *(
            pl.col(name).cast(pl.Int64, strict=False)
            for name in ("bytes_sent", "bytes_received")
        ),
        local_time=moment,
        utc_offset=pl.when(moment.is_not_null()).then(pl.lit(0, pl.Int32)),
        start_time=pl.col("start").dt.replace_time_zone("UTC"),
        duration=seconds(took, 1e6),
        path=address["path"],
        query=pl.coalesce(address["query"], pl.when(given != "").then(given)),
        # One request may have an event for every rule that matched.
        hop=pl.when(event).then(pl.lit("waf")).otherwise(pl.lit("cdn")),
        action=pl.when(event)
        .then(done.replace_strict(_DONE, default=None, return_dtype=pl.String))
        .otherwise(pl.when(pl.col("action") != "").then("action")),
        refused=pl.coalesce("refused", short),
        http_version=pl.col("protocol").str.strip_prefix("HTTP/"),
        status=http_status(pl.col("status")),
        upstream_status=http_status(pl.col("upstream_status")),
        upstream_duration=pl.when(asked).then(pl.coalesce(millis, nanos)),
    )


FORMAT = Format(
    name="cloudflare",
    title="Cloudflare HTTP requests and firewall events",
    hop="cdn",
    reference="https://developers.cloudflare.com/logs/reference/log-fields/zone/http_requests/",
    head=r'^\s*\{[\s\S]*"(?:EdgeResponseStatus|RayID|clientRequestPath)"\s*:',
    parse=parse,
    json=True,
    paths=r"(?i)cloudflare|logpush",
    stamps_end=True,
)
