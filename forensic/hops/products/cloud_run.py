"""What Cloud Run answers itself: the text of its request's entry."""

from forensic.hops.said import Said, spoken
from forensic.hops.table import Line

__all__ = ["lines"]

_WORDS = [
    Said("no available instance", "no_target", "no instance could take the request"),
    Said("maximum request timeout", "target_timeout", "the service was not in time"),
    Said(
        "malformed or connection to the instance had an error",
        "target_connection_error",
        "the instance broke off, or its answer could not be used",
    ),
    Said(
        "instance (?:could not start|failed)", "boot_failed", "no instance could start"
    ),
    Said(
        "not (?:authenticated|authorized)",
        "auth_failed",
        "the caller may not invoke it",
    ),
    Said("^", "unknown", "it gave this answer itself"),
]


def lines() -> list[Line]:
    """The lines about what Cloud Run answers itself."""
    return spoken("load_balancer", "cloud_run", _WORDS)
