"""What Azure's Application Gateway and Front Door write of errors (`error_info`)."""

from forensic.hops.said import Said, spoken
from forensic.hops.table import Line

__all__ = ["lines"]

_REFUSED = Said(
    "INVALID|NO_HOST|TO_HTTPS|NO_CERT|^UnspecifiedClientError$",
    "bad_request",
    "it refused the request itself",
    (400, 405, 408, 411, 413, 414, 431, 494, 495, 496, 497, 505),
)
_FAILED = (500, 502, 503, 504)
_GATEWAY = [
    Said(
        "^waf_prevention$",
        "waf_rule",
        "its WAF blocks, and no server was asked",
        by="waf",
        sure="strong",
    ),
    Said("CLIENT_CLOSED", "client_closed", "the client went away"),
    Said("UPSTREAM_NO_LIVE", "no_target", "no healthy server was there"),
    Said(
        "UPSTREAM_TIMED_OUT",
        "target_timeout",
        "the server did not answer in time",
    ),
    Said(
        "UPSTREAM_",
        "target_connection_error",
        "the connection to the server failed",
    ),
    Said("TOO_LARGE", "body_too_large", "the body is too large"),
    _REFUSED,
]
#: https://learn.microsoft.com/azure/frontdoor/monitor-front-door: `errorInfo`.
_FRONT_DOOR = [
    Said("^Client(?:Disconnected|Aborted)", "client_closed", "the client went away"),
    Said("^ClientGeoBlocked$", "access_forbidden", "it blocks the client's country"),
    Said("^RestrictedIP$", "access_forbidden", "it blocks the client's address"),
    Said("^OriginTimeout$", "upstream_timeout", "the origin did not answer in time"),
    Said(
        "^OriginConnectionRefused",
        "upstream_refused",
        "the origin could not be reached",
    ),
    Said(
        "^OriginConnectionError",
        "target_connection_error",
        "the connection to the origin failed",
    ),
    Said("^OriginConnectionAborted", "upstream_closed", "the origin broke off"),
    Said("^(?:Origin)?DNS", "bad_gateway", "the origin's name could not be resolved"),
    Said(
        "^OriginInvalid|^OriginError$|^ResponseHeaderTooBig$|^SSL|^(?:Origin)?Certific",
        "bad_gateway",
        "it could not use what the origin answered",
        (502, 503, 504),
        sure="strong",
    ),
    _REFUSED,
    # Where all went well it writes no word, or one that the format leaves out.
    Said(".", "unknown", "it names an error of its own", _FAILED, sure="strong"),
]


def lines() -> list[Line]:
    """The lines about what Azure's gateways answer themselves."""
    return [
        *spoken("load_balancer", "azure_gateway", _GATEWAY),
        *spoken("cdn", "azure_gateway", _FRONT_DOOR),
    ]
