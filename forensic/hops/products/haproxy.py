"""HAProxy's termination state: who ended the session, and when."""

import polars as pl

from forensic.hops.said import Said, made_by, spoken
from forensic.hops.table import Line

__all__ = ["FAILED", "UNNAMED", "lines"]

_HOP = "load_balancer"
_DENIED = "a rule of its own denies it"
#: What it says where it was a server that failed.
FAILED = [
    Said(r"^sC", "target_timeout", "the server did not take the connection in time"),
    Said(r"^(?:s|S)Q", "target_timeout", "no server was free in time"),
    Said(r"^s[HDL]", "target_timeout", "the server did not answer in time"),
    Said(r"^SC", "target_connection_error", "the server refused the connection"),
    Said(r"^S", "target_connection_error", "the server broke off"),
    Said(r"^[DU]", "target_connection_error", "the server was taken out meanwhile"),
]
#: What it says where it names none that it asked.
UNNAMED = Said(r"^S[CQ]", "no_target", "it had no server for it")
_WORDS = [
    Said(r"^PR", "bad_request", "it could not read the request", (400,)),
    Said(r"^PR", "auth_failed", "a rule of its own asks for a login", (401,)),
    Said(r"^PR", "body_too_large", _DENIED, (413,)),
    Said(r"^PR", "rate_limited", _DENIED, (429,)),
    Said(r"^PR", "access_forbidden", _DENIED),
    Said(r"^PT", "access_forbidden", "a rule of its own holds the client up"),
    Said(r"^PC", "unknown", "it had no connection left of its own"),
    Said(r"^PH", "bad_gateway", "it refused what the server answered"),
    Said(r"^LR", "auth_failed", "a rule of its own asks for a login", (401, 407)),
    Said(r"^L", "fixed_response", "it serves this answer itself"),
    Said(r"^[Cc]R", "bad_request", "no whole request came from the client"),
    Said(r"^[Cc][CQHDLT]", "client_closed", "the client went away"),
    *FAILED,
    Said(r"^K", "unknown", "an operator ended the session"),
    Said(r"^R", "unknown", "it ran out of memory, sockets or ports"),
    Said(r"^I", "unknown", "it failed itself"),
]


def lines() -> list[Line]:
    """The lines about what HAProxy answers itself."""
    asked = pl.col(f"{_HOP}_upstream_status").is_not_null()
    unnamed = pl.col(f"{_HOP}_upstream").is_null()
    return [
        *spoken(_HOP, "haproxy", [UNNAMED], when=unnamed),
        *spoken(_HOP, "haproxy", _WORDS, when=~asked),
        Line(
            when=made_by(_HOP, "haproxy") & ~asked & unnamed,
            by=_HOP,
            cause="unknown",
            sure="strong",
            because="it names no server that was asked",
        ),
    ]
