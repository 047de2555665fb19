"""Answers of which no record says who gave them: what speaks for one hop."""

import polars as pl

from forensic.hops.between import STATUS, WEB
from forensic.hops.causes import app_cause
from forensic.hops.page import other_page
from forensic.hops.products import PLATFORMS
from forensic.hops.table import BALANCED, Line, has, sure_of

__all__ = ["guessed"]

#: What web servers answer themselves as often as what stands behind them, and what
#: applications do more often.
_EITHER, _REFUSED = [503], [401, 403, 404, 429]
#: Routers of platforms and meshes, and login proxies, which stand right before what
#: runs there.
_ROUTERS = [*PLATFORMS, "envoy", "traefik", "kong", "api_gateway", "oauth2_proxy"]
_TO_SERVERS = sure_of(
    BALANCED
    & pl.col("load_balancer_upstream").is_not_null()
    & ~pl.col("load_balancer_format").is_in(_ROUTERS)
)
_BEHIND = pl.format(
    "the server behind the load balancer ({}) sent it, which has no log here: an"
    " application's answer, or a web server's own",
    "load_balancer_upstream",
)
#: What is run for each request: whatever the server serves else, it may refuse itself.
_SCRIPT = r"(?i)\.(?:php[0-9]?|phtml|cgi|pl|py|jsp|jspx|do|action|aspx?|cfm)$"
#: Apache writes nothing of a missing file, a login, `[F]` and `[G]` unless told to.
_QUIET = sure_of(pl.col("web_format") == "apache_access") & (STATUS < 500)
_QUIET &= ~sure_of(pl.col("path").str.contains(_SCRIPT))

#: Hops whose record may have the status of what they asked: the innermost first.
_ASKED = [
    ("load_balancer", "the load balancer", "what it asked", BALANCED),
    ("cdn", "the CDN", "its origin", has("cdn") & ~BALANCED),
]
#: A balancer that never says what its servers answered.
_UNTOLD = pl.col("balancer_passes")
_UNTOLD &= pl.col("load_balancer_upstream_status").is_null()


def guessed() -> list[Line]:
    """Weak answers, and those that are left open."""
    return [
        Line(
            when=WEB & other_page(),
            by="application",
            cause=app_cause(),
            sure="weak",
            because="its body has not the size of the page that the web server makes"
            " itself; nothing else says who answered",
        ),
        Line(
            when=WEB & pl.col("web_complains") & (STATUS >= 400) & ~_QUIET,
            by="application",
            cause=app_cause(),
            sure="weak",
            because="the web server's error log says nothing of it; nothing else says"
            " who answered",
        ),
        Line(
            # What runs Java or Python logs requests as a web server does.
            when=sure_of(pl.col("inner_web_status") == STATUS)
            & ~sure_of(pl.col("web_format").str.starts_with("nginx")),
            by="application",
            cause=app_cause(),
            sure="weak",
            because="the server behind the web server logged it, too, and nothing shows"
            " another one behind that",
        ),
        Line(
            when=WEB & (STATUS >= 400) & (STATUS < 500),
            by="unknown",
            cause="unknown",
            sure="weak",
            because="the web server or what stands behind it: its access log does not"
            " say whether anything was asked, and no other log does",
        ),
        Line(
            when=_TO_SERVERS & ~WEB & ~pl.col("web_known") & STATUS.is_in(_EITHER),
            by="unknown",
            cause="unknown",
            sure="weak",
            because=_BEHIND,
        ),
        Line(
            when=_TO_SERVERS & ~WEB & ~pl.col("web_known") & STATUS.is_in(_REFUSED),
            by="application",
            cause=app_cause(),
            sure="weak",
            because=_BEHIND,
        ),
        Line(
            when=BALANCED & ~WEB & _UNTOLD & (STATUS >= 400) & (STATUS < 500),
            by="unknown",
            cause="unknown",
            sure="weak",
            because="the load balancer or what stands behind it: its log does not say"
            " whether it asked a server, and no other log does",
        ),
        *(
            Line(
                when=asking
                & ~WEB
                & sure_of(pl.col(f"{hop}_upstream_status") == STATUS),
                by="application",
                cause=app_cause(),
                sure="weak",
                because=pl.format(
                    "{} answered {}, as the record of {} says; no log of that is here",
                    pl.lit(whom),
                    f"{hop}_upstream_status",
                    pl.lit(name),
                ),
            )
            for hop, name, whom, asking in _ASKED
        ),
        Line(
            when=(WEB | BALANCED | has("cdn")) & (STATUS >= 400),
            by="application",
            cause=app_cause(),
            sure="weak",
            because="no outer hop claims the answer, and no log of a hop further in has"
            " it",
        ),
    ]
