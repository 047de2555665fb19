"""What AWS's load balancers answer themselves: by their actions, words and statuses."""

import polars as pl

from forensic.hops.table import BALANCED, LB_ITSELF, LB_STATUS, Line, sure_of

__all__ = ["by_status", "lines"]

_ACTIONS = pl.col("load_balancer_action").fill_null("")
_LAST = _ACTIONS.str.extract(r"([^,]*)$", 1)
_REASON = pl.col("load_balancer_reason").fill_null("")
_FORMAT = pl.col("load_balancer_format")
#: What a status of its own means is documented for AWS; others say it in words.
_AWS = LB_ITSELF & sure_of(_FORMAT.is_null() | _FORMAT.str.starts_with("aws_"))
_CHECKED = [400, 405, 408, 411, 413, 414, 431, 463, 464, 501, 505]
_TARGET = pl.coalesce("load_balancer_upstream", pl.lit("the target"))
#: A load balancer gives up a connection that is not made after ten seconds.
_CONNECTING = (9.5, 11.5)
#: Statuses of a load balancer's own checks ▶ what it found wrong.
_WRONG = {
    405: "it does not take that method",
    408: "the client sent no whole request in time",
    413: "the body is larger than a Lambda target takes",
    414: "the address is too long",
    463: "X-Forwarded-For names more than 30 addresses",
    464: "the request's protocol is not the target group's",
    501: "it does not know that Transfer-Encoding",
    505: "it does not take that version of HTTP",
}


def _with_reason(text: str) -> pl.Expr:
    """The text, and the load balancer's own word behind it where it logs one."""
    reason = pl.format(" ({})", "load_balancer_reason").fill_null("")
    return pl.concat_str(pl.lit(text), reason)


def _fixed() -> pl.Expr:
    """Which listener rule gives the fixed response, as far as that is logged."""
    priority = pl.col("load_balancer_rule")
    return (
        pl.when(priority == "0")
        .then(pl.lit("the listener's default action is a fixed response"))
        .when(priority.is_not_null())
        .then(pl.format("the listener rule of priority {} gives it", priority))
        .otherwise(pl.lit("a listener rule gives a fixed response"))
    )


def _checked() -> pl.Expr:
    """What the load balancer found wrong with a request."""
    status = pl.col("load_balancer_status")
    wrong = status.replace_strict(
        list(_WRONG), list(_WRONG.values()), default=None, return_dtype=pl.String
    )
    wrong = pl.format("{}; no target was asked", wrong)
    plain = _with_reason("it refused the request itself; no target was asked")
    return pl.coalesce(wrong, plain)


def _silent() -> pl.Expr:
    """Which target the load balancer gave up on, and in which phase."""
    took = pl.col("load_balancer_duration")
    connecting = took.is_between(*_CONNECTING) & pl.col("web_server_row").is_null()
    seconds = took.round(0).cast(pl.Int64)
    return (
        pl.when(connecting)
        .then(pl.format("no connection to {} came about within 10 s", _TARGET))
        .when(seconds > 0)
        .then(
            pl.format("{} had not answered after {} s", _TARGET, seconds),
        )
        .otherwise(pl.format("{} did not answer in time", _TARGET))
    )


def _unreachable() -> pl.Expr:
    """Which target's connection failed, and what that target itself logged."""
    answered = pl.col("web_server_status")
    return (
        pl.when(answered < 400)
        .then(
            pl.format(
                "{} logged {}, but its answer did not come through whole"
                " (target status `-`)",
                _TARGET,
                answered,
            )
        )
        .otherwise(
            pl.format("the connection to {} failed (target status `-`)", _TARGET)
        )
    )


def lines() -> list[Line]:
    """The lines about answers of which the record itself says why."""
    return [
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
            by="load_balancer",
            cause="waf_unavailable",
            sure="certain",
            because=_with_reason("it could not consult the WAF"),
        ),
        Line(
            when=sure_of(_LAST == "fixed-response"),
            by="load_balancer",
            cause="fixed_response",
            sure="certain",
            because=_fixed(),
        ),
        Line(
            when=LB_ITSELF
            & (LB_STATUS >= 400)
            & (
                _LAST.str.contains(r"^(?:authenticate|jwt)")
                | _REASON.str.contains(r"^(?:Auth|JWT|JWKS)")
                | (LB_STATUS == 561)
            ),
            by="load_balancer",
            cause="auth_failed",
            sure="certain",
            because=_with_reason("its authentication action failed"),
        ),
        Line(
            when=sure_of(BALANCED & _REASON.str.starts_with("Lambda")),
            by="load_balancer",
            cause="lambda_error",
            sure="certain",
            because=_with_reason("the Lambda target failed"),
        ),
        Line(
            when=sure_of(LB_STATUS == 460),
            by="load_balancer",
            cause="client_closed",
            sure="certain",
            because="the client closed the connection before the answer (460)",
        ),
    ]


def by_status() -> list[Line]:
    """The lines about answers of which the status alone says why."""
    return [
        Line(
            when=_AWS & LB_STATUS.is_in(_CHECKED),
            by="load_balancer",
            cause="bad_request",
            sure="certain",
            because=_checked(),
        ),
        Line(
            when=_AWS & (LB_STATUS == 503),
            by="load_balancer",
            cause="no_target",
            sure="certain",
            because="no target could take the request",
        ),
        Line(
            when=_AWS & (LB_STATUS == 504),
            by="load_balancer",
            cause="target_timeout",
            sure="certain",
            because=_silent(),
        ),
        Line(
            when=_AWS
            & (LB_STATUS == 502)
            & pl.col("incident").is_not_null()
            & ~pl.col("web_known"),
            by="load_balancer",
            cause=pl.col("incident"),
            sure="strong",
            because="the target's worker broke off while the request was outstanding",
        ),
        Line(
            when=_AWS & (LB_STATUS == 502),
            by="load_balancer",
            cause="target_connection_error",
            sure="certain",
            because=_unreachable(),
        ),
        Line(
            when=_AWS & (LB_STATUS >= 400),
            by="load_balancer",
            cause="unknown",
            sure="strong",
            because="no target status is logged",
        ),
    ]
