"""Heroku's error codes: what its router answered itself, and why."""

from forensic.hops.said import Said, spoken
from forensic.hops.table import Line

__all__ = ["lines"]

_WORDS = [
    Said("^H12$", "target_timeout", "the dyno did not answer within 30 seconds"),
    Said("^H10$", "no_target", "the application crashed, so that no dyno ran"),
    Said("^H14$", "no_target", "no web dyno was running"),
    Said("^H20$", "boot_failed", "the application did not come up in time"),
    Said("^H11$", "rate_limited", "too many requests waited for the dyno"),
    Said("^H(?:18|27|28)$", "client_closed", "the request was broken off"),
    Said(
        "^H(?:13|15|19|21)$", "target_connection_error", "the dyno's connection failed"
    ),
    Said("^H(?:17|25)$", "bad_gateway", "it could not use what the dyno answered"),
    Said("^H80$", "fixed_response", "the application is in maintenance"),
]


def lines() -> list[Line]:
    """The lines about what Heroku's router answers itself."""
    return spoken("load_balancer", "heroku_router", _WORDS)
