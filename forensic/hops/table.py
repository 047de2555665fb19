"""The decision table's own shape: one line, and how it reads a request's columns."""

from dataclasses import dataclass

import polars as pl

__all__ = [
    "BALANCED",
    "LB_ITSELF",
    "LB_STATUS",
    "LB_TARGET",
    "WAF_PASSED",
    "Line",
    "has",
    "sure_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the decision table."""

    when: pl.Expr
    by: str
    cause: pl.Expr | str
    sure: pl.Expr | str
    #: The reason in words, after "… answered: ".
    because: pl.Expr | str
    #: The hop and product without whose record it says nothing; None: of any.
    record: tuple[str, str] | None = None


def sure_of(expression: pl.Expr) -> pl.Expr:
    """The condition, where what is not known does not hold."""
    return expression.fill_null(value=False)


def has(tier: str) -> pl.Expr:
    """Whether the request has a record of that hop."""
    return pl.col(f"{tier}_row").is_not_null()


BALANCED = has("load_balancer")
LB_STATUS = pl.col("load_balancer_status")
#: What the load balancer's record says that its target answered.
LB_TARGET = pl.col("load_balancer_upstream_status")
#: Traefik names the server of each request that it passed on, whatever else it logs.
_UNNAMED = pl.col("load_balancer_format") == "traefik"
_UNNAMED &= pl.col("load_balancer_upstream").is_null()
#: Statuses that AWS load balancers alone use.
_AWS_ALONE = LB_STATUS.is_in([460, 463, 464, 561])
#: Whether the load balancer's record shows that no target answered.
LB_ITSELF = BALANCED & LB_TARGET.is_null()
LB_ITSELF &= ~pl.col("balancer_passes") | _AWS_ALONE | sure_of(_UNNAMED)
#: Whether the WAF record is of one that let the request through.
WAF_PASSED = sure_of(pl.col("waf_action").str.to_uppercase().is_in(["ALLOW", "COUNT"]))
