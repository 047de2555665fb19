"""Requests that one log has, and others of that moment have not: what that shows."""

import polars as pl

from forensic.hops.between import APP_SILENT, INNER_SILENT, STATUS, WEB
from forensic.hops.causes import SAID_NO, own_cause
from forensic.hops.page import other_page, own_page, with_reason
from forensic.hops.quoted import told
from forensic.hops.table import BALANCED, Line, has, sure_of

__all__ = ["NOT_AMONG", "STATIC", "unlogged"]

NOT_AMONG = "what stands behind it logs its requests, and this one is not among them"

#: Files that a web server serves itself.
STATIC = (
    r"(?i)\.(?:png|jpe?g|gif|svg|ico|webp|css|js|map|woff2?|ttf|pdf|txt|xml|zip|mp4)$"
)


def unlogged() -> list[Line]:
    """What it shows that other logs of that moment do not have the request."""
    static = pl.col("path").str.contains(STATIC)
    return [
        Line(
            when=SAID_NO & sure_of(pl.col("trace_status") == STATUS),
            by="application",
            cause="application_response",
            sure="weak",
            because=told(
                "its log tells of a refusal at that moment that gives this status",
                "trace_words",
            ),
        ),
        Line(
            when=WEB & (APP_SILENT | INNER_SILENT) & (STATUS >= 400) & (STATUS != 500),
            by="web_server",
            # Apache answers 503 for a server behind it that refuses, too.
            cause=pl.when((STATUS == 503) & ~APP_SILENT)
            .then(pl.lit("unknown"))
            .otherwise(own_cause()),
            sure="weak",
            because=with_reason(NOT_AMONG),
        ),
        Line(
            when=WEB & (STATUS == 503) & pl.col("app_covered") & ~has("application"),
            by="web_server",
            cause="unknown",
            sure="weak",
            because="the application was logging and says nothing of it",
        ),
        Line(
            when=WEB & ~pl.col("logs_upstream") & own_page() & (STATUS >= 400),
            by="web_server",
            cause=own_cause(),
            sure="weak",
            because=with_reason(
                "its body has the size of the web server's own error page"
            ),
        ),
        Line(
            when=SAID_NO,
            by="application",
            cause="application_response",
            sure="weak",
            because=told(
                "its log tells of a refusal at that moment, without naming the request",
                "trace_words",
            ),
        ),
        Line(
            when=WEB & (STATUS == 429) & ~pl.col("web_complains"),
            by="unknown",
            cause="rate_limited",
            sure="weak",
            because="a limit of the web server or of what stands behind it; no error"
            " log of that moment is here, where a web server writes the limits that it"
            " enforces",
        ),
        Line(
            when=WEB
            & ~pl.col("proxies")
            & pl.col("web_complains")
            & STATUS.is_in([401, 403]),
            by="unknown",
            cause="unknown",
            sure="weak",
            because="the web server's error log covers that moment and has nothing of"
            " it: a rule of it that writes nothing, or an application behind it",
        ),
        Line(
            when=WEB & ~pl.col("proxies") & other_page(),
            by="unknown",
            cause="unknown",
            sure="weak",
            because="nothing in the archive shows an upstream behind it, and the body"
            " has not the size of the page that it makes itself: one of its"
            " configuration, or the answer of what stands behind it",
        ),
        Line(
            when=WEB & ~pl.col("proxies") & (STATUS >= 400) & (STATUS != 500),
            by="web_server",
            cause=own_cause(),
            sure="weak",
            because="nothing in the archive shows an upstream behind it",
        ),
        Line(
            when=(WEB | BALANCED)
            & (STATUS.is_in([408, 413, 414]) | (sure_of(static) & (STATUS == 404)))
            & ~((STATUS == 413) & other_page()),
            by="web_server",
            cause=own_cause(),
            sure="weak",
            because="such an answer is a web server's more often than an application's",
        ),
    ]
