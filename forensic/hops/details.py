"""What AWS's records tell beside the cause: the reasons of the lines in `edge`."""

import polars as pl

__all__ = [
    "checked",
    "fixed",
    "silent",
    "stopped",
    "unreachable",
    "with_reason",
]

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


def with_reason(text: str) -> pl.Expr:
    """The text, and the load balancer's own word behind it where it logs one."""
    reason = pl.format(" ({})", "load_balancer_reason").fill_null("")
    return pl.concat_str(pl.lit(text), reason)


def stopped() -> pl.Expr:
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


def fixed() -> pl.Expr:
    """Which listener rule gives the fixed response, as far as that is logged."""
    priority = pl.col("load_balancer_rule")
    return (
        pl.when(priority == "0")
        .then(pl.lit("the listener's default action is a fixed response"))
        .when(priority.is_not_null())
        .then(pl.format("the listener rule of priority {} gives it", priority))
        .otherwise(pl.lit("a listener rule gives a fixed response"))
    )


def checked() -> pl.Expr:
    """What the load balancer found wrong with a request."""
    status = pl.col("load_balancer_status")
    wrong = status.replace_strict(
        list(_WRONG), list(_WRONG.values()), default=None, return_dtype=pl.String
    )
    wrong = pl.format("{}; no target was asked", wrong)
    plain = with_reason("it refused the request itself; no target was asked")
    return pl.coalesce(wrong, plain)


def silent() -> pl.Expr:
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


def unreachable() -> pl.Expr:
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
