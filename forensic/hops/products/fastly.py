"""What Fastly's edge answers itself: its state is ERROR, its reason says why."""

from forensic.hops.said import Said, spoken
from forensic.hops.table import Line

__all__ = ["lines"]

_WORDS = [
    Said(r"(?i)^ERROR.*timeout", "upstream_timeout", "the origin was too slow", (503,)),
    Said(r"(?i)^ERROR.*refused", "upstream_refused", "the origin refuses", (503,)),
    Said(r"(?i)^ERROR.*backend", "bad_gateway", "the origin gave no answer", (503,)),
    Said(r"^ERROR", "access_forbidden", "its own logic refuses", (401, 403)),
    Said(r"^ERROR", "rate_limited", "the edge limits the rate", (429,)),
    Said(r"^ERROR", "unknown", "the edge made this answer itself"),
]


def lines() -> list[Line]:
    """The lines about what Fastly answers itself."""
    return spoken("cdn", "fastly", _WORDS)
