"""An application that asks others on behalf of its clients: http-proxy-middleware.

It answers 504 for what it cannot reach, and so does a web server: its own words tell.
"""

import polars as pl

from forensic.hops.kind import UNNAMED, Kind
from forensic.hops.quoted import told
from forensic.hops.table import Line, sure_of

__all__ = ["ASKED_OF_IT", "PROXIED", "lines"]

_FAILED = r"^\[HPM\] Error occurred while proxying request "
#: The path in such a line, behind the host.
ASKED_OF_IT = rf"{_FAILED}[^\s/]*(/[^\s?]*)"
_CODES = {
    "refused": ("ECONNREFUSED|EHOSTUNREACH|ENETUNREACH", "upstream_refused"),
    "timeout": ("ETIMEDOUT|ESOCKETTIMEDOUT", "upstream_timeout"),
    "broken": ("ECONNRESET|EPIPE", "upstream_closed"),
    "unknown": ("ENOTFOUND|EAI_AGAIN|HPE_[A-Z_]+", "bad_gateway"),
}
#: Its words, by the code that Node gives the failure.
PROXIED = [
    Kind(
        f"proxied_{name}",
        f"app_server application {UNNAMED}",
        rf"{_FAILED}[^\n]*\[(?:{codes})\]",
        cause,
        (504, 502, 503, 500),
    )
    for name, (codes, cause) in _CODES.items()
]
#: No one sets a time limit below this (seconds).
_LIMIT = 1.0


def lines() -> list[Line]:
    """The line about what it passed on in vain.

    It ends what takes too long as it ends what breaks off: how long that took tells.
    """
    kind = pl.col("trace_kind").fill_null("")
    causes = {said.name: said.cause for said in PROXIED}
    waited = pl.coalesce("web_duration", "duration")
    broken, late = kind == "proxied_broken", sure_of(waited >= _LIMIT)
    cause = kind.replace_strict(causes, default=None, return_dtype=pl.String)
    return [
        Line(
            when=kind.is_in(list(causes)) & (pl.col("status") >= 500),
            by="application",
            cause=pl.when(broken & late)
            .then(pl.lit("upstream_timeout"))
            .otherwise(cause),
            sure=pl.when(broken & (late | waited.is_null()))
            .then(pl.lit("weak"))
            .otherwise(pl.lit("strong")),
            because=told(
                "it passes such requests on, and its log says that this failed",
                "trace_words",
            ),
        ),
    ]
