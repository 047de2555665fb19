"""The decision table's own shape: one line, and how it reads a request's columns."""

from dataclasses import dataclass

import polars as pl

__all__ = ["BALANCED", "WAF_PASSED", "Line", "has", "sure_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the decision table."""

    when: pl.Expr
    by: str
    cause: pl.Expr | str
    sure: pl.Expr | str
    #: The reason in words, after "… answered: ".
    because: pl.Expr | str


def sure_of(expression: pl.Expr) -> pl.Expr:
    """The condition, where what is not known does not hold."""
    return expression.fill_null(value=False)


def has(tier: str) -> pl.Expr:
    """Whether the request has a record of that hop."""
    return pl.col(f"{tier}_row").is_not_null()


BALANCED = has("load_balancer")
#: Whether the WAF record is of one that let the request through.
WAF_PASSED = sure_of(pl.col("waf_action").str.to_uppercase().is_in(["ALLOW", "COUNT"]))
