"""What Varnish answers itself: 503 where its backend gave nothing to fetch.

Its access log looks like a web server's and does not say who made an answer.
"""

import polars as pl

from forensic.hops.said import made_by
from forensic.hops.table import Line, has

__all__ = ["lines"]

_HOP = "load_balancer"


def lines() -> list[Line]:
    """The line about what Varnish answers itself."""
    status = pl.col(f"{_HOP}_status")
    return [
        Line(
            when=made_by(_HOP, "varnish") & (status == 503) & ~has("web_server"),
            by=_HOP,
            cause="target_connection_error",
            sure="weak",
            because="it writes this for a backend that fails",
        )
    ]
