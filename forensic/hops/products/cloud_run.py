"""What Cloud Run answers itself: the text of its request's entry."""

import polars as pl

from forensic.hops.said import Said, made_by, spoken
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
    short = pl.col("incident") == "out_of_memory"
    return [
        Line(
            when=made_by("load_balancer", "cloud_run")
            & pl.col("load_balancer_status").is_in([500, 503])
            & short
            & pl.col("trace").is_null(),
            by="load_balancer",
            cause="out_of_memory",
            sure="strong",
            because="the container had used up its memory while it had the request",
        ),
        *spoken("load_balancer", "cloud_run", _WORDS),
    ]
