"""What oauth2-proxy answers itself: whatever it names no upstream for."""

import polars as pl

from forensic.hops.said import made_by
from forensic.hops.table import Line

__all__ = ["lines"]

_HOP = "load_balancer"


def lines() -> list[Line]:
    """The line about what oauth2-proxy answers itself."""
    status = pl.col(f"{_HOP}_status")
    own = made_by(_HOP, "oauth2_proxy") & pl.col(f"{_HOP}_upstream").is_null()
    return [
        Line(
            when=own & status.is_in([401, 403]),
            by=_HOP,
            cause="auth_failed",
            sure="certain",
            because="it asks for a login, and passed nothing on",
        )
    ]
