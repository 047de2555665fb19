"""The `statusDetails` of Google Cloud's load balancer: who answered, and why."""

from forensic.hops.said import Said, spoken
from forensic.hops.table import Line

__all__ = ["lines"]

_WORDS = [
    Said(
        "^throttled_by_security_policy", "rate_limited", "Cloud Armor limits the rate"
    ),
    Said(
        "(?:denied|redirected)_by_security_policy",
        "waf_rule",
        "a rule of Cloud Armor ended the request",
        by="waf",
    ),
    Said("identity_aware_proxy", "auth_failed", "its Identity-Aware Proxy answered"),
    Said("^client_disconnected", "client_closed", "the client went away"),
    Said("^client_timed_out", "bad_request", "no whole request came in time"),
    Said("^client_cert", "auth_failed", "it does not accept the client's certificate"),
    Said("^failed_to_pick_backend", "no_target", "no healthy backend was there"),
    Said(
        "^failed_to_connect",
        "target_connection_error",
        "no backend took the connection",
    ),
    Said("^backend_timeout", "target_timeout", "the backend did not answer in time"),
    Said(
        "^backend_connection_closed", "target_connection_error", "the backend broke off"
    ),
    Said("^backend_", "bad_gateway", "the backend's answer could not be used"),
    Said(
        "^(?:direct_response|redirect)", "fixed_response", "its configuration answers"
    ),
    Said("^internal_error", "unknown", "it failed itself"),
    Said(
        "invalid|malformed|unsupported|too_long|mismatch|not_allowed|loop_detected",
        "bad_request",
        "it refused the request itself",
    ),
]


def lines() -> list[Line]:
    """The lines about what Google Cloud's load balancer answers itself."""
    return spoken("load_balancer", "gcp_load_balancer", _WORDS)
