"""A web server that logs what its upstream answered ▶ who made the answer.

What it passed on is the upstream's; what it answered without asking one, or in the
place of another answer, is its own.
"""

import polars as pl

from forensic.hops.between import (
    APP_SILENT,
    INNER_SILENT,
    INNER_UNHEARD,
    STATUS,
    WEB,
)
from forensic.hops.causes import (
    APP_SAYS,
    COMPLAINED,
    GUESSED,
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
from forensic.hops.page import other_page, own_page, with_reason
from forensic.hops.quoted import told
from forensic.hops.reached import ANSWERED, CONNECTED, LIMITED, NEVER
from forensic.hops.table import Line, sure_of
from forensic.hops.unlogged import STATIC

__all__ = [
    "FAILS",
    "GATEWAY",
    "NGINX",
    "NOT_ITS_OWN",
    "UNSAID",
    "UP",
    "asked",
    "unasked",
]

FAILS = "it writes this status for an upstream that fails"
_NONE_ASKED = "it asked no upstream (its log has `-` for what one would say)"
_REDIRECTS = [301, 302, 303, 307, 308]
GATEWAY = STATUS.is_in([502, 504])
UP = pl.col("web_upstream_status")
_LOGS_UP = pl.col("logs_upstream")
_INCIDENT = pl.col("incident")
#: Of Caddy only an answer's headers tell that an upstream made it.
_CADDY = sure_of(pl.col("web_server_format") == "caddy")
NGINX = sure_of(pl.col("web_format").str.starts_with("nginx"))
#: An upstream failed it, and nothing says how: Caddy writes no error that its
#: configuration handles (`handle_errors`).
_UNTOLD = STATUS.is_in([502, 503]) & _INCIDENT.is_null()
_BOTH = "the web server passed its status on, and its own log has it too"
_APACHE = sure_of(pl.col("web_format") == "apache_access") & ~LIMITED
#: nginx and Apache write down which upstream failed them, before they answer so with
#: their own page.
UNSAID = GATEWAY & pl.col("web_complains") & (other_page() | _APACHE)
UNSAID &= _INCIDENT.is_null()
_SILENT = (
    "the web server's error log covers that moment and tells of no upstream that failed"
    " it"
)
NOT_ITS_OWN = (
    pl.when(other_page())
    .then(pl.lit(f"{_SILENT}, and the body has not the size of its own page"))
    .otherwise(pl.lit(_SILENT))
) + ": the status is the upstream's"
_HEADER = (
    "the web server logs when its upstream's header came: this status is the"
    " upstream's own"
)
_APISIX = sure_of(pl.col("web_format") == "nginx_apisix")
#: nginx writes which file it did not find (ngx_http_static_module, at level error), but
#: not what `try_files` looks for; APISIX has no files.
_NO_FILE = (
    NGINX & pl.col("web_complains") & ~sure_of(pl.col("path").str.contains(STATIC))
)
_NO_FILE = (STATUS == 404) & (_NO_FILE | _APISIX)
_UNWRITTEN = (
    pl.when(_APISIX)
    .then(pl.lit("APISIX serves no files: a route or a plugin of it gives this status"))
    .otherwise(
        pl.lit(
            "its error log tells of no missing file, which it would unless"
            " `log_not_found` is off: `return 404`, `try_files`, or a script"
        )
    )
)
_EITHER_S = (
    "it had a connection to its upstream, and the body has not the size of its own"
    " page: one of its configuration, or the upstream's own answer"
)


def unasked() -> list[Line]:
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
            when=WEB & NGINX & (STATUS == 444) & UP.is_null(),
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
            when=WEB & sure_of(pl.col("web_server_reason") == "route_not_found"),
            by="web_server",
            cause="no_route",
            sure="strong",
            because="APISIX asked no upstream, and the body has the size of what it"
            " says where no route fits (404 Route Not Found)",
        ),
        Line(
            when=WEB & sure_of(pl.col("web_server_reason") == "cached_error"),
            by="web_server",
            cause="cached_error",
            sure="certain",
            because="it gave an error that it had kept in its cache",
        ),
        Line(
            when=WEB & _LOGS_UP & UP.is_null() & (STATUS >= 400) & ~APP_SAYS,
            by="web_server",
            # Of which no upstream is told, none broke off: its name was not found.
            cause=pl.when(GATEWAY & (_CADDY | _INCIDENT.is_not_null()))
            .then(upstream_cause())
            .when(_NO_FILE)
            .then(pl.lit("unknown"))
            .otherwise(own_cause()),
            # How long it took alone does not tell a refusal from a reset.
            sure=pl.when(_CADDY & (~(APP_SILENT | INNER_SILENT) | _UNTOLD | GUESSED))
            .then(pl.lit("weak"))
            .otherwise(pl.lit("strong")),
            because=pl.when(_CADDY & GATEWAY & _INCIDENT.is_not_null())
            .then(death())
            .when(_CADDY)
            .then(pl.lit("no header of a server behind it is in the answer"))
            .when((STATUS == 503) & ~pl.col("web_complains"))
            .then(pl.lit(f"{_NONE_ASKED}: a limit, or a fixed answer"))
            .when(_NO_FILE)
            .then(pl.concat_str(pl.lit(f"{_NONE_ASKED}; "), _UNWRITTEN))
            .otherwise(with_reason(_NONE_ASKED)),
        ),
        Line(
            when=WEB & _LOGS_UP & UP.is_null() & (STATUS < 400) & ~_CADDY,
            by="web_server",
            cause=pl.when(STATUS.is_in(_REDIRECTS))
            .then(pl.lit("redirect"))
            .otherwise(pl.lit("served_itself")),
            sure="strong",
            because=_NONE_ASKED,
        ),
    ]


def asked() -> list[Line]:
    """A web server that logs what the upstream answered, and asked one."""
    passed = WEB & _LOGS_UP & (UP == STATUS)
    others_page = own_page() & INNER_UNHEARD
    # A body of another size may be what came on the connection.
    reached = NEVER | (CONNECTED & ~other_page())
    return [
        Line(
            when=passed & GATEWAY & _CADDY,
            by="application",
            cause=app_cause(),
            sure="strong",
            because="the answer has headers that a server behind it gave it",
        ),
        Line(
            when=passed & GATEWAY & ANSWERED,
            by="application",
            cause=app_cause(),
            sure=pl.when(APP_SAYS | SAID_NO | COMPLAINED | sure_of(THROWN))
            .then(pl.lit("strong"))
            .otherwise(pl.lit("weak")),
            because=pl.when(INNER_UNHEARD)
            .then(pl.lit(f"{_HEADER}, an application's or that of another proxy"))
            .otherwise(pl.lit(_HEADER)),
        ),
        Line(
            when=passed & UNSAID & ~APP_SAYS,
            by="application",
            cause=app_cause(),
            sure="strong",
            because=NOT_ITS_OWN,
        ),
        Line(
            when=passed & GATEWAY & ~APP_SAYS & _INCIDENT.is_null(),
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
            .otherwise(upstream_told(FAILS)),
        ),
        Line(
            when=passed & GATEWAY & ~APP_SAYS,
            by="web_server",
            cause=upstream_cause(),
            sure=death_sure(),
            because=death(),
        ),
        Line(
            when=passed & (APP_SAYS | sure_of(THROWN)),
            by="application",
            cause=app_cause(),
            sure=app_sure("certain"),
            because=pl.when(THROWN)
            .then(told(_BOTH, "trace_words"))
            .otherwise(with_refusal(_BOTH)),
        ),
        Line(
            when=passed & others_page & APP_SILENT,
            by="web_server",
            cause=own_cause(),
            sure="weak",
            because="the body that its upstream sent has the size of nginx's own page,"
            " and the application's log does not have the request: another one"
            " between them, which has no log here",
        ),
        Line(
            when=passed,
            by="application",
            cause=app_cause(),
            # Bodies of applications may have that size, too.
            sure=pl.when(others_page)
            .then(pl.lit("weak"))
            .otherwise(app_sure("strong")),
            because=pl.when(others_page)
            .then(
                pl.lit(
                    "the web server passed the upstream's status on; the body has the"
                    " size of nginx's own page, so another one behind it may have"
                    " made it"
                )
            )
            .otherwise(with_refusal("the web server passed the upstream's status on")),
        ),
        Line(
            when=WEB & _LOGS_UP & UP.is_not_null() & ((STATUS >= 400) | (UP >= 400)),
            by="web_server",
            cause=pl.when(GATEWAY)
            .then(upstream_cause())
            .when(UP.is_in([502, 504]) & ~ANSWERED)
            .then(upstream_cause(UP))
            .when(UP >= 500)
            .then(pl.lit("exception"))
            .when(UP >= 400)
            .then(pl.lit("application_response"))
            .otherwise(own_cause()),
            sure="strong",
            because=pl.format("it replaced the status {} of its upstream", UP),
        ),
    ]
