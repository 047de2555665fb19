"""Squid's result codes: what it refused itself, and what may be its own error page."""

from forensic.hops.said import Said, spoken
from forensic.hops.table import Line

__all__ = ["lines"]

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
    Said(r"MISS|REFRESH", "target_timeout", _EITHER, (504,), sure="weak"),
    Said(r"MISS|REFRESH", "target_connection_error", _EITHER, (502, 503), sure="weak"),
]


def lines() -> list[Line]:
    """The lines about what Squid answers itself."""
    return spoken(_HOP, "squid", _WORDS)
