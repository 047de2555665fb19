"""What the outer hops answer themselves: the first part of the decision table."""

import polars as pl

from forensic.hops.products import (
    akamai,
    api_gateway,
    aws,
    azure,
    barracuda,
    cloud_run,
    cloudflare,
    cloudfront,
    envoy,
    fastly,
    google,
    haproxy,
    heroku,
    kong,
    oauth2_proxy,
    railway,
    squid,
    traefik,
    varnish,
    vercel,
)
from forensic.hops.table import BALANCED, LB_ITSELF, LB_STATUS, LB_TARGET, Line, sure_of

__all__ = ["edge"]

_STOPPED = ["BLOCK", "CAPTCHA", "CHALLENGE", "MONETIZE"]
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


def _stopped() -> pl.Expr:
    """How the WAF's record says that the request ended."""
    action = pl.col("waf_action").str.to_uppercase()
    why = pl.format(" ({})", "waf_reason").fill_null("")
    token = pl.concat_str(
        pl.lit("its record says that a rule asked for a token that the client has not"),
        why,
    )
    return (
        pl.when(pl.col("waf_rule") == "Default_Action")
        .then(pl.lit("no rule let it through, and its default action is to block"))
        .when(action.is_in(["CAPTCHA", "CHALLENGE"]))
        .then(token)
        .when(pl.col("waf_rule_type") == "RATE_BASED")
        .then(pl.lit("its record says that a rate limit was exceeded"))
        .otherwise(pl.lit("its record says that a rule ended the request"))
    )


def edge() -> list[Line]:
    """The lines about what WAF, CDN and load balancer answer themselves."""
    return [
        Line(
            when=_WAF_STOPPED & ~sure_of(BALANCED & LB_TARGET.is_not_null()),
            by="waf",
            cause="waf_rule",
            sure="certain",
            because=_stopped(),
        ),
        *cloudflare.lines(),
        *fastly.lines(),
        *akamai.lines(),
        *vercel.lines(),
        *cloudfront.lines(),
        *aws.lines(),
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
        *cloud_run.lines(),
        *railway.lines(),
        *kong.lines(),
        *squid.lines(),
        *aws.by_status(),
        Line(
            when=LB_ITSELF & sure_of(pl.col("trace_kind") == "gate"),
            by="load_balancer",
            cause="auth_failed",
            sure="strong",
            because="the login proxy that it asks first said no",
        ),
        Line(
            when=LB_ITSELF & (LB_STATUS >= 400) & ~squid.passed_on(),
            by="load_balancer",
            cause=LB_STATUS.replace_strict(
                list(_BY_STATUS),
                list(_BY_STATUS.values()),
                default="unknown",
                return_dtype=pl.String,
            ),
            sure="strong",
            because="no target status is logged",
        ),
        Line(
            when=BALANCED & LB_TARGET.is_not_null() & (LB_TARGET != LB_STATUS),
            by="load_balancer",
            cause=pl.when(LB_STATUS == 504)
            .then(pl.lit("target_timeout"))
            .when(LB_STATUS < 500)
            .then(pl.lit("unknown"))
            .otherwise(pl.lit("target_connection_error")),
            sure="strong",
            because="it replaced the status that the target had sent",
        ),
    ]
