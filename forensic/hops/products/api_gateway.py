"""API Gateway's types of its own responses (`$context.error.responseType`).

A log that has not the type often has the message, which is that of several types where
it says no more than "Forbidden".
"""

import polars as pl

from forensic.hops.said import Said, made_by, spoken
from forensic.hops.table import LB_STATUS, LB_TARGET, Line, sure_of

__all__ = ["lines"]

#: The longest (seconds) that it waits for what it calls, unless told to wait less.
_LONGEST = 29.0
_WORDS = [
    Said(
        "^WAF_(?:FILTERED|BLOCK)$",
        "waf_rule",
        "a rule of its WAF ended the request",
        by="waf",
    ),
    Said(
        "(?i)^MISSING[_ ]AUTHENTICATION[_ ]TOKEN$",
        "auth_failed",
        "no credentials came, or there is no such route",
    ),
    Said("^AUTHORIZER_", "auth_failed", "its authorizer failed"),
    Said(
        "^(?:ACCESS_DENIED|UNAUTHORIZED|EXPIRED_TOKEN|INVALID_(?:API_KEY|SIGNATURE)"
        "|Unauthorized|The incoming token has expired)$|^User is not authorized to ",
        "auth_failed",
        "it does not accept the credentials",
    ),
    Said(
        "(?i)^(?:THROTTLED|QUOTA_EXCEEDED|Too Many Requests|Limit Exceeded)$",
        "rate_limited",
        "a quota was exceeded",
    ),
    Said(
        "(?i)^REQUEST[_ ]TOO[_ ]LARGE$|^HTTP content length exceeded",
        "body_too_large",
        "the body is too large",
    ),
    Said(
        "^(?:BAD_REQUEST_|UNSUPPORTED_MEDIA_TYPE$)",
        "bad_request",
        "it refused the request itself",
    ),
    Said("^RESOURCE_NOT_FOUND$", "unknown", "it has no such route"),
    Said(
        "^INTEGRATION_TIMEOUT$|^Endpoint request timed[ -]out",
        "target_timeout",
        "what it calls was not in time",
    ),
    Said("^INTEGRATION_FAILURE$", "target_connection_error", "what it calls failed"),
    Said(
        "^API_CONFIGURATION_ERROR$",
        "bad_gateway",
        "what it calls gave no answer that fits",
    ),
    Said(
        "(?i)^Internal server error$",
        "bad_gateway",
        "what it calls gave no answer that fits",
        (502,),
        sure="strong",
    ),
    Said(
        "^Forbidden$",
        "access_forbidden",
        "an API key, a policy or its WAF, it does not say which",
        (403,),
        sure="weak",
    ),
]


def lines() -> list[Line]:
    """The lines about what API Gateway answers itself."""
    mine = made_by("load_balancer", "api_gateway")
    late = mine & sure_of(pl.col("load_balancer_upstream_duration") >= _LONGEST)
    useless = mine & (LB_STATUS == 502)
    return [
        *spoken("load_balancer", "api_gateway", _WORDS),
        Line(
            when=useless & (LB_TARGET // 100 == 2),
            by="load_balancer",
            cause="bad_gateway",
            sure="strong",
            because="what it called came to its end, and gave no answer that fits",
        ),
        # An HTTP API's own answer to what it does not wait for any longer.
        Line(
            when=late & (LB_STATUS == 503) & LB_TARGET.is_null(),
            by="load_balancer",
            cause="target_timeout",
            sure="strong",
            because="what it calls had not answered when its time limit was over",
        ),
    ]
