"""What Vercel answers itself: its firewall's action, and functions that it ended."""

import polars as pl

from forensic.hops.said import Said, made_by, spoken
from forensic.hops.table import Line

__all__ = ["lines"]

_STOPPED = r"^(?:deny|challenge|rate_?limit)"
_WORDS = [
    Said("timed out|TIMEOUT", "target_timeout", "it ended the function at its limit"),
    Said("_INVOCATION_FAILED", "target_connection_error", "the function crashed"),
    Said("THROTTLED", "rate_limited", "too many functions ran at once"),
    Said("_INVOCATION_", "unknown", "it could not use the function"),
]


def lines() -> list[Line]:
    """The lines about what Vercel answers itself."""
    stopped = pl.col("cdn_action").str.contains(_STOPPED)
    return [
        Line(
            when=made_by("cdn", "vercel") & (pl.col("cdn_status") >= 400) & stopped,
            by="waf",
            cause="waf_rule",
            sure="certain",
            because=pl.format("the firewall's record says `{}`", "cdn_action"),
        ),
        *spoken("cdn", "vercel", _WORDS),
    ]
