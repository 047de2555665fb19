"""What the outer hops answer themselves: the first part of the decision table."""

import polars as pl

from forensic.hops import details
from forensic.hops.cdn import cdn
from forensic.hops.products import (
    akamai,
    api_gateway,
    azure,
    barracuda,
    cloudflare,
    envoy,
    fastly,
    google,
    haproxy,
    heroku,
    kong,
    oauth2_proxy,
    squid,
    traefik,
    varnish,
)
from forensic.hops.table import BALANCED, Line, sure_of

__all__ = ["edge"]

_STOPPED = ["BLOCK", "CAPTCHA", "CHALLENGE", "MONETIZE"]
_CHECKED = [400, 405, 408, 411, 413, 414, 431, 463, 464, 501, 505]
_STATUS_OUT = pl.col("load_balancer_status")
_TARGET = pl.col("load_balancer_upstream_status")
_ACTIONS = pl.col("load_balancer_action").fill_null("")
_LAST = _ACTIONS.str.extract(r"([^,]*)$", 1)
_REASON = pl.col("load_balancer_reason").fill_null("")
_OWN = BALANCED & _TARGET.is_null()
_PRODUCT = pl.col("load_balancer_format")
#: Traefik names the server of each request that it passed on, whatever else it logs.
_UNNAMED = sure_of(_PRODUCT == "traefik") & pl.col("load_balancer_upstream").is_null()
#: Statuses that AWS load balancers alone use.
_AWS_ALONE = _STATUS_OUT.is_in([460, 463, 464, 561])
_OWN &= ~pl.col("balancer_passes") | _AWS_ALONE | _UNNAMED
#: What a status of its own means is documented for AWS; others say it in words.
_AWS = _OWN & sure_of(_PRODUCT.is_null() | _PRODUCT.str.starts_with("aws_"))
_BY_STATUS = {
    401: "auth_failed",
    403: "access_forbidden",
    413: "body_too_large",
    429: "rate_limited",
    499: "client_closed",
    502: "target_connection_error",
    504: "target_timeout",
    **dict.fromkeys([400, 405, 408, 411, 414, 431, 505], "bad_request"),
}
_WAF_STOPPED = sure_of(pl.col("waf_action").str.to_uppercase().is_in(_STOPPED))


def edge() -> list[Line]:
    """The lines about what WAF, CDN and load balancer answer themselves."""
    lb = "load_balancer"
    return [
        Line(
            when=_WAF_STOPPED & ~sure_of(BALANCED & _TARGET.is_not_null()),
            by="waf",
            cause="waf_rule",
            sure="certain",
            because=details.stopped(),
        ),
        *cloudflare.lines(),
        *fastly.lines(),
        *akamai.lines(),
        *fastly.lines(),
        *cdn(),
        Line(
            when=sure_of(_LAST == "waf"),
            by="waf",
            cause="waf_rule",
            sure="certain",
            because="the load balancer's last action is `waf` and no target was asked",
        ),
        Line(
            when=_AWS
            & (_REASON.str.starts_with("WAF") | _ACTIONS.str.contains("waf-failed")),
            by=lb,
            cause="waf_unavailable",
            sure="certain",
            because=details.with_reason("it could not consult the WAF"),
        ),
        Line(
            when=sure_of(_LAST == "fixed-response"),
            by=lb,
            cause="fixed_response",
            sure="certain",
            because=details.fixed(),
        ),
        Line(
            when=_OWN
            & (_STATUS_OUT >= 400)
            & (
                _LAST.str.contains(r"^(?:authenticate|jwt)")
                | _REASON.str.contains(r"^(?:Auth|JWT|JWKS)")
                | (_STATUS_OUT == 561)
            ),
            by=lb,
            cause="auth_failed",
            sure="certain",
            because=details.with_reason("its authentication action failed"),
        ),
        Line(
            when=sure_of(BALANCED & _REASON.str.starts_with("Lambda")),
            by=lb,
            cause="lambda_error",
            sure="certain",
            because=details.with_reason("the Lambda target failed"),
        ),
        Line(
            when=sure_of(_STATUS_OUT == 460),
            by=lb,
            cause="client_closed",
            sure="certain",
            because="the client closed the connection before the answer (460)",
        ),
        *haproxy.lines(),
        *heroku.lines(),
        *envoy.lines(),
        *traefik.lines(),
        *oauth2_proxy.lines(),
        *varnish.lines(),
        *api_gateway.lines(),
        *azure.lines(),
        *barracuda.lines(),
        *google.lines(),
        *kong.lines(),
        *squid.lines(),
        Line(
            when=_AWS & _STATUS_OUT.is_in(_CHECKED),
            by=lb,
            cause="bad_request",
            sure="certain",
            because=details.checked(),
        ),
        Line(
            when=_AWS & (_STATUS_OUT == 503),
            by=lb,
            cause="no_target",
            sure="certain",
            because="no target could take the request",
        ),
        Line(
            when=_AWS & (_STATUS_OUT == 504),
            by=lb,
            cause="target_timeout",
            sure="certain",
            because=details.silent(),
        ),
        Line(
            when=_AWS
            & (_STATUS_OUT == 502)
            & pl.col("incident").is_not_null()
            & ~pl.col("web_known"),
            by=lb,
            cause=pl.col("incident"),
            sure="strong",
            because="the target's worker broke off while the request was outstanding",
        ),
        Line(
            when=_AWS & (_STATUS_OUT == 502),
            by=lb,
            cause="target_connection_error",
            sure="certain",
            because=details.unreachable(),
        ),
        Line(
            when=_AWS & (_STATUS_OUT >= 400),
            by=lb,
            cause="unknown",
            sure="strong",
            because="no target status is logged",
        ),
        Line(
            when=_OWN & (_STATUS_OUT >= 400),
            by=lb,
            cause=_STATUS_OUT.replace_strict(
                list(_BY_STATUS),
                list(_BY_STATUS.values()),
                default="unknown",
                return_dtype=pl.String,
            ),
            sure="strong",
            because="no target status is logged",
        ),
        Line(
            when=BALANCED & _TARGET.is_not_null() & (_TARGET != _STATUS_OUT),
            by=lb,
            cause=pl.when(_STATUS_OUT == 504)
            .then(pl.lit("target_timeout"))
            .otherwise(pl.lit("target_connection_error")),
            sure="strong",
            because="it replaced the status that the target had sent",
        ),
    ]
