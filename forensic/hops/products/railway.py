"""What Railway's edge answers itself: the error of its last try."""

import polars as pl

from forensic.hops.said import Said, spoken
from forensic.hops.table import Line

__all__ = ["lines"]

_WORDS = [
    Said("(?i)cancel", "client_closed", "the client went away", (499,)),
    Said(
        "(?i)dial timeout|refused|unreachable",
        "target_connection_error",
        "it could not connect to the application",
    ),
    Said(
        "(?i)time(?:d )?-?out|deadline",
        "target_timeout",
        "the application was not in time",
    ),
    Said("^", "target_connection_error", "the application failed to respond", (502,)),
    Said("^", "unknown", "it gave this answer itself"),
]


def lines() -> list[Line]:
    """The lines about what Railway's edge answers itself."""
    own = pl.col("load_balancer_upstream_status").is_null()
    return spoken("load_balancer", "railway", _WORDS, when=own)
