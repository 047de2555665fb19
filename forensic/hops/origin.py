"""What the inner hops answer: the second part of the decision table."""

import polars as pl

from forensic.hops.arrivals import ARRIVED
from forensic.hops.between import (
    APP_SILENT,
    ASKED,
    INNER_SILENT,
    STATUS,
    WEB,
    between,
    given_up,
)
from forensic.hops.causes import (
    COMPLAINED,
    GUESSED,
    SAID_NO,
    THROWN,
    app_cause,
    death,
    death_sure,
    own_cause,
    upstream_cause,
    upstream_told,
)
from forensic.hops.error_line import by_error_line
from forensic.hops.guessed import guessed
from forensic.hops.page import other_page, own_page, with_reason
from forensic.hops.products import browser, iis, s3, uwsgi
from forensic.hops.quoted import told
from forensic.hops.reached import ANSWERED, CONNECTED, NEVER
from forensic.hops.table import BALANCED, Line, has, sure_of
from forensic.hops.unlogged import unlogged

__all__ = ["origin"]

_FAILS = "it writes this status for an upstream that fails"
_NONE_ASKED = "it asked no upstream (its log has `-` for what one would say)"
#: What a hop in front answers after it has asked.
_WAITED = [499, 502, 504]
#: What is refused while it is read.
_UNREADABLE = [408, 413, 414, 431, 494, 495, 496, 497, 505]
_REDIRECTS = [301, 302, 303, 307, 308]
_GATEWAY = STATUS.is_in([502, 504])
_UP = pl.col("web_upstream_status")
_LOGS_UP = pl.col("logs_upstream")
#: Whether an upstream was asked, of which the web server does not say what it answered.
_ASKED_ONE = (
    pl.col("web_upstream").is_not_null() | pl.col("web_upstream_duration").is_not_null()
) & _UP.is_null()
#: Of Caddy only an answer's headers tell that an upstream made it.
_CADDY = sure_of(pl.col("web_server_format") == "caddy")
_NGINX = sure_of(pl.col("web_format").str.starts_with("nginx"))
_INCIDENT = pl.col("incident")
#: An upstream failed it, and nothing says how: Caddy writes no error that its
#: configuration handles (`handle_errors`).
_UNTOLD = STATUS.is_in([502, 503]) & _INCIDENT.is_null()
_APP_SAYS = sure_of(
    (pl.col("application_status") == STATUS) | (pl.col("app_server_status") == STATUS)
)
#: Who logs an answer has not died over it.
_ANSWERED = sure_of(pl.coalesce("app_server_status", "application_status") < 500)
_BOTH = "the web server passed its status on, and its own log has it too"
#: nginx writes down which upstream failed it, before it answers so with its own page.
_UNSAID = _GATEWAY & pl.col("web_complains") & other_page() & _INCIDENT.is_null()
_NOT_ITS_OWN = (
    "the web server's error log covers that moment and tells of no upstream that failed"
    " it, and the body has not the size of its own page: the status is the upstream's"
)
_EITHER_S = (
    "it had a connection to its upstream, and the body has not the size of its own"
    " page: one of its configuration, or the upstream's own answer"
)


def _with_refusal(text: str) -> pl.Expr:
    """The text, and behind it the application's own words where it said no."""
    named = pl.when(pl.col("trace_named")).then(pl.lit("; its own log says why"))
    moment = pl.lit("; its log tells of a refusal at that moment")
    why = pl.format("{} ({})", named.otherwise(moment), "trace_words")
    return pl.concat_str(pl.lit(text), pl.when(SAID_NO).then(why).fill_null(""))


def _app_sure(otherwise: str) -> pl.Expr:
    """How sure that is: a 500 of which no log speaks may be thrown or chosen."""
    guessed = (STATUS == 500) & ~pl.col("app_speaks") & ~sure_of(THROWN)
    return pl.when(guessed).then(pl.lit("weak")).otherwise(pl.lit(otherwise))


def _app_server_tells() -> list[Line]:
    """An application server that logs what it refused, gave up on, or answered."""
    return [
        Line(
            when=WEB & (STATUS == 502) & _ANSWERED,
            by="web_server",
            cause="bad_gateway",
            sure="weak",
            because="what stands behind it logged an answer, which it could not use",
        ),
        Line(
            when=sure_of(pl.col("trace_kind") == "invalid_request"),
            by="app_server",
            cause="bad_request",
            sure="strong",
            because="it logs that it could not read the request",
        ),
        Line(
            when=sure_of(pl.col("trace_kind") == "abort") & (STATUS == 500),
            by="app_server",
            cause="worker_timeout",
            sure=pl.when(pl.col("trace_path") == pl.col("path"))
            .then(pl.lit("certain"))
            .otherwise(pl.lit("strong")),
            because="its log says that it ended the worker over this request, at its"
            " time limit",
        ),
    ]


def _unasked() -> list[Line]:
    """A web server that logs what the upstream answered, and asked none."""
    return [
        Line(
            when=WEB & sure_of(_INCIDENT == "no_target"),
            by="web_server",
            cause="no_target",
            sure="strong",
            because=told("it had nobody to ask, and its log says so", "incident_words"),
        ),
        Line(
            when=WEB & _NGINX & (STATUS == 444) & _UP.is_null(),
            by="web_server",
            cause=own_cause(),
            sure="strong",
            because="nginx alone has this status: its configuration makes it close the"
            " connection without an answer",
        ),
        Line(
            when=WEB & sure_of(pl.col("web_server_reason") == "no_route"),
            by="web_server",
            cause="no_route",
            sure="strong",
            because="its own default backend answered: no rule fits host and path",
        ),
        Line(
            when=WEB & sure_of(pl.col("web_server_reason") == "cached_error"),
            by="web_server",
            cause="cached_error",
            sure="certain",
            because="it gave an error that it had kept in its cache",
        ),
        Line(
            when=WEB & _LOGS_UP & _UP.is_null() & (STATUS >= 400) & ~_APP_SAYS,
            by="web_server",
            # Of which no upstream is told, none broke off: its name was not found.
            cause=pl.when(_GATEWAY & (_CADDY | _INCIDENT.is_not_null()))
            .then(upstream_cause())
            .otherwise(own_cause()),
            # How long it took alone does not tell a refusal from a reset.
            sure=pl.when(_CADDY & (~(APP_SILENT | INNER_SILENT) | _UNTOLD | GUESSED))
            .then(pl.lit("weak"))
            .otherwise(pl.lit("strong")),
            because=pl.when(_CADDY & _GATEWAY & _INCIDENT.is_not_null())
            .then(death())
            .when(_CADDY)
            .then(pl.lit("no header of a server behind it is in the answer"))
            .when((STATUS == 503) & ~pl.col("web_complains"))
            .then(pl.lit(f"{_NONE_ASKED}: a limit, or a fixed answer"))
            .otherwise(with_reason(_NONE_ASKED)),
        ),
        Line(
            when=WEB & _LOGS_UP & _UP.is_null() & (STATUS < 400) & ~_CADDY,
            by="web_server",
            cause=pl.when(STATUS.is_in(_REDIRECTS))
            .then(pl.lit("redirect"))
            .otherwise(pl.lit("served_itself")),
            sure="strong",
            because=_NONE_ASKED,
        ),
    ]


def _asked() -> list[Line]:
    """A web server that logs what the upstream answered, and asked one."""
    passed = WEB & _LOGS_UP & (_UP == STATUS)
    # A body of another size may be what came on the connection.
    reached = NEVER | (CONNECTED & ~other_page())
    return [
        Line(
            when=passed & _GATEWAY & _CADDY,
            by="application",
            cause=app_cause(),
            sure="strong",
            because="the answer has headers that a server behind it gave it",
        ),
        Line(
            when=passed & _GATEWAY & ANSWERED,
            by="application",
            cause=app_cause(),
            sure="strong",
            because="the web server logs when its upstream's header came: this status"
            " is the upstream's own",
        ),
        Line(
            when=passed & _UNSAID & ~_APP_SAYS,
            by="application",
            cause=app_cause(),
            sure="strong",
            because=_NOT_ITS_OWN,
        ),
        Line(
            when=passed & _GATEWAY & ~_APP_SAYS & _INCIDENT.is_null(),
            by="web_server",
            cause=upstream_cause(),
            # How long it took alone does not tell a refusal from a reset.
            sure=pl.when(reached | (own_page() & (STATUS == 504)))
            .then(pl.lit("strong"))
            .otherwise(pl.lit("weak")),
            because=pl.when(own_page() & ~reached)
            .then(pl.lit("its body has the size of the web server's own error page"))
            .when(CONNECTED & other_page())
            .then(pl.lit(_EITHER_S))
            .otherwise(upstream_told(_FAILS)),
        ),
        Line(
            when=passed & _GATEWAY & ~_APP_SAYS,
            by="web_server",
            cause=upstream_cause(),
            sure=death_sure(),
            because=death(),
        ),
        Line(
            when=passed & (_APP_SAYS | sure_of(THROWN)),
            by="application",
            cause=app_cause(),
            sure=_app_sure("certain"),
            because=pl.when(THROWN)
            .then(told(_BOTH, "trace_words"))
            .otherwise(_with_refusal(_BOTH)),
        ),
        Line(
            when=passed,
            by="application",
            cause=app_cause(),
            sure=_app_sure("strong"),
            because=_with_refusal("the web server passed the upstream's status on"),
        ),
        Line(
            when=WEB & _LOGS_UP & _UP.is_not_null() & ((STATUS >= 400) | (_UP >= 400)),
            by="web_server",
            cause=pl.when(_GATEWAY)
            .then(upstream_cause())
            .when(_UP.is_in([502, 504]))
            .then(upstream_cause(_UP))
            .when(_UP >= 500)
            .then(pl.lit("exception"))
            .when(_UP >= 400)
            .then(pl.lit("application_response"))
            .otherwise(own_cause()),
            sure="strong",
            because=pl.format("it replaced the status {} of its upstream", _UP),
        ),
    ]


def _application_tells() -> list[Line]:
    """What the application's own log says, where no web server's log decides."""
    return [
        Line(
            when=sure_of(pl.col("application_reason") == "traceback"),
            by="application",
            cause="exception",
            sure="strong",
            because="a traceback stands in its log, which does not name the request",
        ),
        Line(
            when=sure_of(pl.col("application_reason") == "refusal"),
            by="application",
            cause="application_response",
            sure="weak",
            because="its log tells of a refusal, and no log has the answer itself",
        ),
        Line(
            when=_APP_SAYS,
            by="application",
            cause=app_cause(),
            sure=_app_sure("strong"),
            because=pl.when(THROWN)
            .then(told("its own log has the request with this status", "trace_words"))
            .otherwise(_with_refusal("its own log has the request with this status")),
        ),
        Line(
            when=sure_of(THROWN) & (STATUS >= 500) & ~(_GATEWAY & own_page()),
            by="application",
            cause="exception",
            sure=pl.when(own_page()).then(pl.lit("weak")).otherwise(pl.lit("strong")),
            because=told("a traceback stands at this request", "trace_words"),
        ),
        Line(
            when=SAID_NO & pl.col("trace_named"),
            by="application",
            cause="application_response",
            sure="strong",
            because=told("its own log says that it refused", "trace_words"),
        ),
        Line(
            when=ARRIVED & (STATUS >= 400) & ~STATUS.is_in(_WAITED) & ~own_page(),
            by="application",
            cause=app_cause(),
            sure="strong",
            because="its own log shows that the request reached it",
        ),
        Line(
            when=COMPLAINED,
            by="application",
            cause=app_cause(),
            sure=pl.when(own_page()).then(pl.lit("weak")).otherwise(pl.lit("strong")),
            because="its own log tells of an error at this request",
        ),
    ]


def _status_tells() -> list[Line]:
    """What the web server's status shows, where it logs no upstream's."""
    malformed = WEB & (pl.col("method").is_null() | pl.col("path").is_null())
    gateway = _GATEWAY & (WEB | BALANCED)
    return [
        Line(
            when=WEB & (STATUS == 0),
            by="web_server",
            cause="unknown",
            sure="weak",
            because="its log has no status: it or the client closed the connection"
            " before an answer began",
        ),
        Line(
            when=WEB & _UNSAID,
            by="application",
            cause=app_cause(),
            sure="weak",
            because=_NOT_ITS_OWN,
        ),
        Line(
            when=malformed | (WEB & ~_ASKED_ONE & STATUS.is_in(_UNREADABLE)),
            by="web_server",
            cause=own_cause(),
            sure="strong",
            because="such a request is refused before any upstream is asked",
        ),
        Line(
            when=gateway & _INCIDENT.is_not_null(),
            by="web_server",
            cause=upstream_cause(),
            sure=death_sure(),
            because=death(),
        ),
        Line(
            when=gateway,
            by="web_server",
            cause=upstream_cause(),
            sure=pl.when(CONNECTED | NEVER)
            .then(pl.lit("strong"))
            .otherwise(pl.lit("weak")),
            because=upstream_told(_FAILS),
        ),
        Line(
            when=WEB & _ASKED_ONE & (STATUS >= 400),
            by="application",
            cause=app_cause(),
            sure=_app_sure("strong"),
            because="the web server asked its upstream before it answered",
        ),
    ]


def origin() -> list[Line]:
    """The lines about what web server, application server and application answer."""
    return [
        *given_up(),
        *browser.replaced(),
        *uwsgi.lines(),
        *by_error_line(_APP_SAYS),
        *iis.lines(),
        *s3.lines(),
        *_app_server_tells(),
        *_unasked(),
        *_asked(),
        *browser.beside(),
        *_application_tells(),
        *_status_tells(),
        *unlogged(),
        *browser.alone(),
        *between(),
        Line(
            when=has("cdn") & ~ASKED & ~BALANCED & ~WEB & pl.col("web_known"),
            by="cdn",
            cause="unknown",
            sure="weak",
            because="no hop behind it has the request",
        ),
        *guessed(),
        Line(
            when=has("application") | has("app_server"),
            by="application",
            cause=app_cause(),
            sure=_app_sure("strong"),
            because="its own log has the request with this status",
        ),
    ]
