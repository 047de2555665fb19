"""Envoy's response flags and details: why it answered itself.

Flags stand alone or joined by commas; where a record has none, the details speak.
"""

from forensic.hops.said import Said, spoken
from forensic.hops.table import Line

__all__ = ["lines"]


def _flag(*names: str) -> str:
    """The pattern of any of these flags, long or short, among several."""
    return rf"(?:^|,)(?:{'|'.join(names)})(?:,|$)"


_WORDS = [
    Said(_flag("DC"), "client_closed", "the client closed the connection"),
    Said(_flag("UAEX"), "auth_failed", "its authorization service denied it"),
    Said(r"^ext_authz_", "auth_failed", "its authorization service denied it"),
    Said(r"^jwt_authn", "auth_failed", "it accepts no such token"),
    Said(r"^rbac_access_denied", "access_forbidden", "a policy of its own denies it"),
    Said(
        _flag("RL", "RLSE") + r"|rate_limited",
        "rate_limited",
        "a limit on the rate of requests was met",
    ),
    Said(_flag("UO") + "|overflow", "rate_limited", "its circuit breaker was open"),
    Said(_flag("OM") + "|^overload", "rate_limited", "it was overloaded itself"),
    Said(
        _flag("FI") + "|^fault_filter",
        "fixed_response",
        "a fault was injected by its configuration",
    ),
    Said(r"^direct_response", "fixed_response", "its route gives a fixed answer"),
    Said(_flag("NR") + "|^route_not_found", "no_route", "it has no route for it"),
    Said(_flag("NC") + "|^cluster_not_found", "no_target", "its cluster is unknown"),
    Said(_flag("UH", "LH"), "no_target", "no healthy server was there"),
    Said(r"^no_healthy_upstream", "no_target", "no healthy server was there"),
    Said(_flag("DF"), "target_connection_error", "the server's name has no address"),
    Said(_flag("UT", "UMSDR"), "target_timeout", "the server did not answer in time"),
    Said(_flag("UF"), "target_connection_error", "the connection to the server failed"),
    Said(
        _flag("UC", "UR"), "target_connection_error", "the server closed the connection"
    ),
    Said(_flag("UPE"), "bad_gateway", "the server's answer breaks the protocol"),
    Said(_flag("LR"), "target_connection_error", "it reset the connection itself"),
    Said(_flag("DT"), "target_timeout", "the request took longer than allowed"),
    Said(_flag("SI"), "bad_request", "nothing moved on the stream in time", (408,)),
    Said(_flag("SI"), "target_timeout", "nothing moved on the stream in time"),
    Said(_flag("DPE", "IH"), "bad_request", "the request breaks the protocol"),
    Said(r"^request_payload_too_large", "body_too_large", "the body is too large"),
]


def lines() -> list[Line]:
    """The lines about what Envoy answers itself."""
    return spoken("load_balancer", "envoy", _WORDS)
