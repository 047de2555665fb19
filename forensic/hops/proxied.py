"""An application that asks others on behalf of its clients, and cannot reach them.

http-proxy-middleware answers 504 for that, Go's reverse proxy and GitLab's workhorse
502, and so does a web server: their own words tell.
"""

import polars as pl

from forensic.hops.kind import UNNAMED, Kind
from forensic.hops.quoted import told
from forensic.hops.table import Line, sure_of

__all__ = ["ASKED_OF_IT", "PROXIED", "lines"]

_FAILED = r"^\[HPM\] Error occurred while proxying request "
#: The path in such a line, behind the host.
ASKED_OF_IT = rf"{_FAILED}[^\s/]*(/[^\s?]*)"
#: GitLab's workhorse, and whatever has Go's own reverse proxy in it.
_OF_GO = r"^(?:badgateway: failed [^:\n]*|http: proxy error): "
_NO_WAY = (
    r"connect: (?:connection refused|no such file or directory|permission denied"
    r"|no route to host|network is unreachable)"
)
#: The code that Node gives the failure, the words of Go, and the cause.
_CODES = {
    "refused": (
        "ECONNREFUSED|EHOSTUNREACH|ENETUNREACH",
        _NO_WAY,
        "upstream_refused",
    ),
    "timeout": (
        "ETIMEDOUT|ESOCKETTIMEDOUT",
        "timeout|timed out|deadline exceeded",
        "upstream_timeout",
    ),
    "broken": (
        "ECONNRESET|EPIPE",
        r"\bEOF\b|connection reset by peer|broken pipe|closed (?:idle )?connection",
        "upstream_closed",
    ),
    "unknown": (
        "ENOTFOUND|EAI_AGAIN|HPE_[A-Z_]+",
        "no such host|malformed HTTP|x509: |tls: ",
        "bad_gateway",
    ),
}


def _kind(name: str, phrase: str, cause: str) -> Kind:
    speakers = f"app_server application {UNNAMED}"
    return Kind(f"proxied_{name}", speakers, phrase, cause, (504, 502, 503, 500))


#: Their words.
PROXIED = [
    *(
        _kind(name, rf"{_FAILED}[^\n]*\[(?:{codes})\]", cause)
        for name, (codes, _, cause) in _CODES.items()
    ),
    *(
        _kind(f"in_go_{name}", rf"{_OF_GO}[^\n]*?(?:{words})", cause)
        for name, (_, words, cause) in _CODES.items()
    ),
]
#: No one sets a time limit below this (seconds).
_LIMIT = 1.0


def lines() -> list[Line]:
    """The line about what it passed on in vain.

    http-proxy-middleware ends what takes too long as it ends what breaks off: how long
    that took tells.
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
