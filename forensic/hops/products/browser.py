"""What a browser saved of an answer (HAR): its header lines and page tell who made it.

A server in front passes on what those behind it wrote: AWS's and Azure's balancers and
CDNs sign only what they answer themselves, while nginx signs all that it sends.
"""

import polars as pl

from forensic.hops.between import STATUS, WEB
from forensic.hops.causes import app_cause, own_cause, upstream_cause
from forensic.hops.said import Said, made_by, spoken
from forensic.hops.table import BALANCED, Line, has, sure_of

__all__ = ["alone", "beside", "replaced", "served_by_web"]

_SAYS = pl.col("client_reason")
_GATEWAY = STATUS.is_in([502, 504])
#: What only an application's own framework adds.
_POWERED = r"x-powered-by: (?:Express|PHP/|Next\.js|Phusion)"
#: Web servers sign the pages that they make.
_SIGNED = r"page: .*\(signed (?:nginx|openresty|Apache/|Apache Server)"
#: No record of the hops between the browser, or its CDN, and what stands last.
_ALONE = ~BALANCED & ~WEB & ~has("app_server") & ~has("application")

_ALB, _CLOUDFRONT = r"server: awselb/2\.0", r"server: CloudFront"
_AZURE, _AKAMAI = "server: Microsoft-Azure-Application-Gateway", "server: AkamaiGHost"
_API = "x-amzn-errortype: "
_CHECKED = (400, 405, 408, 411, 413, 414, 431, 463, 464, 501, 505)
_MADE = {
    "waf": "the WAF asked for a token",
    "load_balancer": "the load balancer made the answer itself",
    "cdn": "the CDN made the answer itself",
    "unknown": "what stands in front made the answer itself: by a WAF's rule, or by one"
    " of its own",
}


def _by(
    hop: str, pattern: str, cause: str, *statuses: int, sure: str = "strong"
) -> Said:
    """That a hop made an answer, by words of the browser's record."""
    return Said(pattern, cause, _MADE[hop], statuses, hop, sure)


_WORDS = [
    _by("waf", "cf-mitigated: |x-amzn-waf-action: ", "waf_rule"),
    _by("unknown", f"{_ALB}|{_AZURE}|{_CLOUDFRONT}", "unknown", 403, 429, sure="weak"),
    _by("load_balancer", f"{_ALB}|{_AZURE}", "target_connection_error", 502),
    _by("load_balancer", f"{_ALB}|{_AZURE}", "target_timeout", 504),
    # A page of its own may be a fixed response for times of maintenance.
    _by("load_balancer", f"{_ALB}.*page: 503 Service Temp", "no_target", 503),
    _by("load_balancer", _ALB, "auth_failed", 401, 561),
    _by("load_balancer", _ALB, "bad_request", *_CHECKED),
    _by("load_balancer", f"{_API}Forbidden", "access_forbidden", 403),
    _by("load_balancer", f"{_API}MissingAuthenticationToken", "no_route", 403),
    _by("load_balancer", f"{_API}Unauthorized", "auth_failed", 401),
    _by("load_balancer", f"{_API}(?:LimitExceeded|TooMany)", "rate_limited", 429),
    _by("load_balancer", "page: 503 Backend fetch", "target_connection_error", 503),
    _by("load_balancer", f"{_ALB}|{_AZURE}|server: kong/", "unknown"),
    _by("cdn", _CLOUDFRONT, "bad_gateway", 502),
    _by("cdn", _CLOUDFRONT, "upstream_timeout", 504),
    _by("cdn", _AKAMAI, "access_forbidden", 403),
    _by("cdn", f"{_CLOUDFRONT}|{_AKAMAI}", "unknown", sure="weak"),
]
_APP_SERVERS = (
    r"server: (?i:gunicorn|werkzeug|uvicorn|hypercorn|waitress|daphne|kestrel|jetty"
    r"|webrick|thin|puma|cowboy|apache-coyote)"
)


def replaced() -> list[Line]:
    """The lines about an answer in the place of the one that a web server logged."""
    status = pl.col("client_status")
    other = WEB & (pl.col("web_status") != status) & (status >= 499)
    between = other & ~BALANCED & ~has("cdn")
    none = made_by("client", "har") & (status == 0)
    return [
        Line(
            when=none & sure_of(pl.col("web_status") < 400),
            by="unknown",
            cause="unknown",
            sure="weak",
            because=_saw(
                pl.format(
                    "the web server logged {}, and the browser took it for no answer:"
                    " its own rules forbade it, as CORS does, or it broke off",
                    "web_status",
                )
            ),
        ),
        *spoken("client", "har", _WORDS, when=between),
        Line(
            when=made_by("client", "har") & sure_of(between),
            by="unknown",
            cause="unknown",
            sure="weak",
            because=_saw(
                pl.format(
                    "the web server logged {}, so that what stands in front of it made"
                    " the answer that the browser got",
                    "web_status",
                )
            ),
        ),
    ]


def beside() -> list[Line]:
    """The lines that tell a web server's own answer from that of what is behind it."""
    here = made_by("client", "har") & (STATUS >= 400) & WEB
    return [
        Line(
            when=here & sure_of(_SAYS.str.contains(_SIGNED)),
            by="web_server",
            cause=pl.when(_GATEWAY).then(upstream_cause()).otherwise(own_cause()),
            sure="strong",
            because=_saw("the page is one that a web server makes itself"),
        ),
        Line(
            when=here & sure_of(_SAYS.str.contains(_POWERED)),
            by="application",
            cause=app_cause(),
            sure="strong",
            because=_saw("the answer has a header line that an application adds"),
        ),
    ]


def alone() -> list[Line]:
    """The lines about answers of which no log has a record, or only a CDN's."""
    mine = made_by("client", "har") & _ALONE
    error = mine & (STATUS >= 400)
    return [
        *spoken("client", "har", _WORDS, when=_ALONE),
        Line(
            when=error & sure_of(_SAYS.str.contains(_SIGNED)),
            by="web_server",
            cause=pl.when(_GATEWAY).then(upstream_cause()).otherwise(own_cause()),
            sure="strong",
            because=_saw("the page is one that a web server makes itself"),
        ),
        Line(
            when=error & sure_of(_SAYS.str.contains(f"{_POWERED}|{_APP_SERVERS}")),
            by="application",
            cause=app_cause(),
            sure=pl.when(STATUS == 500)
            .then(pl.lit("weak"))
            .otherwise(pl.lit("strong")),
            because=_saw("what runs the application signed the answer"),
        ),
        Line(
            when=mine & (STATUS == 0) & sure_of(_SAYS.str.contains("ERR_ABORTED")),
            by="unknown",
            cause="client_closed",
            sure="weak",
            because=_saw("the browser gave the request up before an answer came"),
        ),
        Line(
            when=mine & (STATUS == 0) & sure_of(_SAYS.str.contains("TOO_MANY_REDIR")),
            by="unknown",
            cause="redirect",
            sure="weak",
            because=_saw("the redirects that it got led back to themselves"),
        ),
        Line(
            when=mine & (STATUS == 0),
            by="unknown",
            cause="unknown",
            sure="weak",
            because=_saw("the browser got no answer"),
        ),
        Line(
            when=error & served_by_web(),
            by="unknown",
            cause="unknown",
            sure="weak",
            because=_saw("a web server, or what stands behind one, sent it"),
        ),
        Line(
            when=error & ~has("cdn") & pl.col("web_served"),
            by="unknown",
            cause="unknown",
            sure="weak",
            because=_saw(
                pl.format(
                    "{} sent it, and the web server, which was logging, has no such"
                    " answer: a hop in front of it, or another site",
                    pl.col("host").fill_null("the site"),
                )
            ),
        ),
    ]


def served_by_web() -> pl.Expr:
    """Whether a browser's record, which stands alone, names a web server."""
    named = sure_of(_SAYS.str.contains(r"server: (?:nginx|openresty|Apache)\b"))
    return named & _ALONE & ~has("waf")


def _saw(text: str | pl.Expr) -> pl.Expr:
    """The text, and behind it what the browser saved."""
    said = pl.lit(text) if isinstance(text, str) else text
    return pl.concat_str(said, pl.format(" ({})", _SAYS).fill_null(""))
