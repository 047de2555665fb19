"""What CloudFront answers itself: its edge result types say why."""

import polars as pl

from forensic.hops.table import BALANCED, Line, has, sure_of

__all__ = ["SILENT", "lines"]

#: How an answer is told that rests on the silence of the hops behind alone.
SILENT = "no hop behind it has the request"

_REASON = pl.col("cdn_reason").fill_null("")
_STATUS = pl.col("cdn_status")
_WEB_STATUS = pl.col("web_server_status")
_NO_ORIGIN = ~BALANCED & ~has("web_server") & ~has("app_server") & ~has("application")
#: The origin answered the same: CloudFront passed it on.
_PASSED = sure_of(pl.col("load_balancer_status") == _STATUS) | sure_of(
    _WEB_STATUS == _STATUS
)
#: Edge result type ▶ the cause, and what it says. These name the edge alone.
_OWN = {
    r"^ClientGeoBlocked$": ("access_forbidden", "it blocks the client's country"),
    r"^InvalidRequestBlocked$": ("access_forbidden", "what was asked for is blocked"),
    r"^InvalidRequest": ("bad_request", "it refused the request itself"),
    r"^LimitExceeded$": ("rate_limited", "a quota of the CDN was exceeded"),
    r"^FunctionThrottledError$": ("rate_limited", "its edge function was throttled"),
    r"^Function(?:Execution|Validation)Error$": (
        "exception",
        "its edge function failed",
    ),
    r"^Lambda(?:(?:Execution|Validation|Throttled)Error|LimitExceeded|Timeout)$": (
        "lambda_error",
        "its Lambda function failed",
    ),
    r"^(?:Function|Lambda)GeneratedResponse$": (
        "fixed_response",
        "an edge function gave this answer",
    ),
    r"^CapacityExceeded$": ("unknown", "the edge location had no capacity left"),
}
#: Edge result types of an origin that gave no answer that could be passed on.
_NO_ANSWER = (
    r"^(?:Origin(?:Connect|Comm|Dns|Read|Write|HeaderTooBig|InvalidResponse"
    r"|ZeroSizeObject|ContentRangeLength)Error|AbortedOrigin|SlowReaderOriginError)$"
)
_BY_STATUS = {
    **dict.fromkeys([400, 405, 411, 414, 416, 431, 501, 505], "bad_request"),
    403: "access_forbidden",
    413: "body_too_large",
    429: "rate_limited",
    502: "bad_gateway",
    504: "upstream_timeout",
}


def _cause() -> pl.Expr:
    """The cause of an answer of the edge, judged by its status alone."""
    return _STATUS.replace_strict(
        list(_BY_STATUS),
        list(_BY_STATUS.values()),
        default="unknown",
        return_dtype=pl.String,
    )


def _failed() -> pl.Expr:
    """The cause of an answer of the edge to an origin that gave none."""
    never = (_REASON == "OriginConnectError") & (_STATUS != 504)
    return pl.when(never).then(pl.lit("target_connection_error")).otherwise(_cause())


def lines() -> list[Line]:
    """The lines about what the edge itself answers, a WAF's answers excepted.

    A plain `Error` also stands for what a WAF or the origin answered: only where
    those have logs does their silence speak, and not where something without a log
    stands in front of the web servers.
    """
    left = Line(
        when=_REASON.str.contains(r"^Client(?:HungUpRequest|CommError)$")
        & (_STATUS == 0),
        by="cdn",
        cause="client_closed",
        sure="certain",
        because=pl.format("the client went away (result type {})", "cdn_reason"),
    )
    named = [
        Line(
            when=_REASON.str.contains(pattern) & (_STATUS >= 400),
            by="cdn",
            cause=cause,
            sure="certain",
            because=pl.format("{} (result type {})", pl.lit(text), "cdn_reason"),
        )
        for pattern, (cause, text) in _OWN.items()
    ]
    others_logged = (_STATUS != 403) | pl.col("waf_known")
    return [
        left,
        *named,
        Line(
            when=_REASON.str.contains(_NO_ANSWER) & (_STATUS >= 500) & ~_PASSED,
            by="cdn",
            cause=_failed(),
            sure="strong",
            because=pl.format(
                "its origin gave no answer (result type {})", "cdn_reason"
            ),
        ),
        Line(
            when=_REASON.is_in(["Error", "OriginError"])
            & _NO_ORIGIN
            & pl.col("kept_for").is_not_null(),
            by="cdn",
            cause="cached_error",
            sure="strong",
            because=pl.format(
                "{}, and its origin had given the same error for it {} s before: the"
                " edge keeps errors for a while",
                pl.lit(SILENT),
                pl.col("kept_for").round(0).cast(pl.Int64),
            ),
        ),
        Line(
            when=_REASON.is_in(["Error", "OriginError"])
            & (_STATUS >= 400)
            & _NO_ORIGIN
            & ~pl.col("origin_known"),
            by="unknown",
            cause="unknown",
            sure="weak",
            because=pl.format(
                "the CDN, {}or its origin, of which no log is here: the result type {}"
                " stands for all of them",
                pl.when(_STATUS == 403).then(pl.lit("its WAF, ")).otherwise(pl.lit("")),
                "cdn_reason",
            ),
        ),
        Line(
            when=_REASON.is_in(["Error", "OriginError"])
            & (_STATUS >= 400)
            & _NO_ORIGIN
            & ~pl.col("fronted"),
            by="cdn",
            cause=_cause(),
            sure=pl.when(others_logged)
            .then(pl.lit("strong"))
            .otherwise(pl.lit("weak")),
            because=pl.format(
                "{} (result type {}{})",
                pl.lit(SILENT),
                "cdn_reason",
                pl.when((_STATUS == 403) & ~pl.col("waf_known"))
                .then(pl.lit(", which also stands for what its WAF refuses"))
                .otherwise(pl.lit("")),
            ),
        ),
    ]
