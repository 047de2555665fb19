"""Heroku's error codes: what its router answered itself, and why."""

from forensic.hops.said import Said, spoken
from forensic.hops.table import Line

__all__ = ["lines"]

_WORDS = [
    Said("^H12$", "target_timeout", "the dyno did not answer within 30 seconds"),
    Said("^H15$", "target_timeout", "the dyno sent nothing more for 55 seconds"),
    Said("^H10$", "no_target", "the application crashed, so that no dyno ran"),
    Said("^H14$", "no_target", "no web dyno was running"),
    Said("^H20$", "boot_failed", "the application did not come up in time"),
    Said("^H11$", "rate_limited", "too many requests waited for the dyno"),
    Said(
        r"^H(?:27|28)\b|^H18 sock=client$",
        "client_closed",
        "the request was broken off",
    ),
    Said(
        "^H(?:13|18|19|21|24)$",
        "target_connection_error",
        "the dyno's connection failed",
    ),
    Said("^H(?:17|25)$", "bad_gateway", "it could not use what the dyno answered"),
    Said("^H(?:31|33)$", "bad_request", "it refused the request itself"),
    Said("^H8[01]$", "fixed_response", "the application is in maintenance, or empty"),
    Said("^H", "unknown", "it gave this answer itself"),
]


def lines() -> list[Line]:
    """The lines about what Heroku's router answers itself."""
    return spoken("load_balancer", "heroku_router", _WORDS)
