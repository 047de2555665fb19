"""Squid's result codes: what it refused itself, and what may be its own error page."""

import polars as pl

from forensic.hops.said import Said, made_by, spoken
from forensic.hops.table import Line, sure_of

__all__ = ["lines", "passed_on"]

_HOP = "load_balancer"
_DENIED = "a rule of its own denies it"
_EITHER = "it writes the same of its own error page and of an answer that it passes on"
_WORDS = [
    Said(r"DENIED", "auth_failed", "it asks for a login", (401, 407)),
    Said(r"DENIED", "access_forbidden", _DENIED),
    Said(
        r"^NONE", "bad_request", "it refused the request itself", (400, 411, 414, 417)
    ),
    Said(r"^NONE|ABORTED", "client_closed", "the client went away", (0, 499)),
]
_OWN_OR_PASSED = [
    Said(r"MISS|REFRESH", "target_timeout", _EITHER, (504,), sure="weak"),
    Said(r"MISS|REFRESH", "target_connection_error", _EITHER, (502, 503), sure="weak"),
]


def passed_on() -> pl.Expr:
    """Whether what stands behind Squid has logged the same answer."""
    behind = [f"{tier}_status" for tier in ("web", "app_server", "application")]
    same = sure_of(pl.coalesce(behind) == pl.col(f"{_HOP}_status"))
    return made_by(_HOP, "squid") & same


def lines() -> list[Line]:
    """The lines about what Squid answers itself."""
    return [
        *spoken(_HOP, "squid", _WORDS),
        *spoken(_HOP, "squid", _OWN_OR_PASSED, when=~passed_on()),
    ]
