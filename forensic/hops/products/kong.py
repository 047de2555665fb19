"""Kong says of each answer whether it is the upstream's or its own (`source`)."""

from forensic.hops.said import Said, spoken
from forensic.hops.table import Line

__all__ = ["lines"]

_WORDS = [
    Said("^kong$", "auth_failed", "its plugin refused the credentials", (401,)),
    Said("^kong$", "access_forbidden", "its plugin refused the request", (403,)),
    Said("^kong$", "rate_limited", "its plugin limits the rate", (429,)),
    Said("^kong$", "body_too_large", "its plugin limits the size", (413,)),
    Said("^kong$", "no_route", "no route fits", (404,)),
    Said("^kong$", "no_target", "no healthy target", (503,)),
    Said("^kong$", "target_connection_error", "the upstream gave no answer", (502,)),
    Said("^kong$", "target_timeout", "the upstream did not answer in time", (504,)),
    Said("^kong$", "client_closed", "the client went away", (499,)),
    Said("^kong$", "bad_request", "it refused the request", (400, 405, 411, 414, 494)),
    Said("^kong$", "unknown", "it gave this answer itself"),
]


def lines() -> list[Line]:
    """The lines about what Kong answers itself."""
    return spoken("load_balancer", "kong", _WORDS)
