"""What a hop without a log answered: as far as the logs on both sides of it show."""

import polars as pl

from forensic.hops.table import BALANCED, Line, has, sure_of

__all__ = [
    "APP_SILENT",
    "ASKED",
    "INNER_SILENT",
    "INNER_UNHEARD",
    "STATUS",
    "WEB",
    "between",
    "given_up",
]

WEB = pl.col("web_status").is_not_null()
STATUS = pl.coalesce("web_status", "load_balancer_upstream_status", "status")
#: Whether the CDN writes what its origin answered.
ASKED = pl.col("cdn_upstream_status").is_not_null()
#: No hop behind the web server has a record of it.
INNER_UNHEARD = (
    ~has("inner_web")
    & ~has("application")
    & ~has("app_server")
    & pl.col("arrival").is_null()
)
#: Nor may a record without a stamp be that of it.
_UNHEARD = INNER_UNHEARD & ~pl.col("undated")
APP_SILENT = (
    pl.col("app_logs_requests") & pl.col("app_covered") & ~has("application")
) & (~has("app_server") & pl.col("arrival").is_null() & ~pl.col("undated"))
#: A log of requests behind the web server spans the moment and has not this one.
INNER_SILENT = pl.col("inner_served") & _UNHEARD


_WHICH = pl.format(" {}", "load_balancer_upstream").fill_null("")


def given_up() -> list[Line]:
    """A web server that was left alone (499), and a client that got another status."""
    alone = pl.col("web_status") == 499
    left = sure_of(alone & (pl.col("cdn_status") >= 500)) & ~BALANCED
    return [
        Line(
            when=sure_of(alone & (pl.col("load_balancer_status") >= 500)),
            by="load_balancer",
            cause="target_timeout",
            sure="strong",
            because="it went away before the web server could answer (499)",
        ),
        Line(
            when=left & ASKED & pl.col("fronted"),
            by="load_balancer",
            cause="target_timeout",
            sure="strong",
            because="the CDN got this status from its origin, and what stands in front"
            " of the web server, whose log is not here, had gone away (499)",
        ),
        Line(
            when=left & ~ASKED & ~pl.col("fronted"),
            by="cdn",
            cause="upstream_timeout",
            sure="strong",
            because="it went away before the web server could answer (499)",
        ),
        Line(
            when=left,
            by="unknown",
            cause="unknown",
            sure="weak",
            because="the web server was left before it could answer (499), by the CDN"
            " or by what stands between them",
        ),
    ]


def between() -> list[Line]:
    """What a hop without a log answered, as the logs on both sides of it show."""
    return [
        Line(
            when=has("cdn")
            & ~BALANCED
            & ~WEB
            & pl.col("web_served")
            & (ASKED | pl.col("fronted")),
            by="unknown",
            cause="unknown",
            sure="weak",
            because=pl.when(ASKED)
            .then(
                pl.lit(
                    "the CDN got this status from its origin, and the web server that"
                    " was logging has no such answer: a hop between them, or another"
                    " server"
                )
            )
            .otherwise(
                pl.lit(
                    "the web server was logging and has no such answer; the CDN, or"
                    " what stands between them and has no log here"
                )
            ),
        ),
        Line(
            when=BALANCED
            & ~WEB
            & pl.col("web_known")
            & ~pl.col("web_served")
            & (STATUS >= 400)
            & (STATUS != 500),
            by="unknown",
            cause="unknown",
            sure="weak",
            because=pl.format(
                "the load balancer's target{} sent it, and the web server's log does"
                " not reach that moment",
                _WHICH,
            ),
        ),
        Line(
            when=BALANCED
            & ~WEB
            & (APP_SILENT | pl.col("web_served"))
            & (STATUS >= 400)
            & (STATUS != 500),
            by="unknown",
            cause="unknown",
            sure="weak",
            because=pl.when(
                pl.col("balancer_passes")
                & pl.col("load_balancer_upstream_status").is_null()
            )
            .then(
                pl.lit(
                    "what is logged behind the load balancer has not this one, and the"
                    " load balancer does not say whether its target sent it: itself,"
                    " or another host"
                )
            )
            .otherwise(
                pl.format(
                    "the load balancer's target{} sent it, and what is logged behind"
                    " the load balancer has not this one: a web server without a log,"
                    " or another host",
                    _WHICH,
                )
            ),
        ),
    ]
