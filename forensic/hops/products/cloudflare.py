"""What Cloudflare answers itself: its WAF's action, and the statuses that it alone has.

An origin that was asked has a status of its own in the record.
"""

import polars as pl

from forensic.hops.said import made_by
from forensic.hops.table import Line, has

__all__ = ["lines"]

_STATUS = pl.col("cdn_status")
_ASKED = pl.col("cdn_upstream_status")
_STOPPED = (
    r"(?i)^(?:block|drop|connection_?Close|challenge|js_?Challenge|managed_?Challenge)$"
)
_OWN = {
    520: ("upstream_closed", "the origin's answer was empty or unreadable"),
    521: ("upstream_refused", "the origin refused the connection"),
    522: ("upstream_timeout", "the connection to the origin timed out"),
    523: ("upstream_refused", "the origin could not be reached"),
    524: ("upstream_timeout", "the origin did not answer in time"),
    525: ("bad_gateway", "the TLS handshake with the origin failed"),
    526: ("bad_gateway", "the origin's certificate is not valid"),
    530: ("bad_gateway", "the origin's name could not be resolved, or it is blocked"),
}


def lines() -> list[Line]:
    """The lines about what Cloudflare answers itself."""
    own = made_by("cdn", "cloudflare")
    named = [
        Line(
            when=own & (_STATUS == status),
            by="cdn",
            cause=cause,
            sure="certain",
            because=f"{because} ({status} is Cloudflare's own)",
        )
        for status, (cause, because) in _OWN.items()
    ]
    by_status = {
        401: "auth_failed",
        403: "access_forbidden",
        413: "body_too_large",
        429: "rate_limited",
        499: "client_closed",
        502: "bad_gateway",
        504: "upstream_timeout",
        **dict.fromkeys([400, 405, 408, 411, 414, 431, 505], "bad_request"),
    }
    return [
        Line(
            when=own & (_STATUS >= 400) & pl.col("cdn_action").str.contains(_STOPPED),
            by="waf",
            cause="waf_rule",
            sure="certain",
            because=pl.format(
                "Cloudflare's record says `{}`{}",
                "cdn_action",
                pl.format(" ({})", "cdn_reason").fill_null(""),
            ),
        ),
        *named,
        Line(
            when=own
            & (_STATUS >= 400)
            & _ASKED.is_null()
            & ~has("load_balancer")
            & ~has("web_server"),
            by="cdn",
            cause=_STATUS.replace_strict(
                list(by_status),
                list(by_status.values()),
                default="unknown",
                return_dtype=pl.String,
            ),
            sure="strong",
            because="it asked no origin (its origin status is empty)",
        ),
    ]
