"""What Akamai's edge says of the answers that it makes itself (`errorCode`)."""

from forensic.hops.said import Said, spoken
from forensic.hops.table import Line

__all__ = ["lines"]

_WORDS = [
    Said("^ERR_ACCESS_DENIED", "access_forbidden", "the edge denies the request"),
    Said("^ERR_CLIENT_ABORT", "client_closed", "the client went away"),
    Said(
        "^ERR_(?:FIRST_BYTE|READ|CONNECT)_TIMEOUT",
        "upstream_timeout",
        "the origin did not answer in time",
    ),
    Said("^ERR_CONNECT_FAIL", "upstream_refused", "the origin could not be reached"),
    Said("^ERR_DNS", "bad_gateway", "the origin's name could not be resolved"),
    Said(
        "^ERR_(?:READ_ERROR|ZERO_SIZE_OBJECT)",
        "upstream_closed",
        "the origin broke off",
    ),
]


def lines() -> list[Line]:
    """The lines about what Akamai's edge answers itself."""
    return spoken("cdn", "akamai", _WORDS)
