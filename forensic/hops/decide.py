"""One request's records ▶ who answered it, why, and how sure that is.

The decision table reads from the client inwards; the first line that applies wins.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

__all__ = ["Line", "decide"]

_STOPPED = ["BLOCK", "CAPTCHA", "CHALLENGE", "MONETIZE"]
_LB_CHECKS = [400, 405, 408, 411, 413, 414, 431, 463, 464, 501, 505]
#: Files that a web server serves itself.
_STATIC = (
    r"(?i)\.(?:png|jpe?g|gif|svg|ico|webp|css|js|map|woff2?|ttf|pdf|txt|xml|zip|mp4)$"
)
_PROTOCOL = [400, 405, 408, 411, 414, 416, 421, 431, 494, 495, 496, 497, 501, 505]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the decision table."""

    when: pl.Expr
    by: str
    cause: pl.Expr | str
    sure: pl.Expr | str
    #: The reason in words, after "… answered: ".
    because: str


def _true(expression: pl.Expr) -> pl.Expr:
    return expression.fill_null(value=False)


def _has(tier: str) -> pl.Expr:
    return pl.col(f"{tier}_row").is_not_null()


_LB = _has("load_balancer")
_LB_STATUS = pl.col("load_balancer_status")
_TARGET = pl.col("load_balancer_upstream_status")
_ACTIONS = pl.col("load_balancer_action").fill_null("")
_LAST = _ACTIONS.str.extract(r"([^,]*)$", 1)
_REASON = pl.col("load_balancer_reason").fill_null("")
#: Statuses that AWS load balancers alone use.
_OWN = _LB & _TARGET.is_null()
_OWN &= ~pl.col("balancer_passes") | _LB_STATUS.is_in([460, 463, 464, 561])
_WAF_STOPPED = _true(pl.col("waf_action").str.to_uppercase().is_in(_STOPPED))


def _edge() -> list[Line]:
    """What WAF, CDN and load balancer answer themselves."""
    lb = "load_balancer"
    return [
        Line(
            when=_WAF_STOPPED & ~_true(_LB & _TARGET.is_not_null()),
            by="waf",
            cause="waf_rule",
            sure="certain",
            because="its record says that a rule ended the request",
        ),
        Line(
            when=_true(_LAST == "waf"),
            by="waf",
            cause="waf_rule",
            sure="certain",
            because="the load balancer's last action is `waf` and no target was asked",
        ),
        Line(
            when=_OWN
            & (_REASON.str.starts_with("WAF") | _ACTIONS.str.contains("waf-failed")),
            by=lb,
            cause="waf_unavailable",
            sure="certain",
            because="it could not consult the WAF",
        ),
        Line(
            when=_true(_LAST == "fixed-response"),
            by=lb,
            cause="fixed_response",
            sure="certain",
            because="a listener rule gives a fixed response",
        ),
        Line(
            when=_OWN
            & (
                _LAST.str.contains(r"^(?:authenticate|jwt)")
                | _REASON.str.contains(r"^(?:Auth|JWT|JWKS)")
                | (_LB_STATUS == 561)
            ),
            by=lb,
            cause="auth_failed",
            sure="certain",
            because="its authentication action failed",
        ),
        Line(
            when=_true(_LB & _REASON.str.starts_with("Lambda")),
            by=lb,
            cause="lambda_error",
            sure="certain",
            because="the Lambda target failed",
        ),
        Line(
            when=_true(_LB_STATUS == 460),
            by=lb,
            cause="client_closed",
            sure="certain",
            because="the client closed the connection before the answer (460)",
        ),
        Line(
            when=_OWN & _LB_STATUS.is_in(_LB_CHECKS),
            by=lb,
            cause="bad_request",
            sure="certain",
            because="it refused the request itself; no target was asked",
        ),
        Line(
            when=_OWN & (_LB_STATUS == 503),
            by=lb,
            cause="no_target",
            sure="certain",
            because="no target could take the request",
        ),
        Line(
            when=_OWN & (_LB_STATUS == 504),
            by=lb,
            cause="target_timeout",
            sure="certain",
            because="the target did not answer in time (target status `-`)",
        ),
        Line(
            when=_OWN
            & (_LB_STATUS == 502)
            & pl.col("incident").is_not_null()
            & ~pl.col("web_known"),
            by=lb,
            cause=pl.col("incident"),
            sure="strong",
            because="the target's worker broke off while the request was outstanding",
        ),
        Line(
            when=_OWN & (_LB_STATUS == 502),
            by=lb,
            cause="target_connection_error",
            sure="certain",
            because="the connection to the target failed (target status `-`)",
        ),
        Line(
            when=_OWN & (_LB_STATUS >= 400),
            by=lb,
            cause="unknown",
            sure="strong",
            because="no target status is logged",
        ),
        Line(
            when=_LB & _TARGET.is_not_null() & (_TARGET != _LB_STATUS),
            by=lb,
            cause=pl.when(_LB_STATUS == 504)
            .then(pl.lit("target_timeout"))
            .otherwise(pl.lit("target_connection_error")),
            sure="strong",
            because="it replaced the status that the target had sent",
        ),
    ]


_WEB = pl.col("web_status").is_not_null()
_STATUS = pl.coalesce("web_status", "load_balancer_upstream_status", "status")
_UP = pl.col("web_upstream_status")
_LOGS_UP = pl.col("logs_upstream")
_NOTE = pl.col("note_cause")
_KIND = pl.col("note_kind").fill_null("")
_INCIDENT = pl.col("incident")
_APP_SAYS = _true(
    (pl.col("application_status") == _STATUS) | (pl.col("app_server_status") == _STATUS)
)
_THROWN = pl.col("trace_kind") == "exception"
_APP_SILENT = (
    pl.col("app_logs_requests") & pl.col("app_covered") & ~_has("application")
) & ~_has("app_server")


def _own_cause() -> pl.Expr:
    """The cause of a web server's own answer, judged by its status alone."""
    by_status = {
        401: "auth_failed",
        403: "access_forbidden",
        404: "file_not_found",
        413: "body_too_large",
        429: "rate_limited",
        444: "access_forbidden",
        499: "client_closed",
        502: "bad_gateway",
        503: "rate_limited",
        504: "upstream_timeout",
        **dict.fromkeys(_PROTOCOL, "bad_request"),
    }
    return _STATUS.replace_strict(
        list(by_status),
        list(by_status.values()),
        default="unknown",
        return_dtype=pl.String,
    )


def _upstream_cause() -> pl.Expr:
    """Why a web server wrote 502 or 504, where no error line says it."""
    waited = pl.coalesce("web_upstream_duration", "web_duration")
    return (
        pl.when(_INCIDENT.is_not_null())
        .then(_INCIDENT)
        .when(_STATUS == 504)
        .then(pl.lit("upstream_timeout"))
        .when(waited < 0.01)
        .then(pl.lit("upstream_refused"))
        .otherwise(pl.lit("upstream_closed"))
    )


def _app_cause() -> pl.Expr:
    """Whether the application failed or decided."""
    failed = _true(_THROWN) | ((_STATUS == 500) & ~pl.col("app_speaks"))
    return (
        pl.when(failed)
        .then(pl.lit("exception"))
        .otherwise(pl.lit("application_response"))
    )


def _noted() -> list[Line]:
    """What the web server's own error line says.

    Why an upstream was gone, only the upstream's own log can say for certain.
    """
    dropped = _KIND.is_in(["closed", "refused", "no_live"])
    return [
        Line(
            when=_true(pl.col("web_status") == 499),
            by="web_server",
            cause="client_closed",
            sure="certain",
            because="the client closed the connection before the answer (499)",
        ),
        Line(
            when=_true(_KIND == "script"),
            by="application",
            cause="exception",
            sure="certain",
            because="its fatal error stands in the web server's error log",
        ),
        Line(
            when=_NOTE.is_not_null() & ~_APP_SAYS,
            by="web_server",
            cause=pl.coalesce(pl.when(dropped).then(_INCIDENT), _NOTE),
            sure=pl.when(
                ~pl.col("note_direct")
                | (dropped & (_INCIDENT.is_not_null() | ~pl.col("deaths_show")))
            )
            .then(pl.lit("strong"))
            .otherwise(pl.lit("certain")),
            because="its error log names this request and the reason",
        ),
    ]


def _app_sure(otherwise: str) -> pl.Expr:
    """How sure that is: a 500 of which no log speaks may be either."""
    guessed = (_STATUS == 500) & ~pl.col("app_speaks") & ~_true(_THROWN)
    return pl.when(guessed).then(pl.lit("weak")).otherwise(pl.lit(otherwise))


def _with_upstream() -> list[Line]:
    """A web server that logs what the upstream answered."""
    passed = _WEB & _LOGS_UP & (_UP == _STATUS)
    gateway = _STATUS.is_in([502, 504])
    return [
        Line(
            when=_true(pl.col("trace_kind") == "invalid_request"),
            by="app_server",
            cause="bad_request",
            sure="strong",
            because="it logs that it could not read the request",
        ),
        Line(
            when=_WEB & _LOGS_UP & _UP.is_null() & (_STATUS >= 400) & ~_APP_SAYS,
            by="web_server",
            cause=pl.when(_STATUS.is_in([502, 504]))
            .then(_upstream_cause())
            .otherwise(_own_cause()),
            sure="strong",
            because="it asked no upstream (upstream status `-`)",
        ),
        Line(
            when=passed & gateway & ~_APP_SAYS,
            by="web_server",
            cause=_upstream_cause(),
            sure="weak",
            because="it writes this status for an upstream that fails",
        ),
        Line(
            when=passed & (_APP_SAYS | _true(_THROWN)),
            by="application",
            cause=_app_cause(),
            sure="certain",
            because="the web server passed its status on, and its own log has it too",
        ),
        Line(
            when=passed,
            by="application",
            cause=_app_cause(),
            sure=_app_sure("strong"),
            because="the web server passed the upstream's status on",
        ),
        Line(
            when=_WEB & _LOGS_UP & _UP.is_not_null() & (_STATUS >= 400),
            by="web_server",
            cause=pl.when(gateway).then(_upstream_cause()).otherwise(_own_cause()),
            sure="weak",
            because="its status is another than the upstream's",
        ),
    ]


def _without_upstream() -> list[Line]:
    """A web server that does not say what the upstream answered, or no web log."""
    malformed = _WEB & (pl.col("method").is_null() | pl.col("path").is_null())
    gateway = _STATUS.is_in([502, 504])
    web = _WEB | _LB
    static = pl.col("path").str.contains(_STATIC)
    return [
        Line(
            when=_APP_SAYS,
            by="application",
            cause=_app_cause(),
            sure="strong",
            because="its own log has the request with this status",
        ),
        Line(
            when=_true(_THROWN) & (_STATUS >= 500),
            by="application",
            cause="exception",
            sure="strong",
            because="a traceback stands at this request",
        ),
        Line(
            when=_true(pl.col("trace_kind") == "said_no"),
            by="application",
            cause="application_response",
            sure="strong",
            because="its own log says that it refused",
        ),
        Line(
            when=malformed
            | (_WEB & _STATUS.is_in([408, 413, 414, 431, 494, 495, 496, 497, 505])),
            by="web_server",
            cause=_own_cause(),
            sure="strong",
            because="such a request is refused before any upstream is asked",
        ),
        Line(
            when=gateway & web & _INCIDENT.is_not_null(),
            by="web_server",
            cause=_upstream_cause(),
            sure="strong",
            because="a worker of its upstream died at that moment",
        ),
        Line(
            when=gateway & web,
            by="web_server",
            cause=_upstream_cause(),
            sure="weak",
            because="it writes this status for an upstream that fails",
        ),
        Line(
            when=_WEB & _APP_SILENT & (_STATUS >= 400) & (_STATUS != 500),
            by="web_server",
            cause=_own_cause(),
            sure="weak",
            because="the application logs its requests, and this one is not among them",
        ),
        Line(
            when=_WEB & ~pl.col("proxies") & (_STATUS >= 400),
            by="web_server",
            cause=_own_cause(),
            sure="weak",
            because="nothing in the archive shows an upstream behind it",
        ),
        Line(
            when=(_WEB | _LB)
            & (_STATUS.is_in([408, 413, 414]) | (_true(static) & (_STATUS == 404))),
            by="web_server",
            cause=_own_cause(),
            sure="weak",
            because="such an answer is a web server's more often than an application's",
        ),
        Line(
            when=_WEB & (_STATUS == 429) & ~pl.col("app_speaks"),
            by="web_server",
            cause="rate_limited",
            sure="weak",
            because="limits stand in front of an application more often than in it",
        ),
        Line(
            when=(_WEB | _LB | _has("cdn")) & (_STATUS >= 400),
            by="application",
            cause=_app_cause(),
            sure="weak",
            because="no outer hop claims the answer; no inner log is there to show it",
        ),
        Line(
            when=_has("application") | _has("app_server"),
            by="application",
            cause=_app_cause(),
            sure="strong",
            because="its own log has the request with this status",
        ),
    ]


def _first(lines: Sequence[Line], value: str) -> pl.Expr:
    """That field of the first line that applies."""
    chain = pl.lit(None, pl.String)
    for line in reversed(lines):
        found = getattr(line, value)
        result = pl.lit(found) if isinstance(found, str) else found
        chain = pl.when(_true(line.when)).then(result).otherwise(chain)
    return chain


def _lowered(confidence: pl.Expr) -> pl.Expr:
    """One step less sure."""
    return confidence.replace({"certain": "strong", "strong": "weak"})


#: Equal requests closer than this (µs) may be exchanged.
_CLOSE = 3_000_000


def _exchangeable() -> pl.Expr:
    """Requests that another one, answered otherwise, equals in all that joins them.

    Only what inner hops said can be exchanged; an outer hop's verdict stands on its
    own record.
    """
    inside = pl.col("answered_by").is_in(["web_server", "app_server", "application"])
    joined = (pl.col("note").is_not_null() & ~_LOGS_UP) | (_LB & _has("web_server"))
    joined |= _has("web_server") & (_has("application") | _has("app_server"))
    equal = ["method", "path", "query", "status", "_slot"]
    answers = pl.struct("answered_by", "cause").n_unique().over(equal)
    return inside & joined & (answers > 1)


def decide(requests: pl.DataFrame) -> pl.DataFrame:
    """The requests with `answered_by`, `cause`, `rule`, `confidence` and `because`."""
    lines = [*_edge(), *_noted(), *_with_upstream(), *_without_upstream()]
    decided = requests.with_columns(
        answered_by=_first(lines, "by").fill_null("unknown"),
        cause=_first(lines, "cause").fill_null("unknown"),
        confidence=_first(lines, "sure").fill_null("none"),
        because=_first(lines, "because").fill_null("no record says who answered"),
        _slot=pl.col("time") // _CLOSE,
    ).with_columns(ambiguous=_exchangeable())
    return decided.drop("_slot").with_columns(
        confidence=pl.when(pl.col("ambiguous"))
        .then(_lowered(pl.col("confidence")))
        .otherwise(pl.col("confidence")),
        rule=pl.when(pl.col("cause") == "waf_rule").then(pl.col("waf_rule")),
    )
