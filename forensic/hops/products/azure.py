"""What Azure's Application Gateway and Front Door write of errors (`error_info`)."""

from forensic.hops.said import Said, spoken
from forensic.hops.table import Line

__all__ = ["lines"]

_WORDS = [
    Said(
        "^waf_prevention$",
        "waf_rule",
        "its WAF blocks, and no server was asked",
        by="waf",
        sure="strong",
    ),
    Said("CLIENT_CLOSED|^ClientDisconnected$", "client_closed", "the client went away"),
    Said("^ClientGeoBlocked$", "access_forbidden", "it blocks the client's country"),
    Said("UPSTREAM_NO_LIVE", "no_target", "no healthy server was there"),
    Said(
        "UPSTREAM_TIMED_OUT|^OriginTimeout$",
        "target_timeout",
        "the server did not answer in time",
    ),
    Said(
        "UPSTREAM_|^OriginConnection|^DNS|^OriginDNS",
        "target_connection_error",
        "the connection to the server failed",
    ),
    Said(
        "^OriginInvalidResponse$|^ResponseHeaderTooBig$",
        "bad_gateway",
        "it could not use what the server answered",
        sure="strong",
    ),
    Said("TOO_LARGE", "body_too_large", "the body is too large"),
    Said(
        "INVALID|NO_HOST|TO_HTTPS|NO_CERT|^UnspecifiedClientError$",
        "bad_request",
        "it refused the request itself",
        (400, 405, 408, 411, 413, 414, 431, 494, 495, 496, 497, 505),
    ),
]


def lines() -> list[Line]:
    """The lines about what Azure's gateways answer themselves."""
    return spoken("load_balancer", "azure_gateway", _WORDS)
