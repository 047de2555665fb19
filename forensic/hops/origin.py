"""What the inner hops answer: the second part of the decision table."""

import polars as pl

from forensic.hops import proxied, servers
from forensic.hops.arrivals import ARRIVED
from forensic.hops.between import (
    ASKED,
    STATUS,
    WEB,
    between,
    given_up,
)
from forensic.hops.causes import (
    APP_SAYS,
    COMPLAINED,
    SAID_NO,
    THROWN,
    app_cause,
    app_sure,
    death,
    death_sure,
    own_cause,
    upstream_cause,
    upstream_told,
    with_refusal,
)
from forensic.hops.error_line import by_error_line
from forensic.hops.guessed import guessed
from forensic.hops.page import other_page, own_page
from forensic.hops.passed_on import (
    FAILS,
    GATEWAY,
    NGINX,
    NOT_ITS_OWN,
    UNSAID,
    UP,
    asked,
    unasked,
)
from forensic.hops.products import browser, iis, s3, uwsgi
from forensic.hops.quoted import told
from forensic.hops.reached import CONNECTED, NEVER
from forensic.hops.table import BALANCED, Line, has, sure_of
from forensic.hops.unlogged import unlogged

__all__ = ["origin"]

#: What a hop in front answers after it has asked.
_WAITED = [499, 502, 504]
#: What is refused while it is read.
_UNREADABLE = [408, 413, 414, 431, 494, 495, 496, 497, 505]
#: Whether an upstream was asked, of which the web server does not say what it answered.
_ASKED_ONE = (
    pl.col("web_upstream").is_not_null() | pl.col("web_upstream_duration").is_not_null()
) & UP.is_null()
_INCIDENT = pl.col("incident")
#: Who logs an answer has not died over it.
_ANSWERED = sure_of(pl.coalesce("app_server_status", "application_status") < 500)


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
            when=APP_SAYS,
            by="application",
            cause=app_cause(),
            sure=app_sure("strong"),
            because=pl.when(THROWN)
            .then(told("its own log has the request with this status", "trace_words"))
            .otherwise(with_refusal("its own log has the request with this status")),
        ),
        Line(
            when=sure_of(THROWN) & (STATUS >= 500) & ~(GATEWAY & own_page()),
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
    # Applications, too, refuse what is too large: nginx writes down that it did.
    large = (STATUS == 413) & ~own_page()
    other = large & (other_page() | (sure_of(NGINX) & pl.col("web_complains")))
    gateway = GATEWAY & (WEB | BALANCED)
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
            when=WEB & UNSAID,
            by="application",
            cause=app_cause(),
            sure="weak",
            because=NOT_ITS_OWN,
        ),
        Line(
            when=malformed | (WEB & ~_ASKED_ONE & STATUS.is_in(_UNREADABLE) & ~other),
            by="web_server",
            cause=own_cause(),
            sure=pl.when(~malformed & large)
            .then(pl.lit("weak"))
            .otherwise(pl.lit("strong")),
            because=pl.when(~malformed & large)
            .then(pl.lit("a web server refuses a body more often than an application"))
            .otherwise(
                pl.lit("such a request is refused before any upstream is asked")
            ),
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
            because=upstream_told(FAILS),
        ),
        Line(
            when=WEB & _ASKED_ONE & (STATUS >= 400),
            by="application",
            cause=app_cause(),
            sure=app_sure("strong"),
            because="the web server asked its upstream before it answered",
        ),
    ]


def origin() -> list[Line]:
    """The lines about what web server, application server and application answer."""
    return [
        *given_up(),
        *browser.replaced(),
        *uwsgi.lines(),
        *servers.lines(),
        *by_error_line(APP_SAYS),
        *iis.lines(),
        *s3.lines(),
        *_app_server_tells(),
        *proxied.lines(),
        *unasked(),
        *asked(),
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
            sure=app_sure("strong"),
            because="its own log has the request with this status",
        ),
    ]
