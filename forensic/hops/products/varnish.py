"""What Varnish answers itself: 503 where its backend gave nothing to fetch.

Its access log looks like a web server's; only where the format asks for it, it says
that the configuration made an answer (`synth`).
"""

import polars as pl

from forensic.hops.said import made_by
from forensic.hops.table import Line, has, sure_of

__all__ = ["lines"]

_HOP = "load_balancer"
_CAUSES = {401: "auth_failed", 403: "access_forbidden", 429: "rate_limited"}


def _behind(status: pl.Expr) -> pl.Expr:
    """Whether the web server asked Varnish, and nothing behind that has an answer."""
    scope = pl.col("client_scope").cast(pl.String)
    inside = scope.is_in(["private", "loopback"])
    inside &= pl.col("web_server_client_scope").cast(pl.String) == "public"
    heard = has("app_server") | has("application")
    return sure_of(inside & (pl.col("web_server_status") == status)) & ~heard


def _served() -> pl.Expr:
    """Whether what stands behind Varnish has the request with an answer of its own."""
    return has("web_server") & sure_of(pl.col("web_server_status").is_between(200, 399))


def lines() -> list[Line]:
    """The lines about what Varnish answers itself."""
    status = pl.col(f"{_HOP}_status")
    made = sure_of(pl.col(f"{_HOP}_reason") == "synth") & (status >= 400)
    return [
        Line(
            when=made_by(_HOP, "varnish") & made,
            by=_HOP,
            cause=status.replace_strict(
                list(_CAUSES),
                list(_CAUSES.values()),
                default="fixed_response",
                return_dtype=pl.String,
            ),
            sure="certain",
            because="its own configuration made the answer (synth), no server was"
            " asked",
        ),
        Line(
            when=made_by(_HOP, "varnish") & (status == 503) & ~has("web_server"),
            by=_HOP,
            cause="target_connection_error",
            sure="weak",
            because="it writes this for a backend that fails",
        ),
        Line(
            when=made_by(_HOP, "varnish") & (status == 503) & _served(),
            by=_HOP,
            cause="target_connection_error",
            sure="strong",
            because=pl.format(
                "the web server behind it logged {} for this request, which it could"
                " not use or did not wait for",
                "web_server_status",
            ),
        ),
        Line(
            when=made_by(_HOP, "varnish") & (status == 503) & _behind(status),
            by=_HOP,
            cause="target_connection_error",
            sure="weak",
            because="it stands behind the web server, which is its client and passed"
            " this on; it writes this for a backend that fails",
        ),
    ]
