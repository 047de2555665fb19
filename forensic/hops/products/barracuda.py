"""Barracuda's access lines: whether the firewall itself answered, and how it judged."""

from forensic.hops.said import Said, spoken
from forensic.hops.table import Line

__all__ = ["lines"]

_WORDS = [
    Said(
        "^INTERNAL",
        "bad_request",
        "the firewall answered itself, and could not read the request",
        (400, 408, 414),
        sure="strong",
    ),
    Said(
        "^INTERNAL INVALID$",
        "waf_rule",
        "the firewall answered itself, and found the request not valid",
        by="waf",
        sure="strong",
    ),
    Said(
        "^INTERNAL VALID$",
        "target_connection_error",
        "the firewall answered itself: it got nothing from a server",
        (502, 503, 504),
        sure="strong",
    ),
    Said("^INTERNAL VALID$", "unknown", "the firewall answered itself", sure="strong"),
]


def lines() -> list[Line]:
    """The lines about what the firewall answers itself."""
    return spoken("load_balancer", "barracuda", _WORDS)
