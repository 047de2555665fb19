"""An inner hop's answer ▶ its cause, as far as status, durations and traces tell it."""

import polars as pl

from forensic.hops.between import STATUS, WEB
from forensic.hops.kind import COMPLAINT
from forensic.hops.reached import CONNECTED, LIMITED, NEVER
from forensic.hops.refusals import REFUSED
from forensic.hops.table import sure_of

__all__ = [
    "APP_SAYS",
    "COMPLAINED",
    "GUESSED",
    "SAID_NO",
    "THROWN",
    "app_cause",
    "app_sure",
    "death",
    "death_sure",
    "own_cause",
    "upstream_cause",
    "upstream_told",
    "with_refusal",
]

#: Whether the application, or its server, logs this status.
APP_SAYS = sure_of(
    (pl.col("application_status") == STATUS) | (pl.col("app_server_status") == STATUS)
)
THROWN = pl.col("trace_kind") == "exception"
COMPLAINED = sure_of(pl.col("trace_kind") == COMPLAINT.name)
#: Words of a refusal.
SAID_NO = sure_of(pl.col("trace_kind").is_in(REFUSED))
_PROTOCOL = [400, 405, 408, 411, 414, 416, 421, 431, 494, 495, 496, 497, 501, 505]
#: What no web server answers unless its configuration says so (`return 410`).
_CONFIGURED = [410, 418, 451]
_INCIDENT = pl.col("incident")
#: Apache answers 503 where it gets no connection, and 502 for what comes of one.
_APACHE = sure_of(pl.col("web_format").str.starts_with("apache_"))
#: gunicorn asks "Perhaps out of memory?" of every SIGKILL.
GUESSED = sure_of(pl.col("incident_kind") == "killed")


def own_cause() -> pl.Expr:
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
        504: "upstream_timeout",
        **dict.fromkeys(_PROTOCOL, "bad_request"),
        **dict.fromkeys(_CONFIGURED, "fixed_response"),
    }
    known = STATUS.replace_strict(
        list(by_status),
        list(by_status.values()),
        default="unknown",
        return_dtype=pl.String,
    )
    # Limits are written to the error log by default, a `return 503` is not.
    unsaid = (STATUS == 503) & pl.col("web_complains")
    return pl.when(sure_of(unsaid)).then(pl.lit("fixed_response")).otherwise(known)


def upstream_cause(status: pl.Expr = STATUS) -> pl.Expr:
    """Why a web server wrote 502 or 504, where no error line says it."""
    # What stood in front waited no less; alone it does not tell what it waited for.
    front = pl.when(WEB).then("load_balancer_duration")
    waited = pl.coalesce("web_upstream_duration", "web_duration", front)
    return (
        pl.when(_INCIDENT.is_not_null())
        .then(_INCIDENT)
        .when((status == 504) | LIMITED)
        .then(pl.lit("upstream_timeout"))
        .when(NEVER | (~CONNECTED & ~_APACHE & (waited < 0.01)))
        .then(pl.lit("upstream_refused"))
        .when(CONNECTED | waited.is_not_null())
        .then(pl.lit("upstream_closed"))
        .otherwise(pl.lit("bad_gateway"))
    )


def upstream_told(otherwise: str) -> pl.Expr:
    """What shows why a web server wrote 502 or 504, in words."""
    return (
        pl.when(NEVER)
        .then(pl.lit("it got no connection to its upstream"))
        .when(CONNECTED)
        .then(pl.lit("it had a connection to its upstream, and no answer came on it"))
        .when(LIMITED)
        .then(
            pl.format(
                "it waited {} s, and Apache answers 502 when its ProxyTimeout is over",
                pl.col("limit").cast(pl.Int64),
            )
        )
        .otherwise(pl.lit(otherwise))
    )


def app_cause() -> pl.Expr:
    """Whether the application failed or decided.

    What it threw and answered with 4xx is its way to say no.
    """
    told = COMPLAINED | ~pl.col("app_speaks")
    failed = (sure_of(THROWN) & (STATUS >= 500)) | ((STATUS == 500) & told)
    return (
        pl.when(failed)
        .then(pl.lit("exception"))
        .otherwise(pl.lit("application_response"))
    )


def death() -> pl.Expr:
    """What is known of the worker that died, in words."""
    killed = "a worker of its upstream was killed at that moment, nothing shows by whom"
    died = "a worker of its upstream died at that moment"
    stopped = "its application server had been shut down, and was not started again yet"
    return (
        pl.when(GUESSED)
        .then(pl.lit(killed))
        .when(pl.col("incident_kind") == "stopped")
        .then(pl.lit(stopped))
        .otherwise(pl.lit(died))
    )


def death_sure() -> pl.Expr:
    """How sure the cause of the worker's death is."""
    return pl.when(GUESSED).then(pl.lit("weak")).otherwise(pl.lit("strong"))


def with_refusal(text: str) -> pl.Expr:
    """The text, and behind it the application's own words where it said no."""
    named = pl.when(pl.col("trace_named")).then(pl.lit("; its own log says why"))
    moment = pl.lit("; its log tells of a refusal at that moment")
    why = pl.format("{} ({})", named.otherwise(moment), "trace_words")
    return pl.concat_str(pl.lit(text), pl.when(SAID_NO).then(why).fill_null(""))


def app_sure(otherwise: str) -> pl.Expr:
    """How sure that is: a 500 of which no log speaks may be thrown or chosen."""
    guessed = (STATUS == 500) & ~pl.col("app_speaks") & ~sure_of(THROWN)
    return pl.when(guessed).then(pl.lit("weak")).otherwise(pl.lit(otherwise))
