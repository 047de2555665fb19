"""A number with its noun, as people write it: `1 request`, `2 requests`."""

import polars as pl

__all__ = ["counted", "plural"]


def plural(count: int, noun: str) -> str:
    """The number with its noun."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def counted(number: pl.Expr, noun: str) -> pl.Expr:
    """The number of each row with its noun."""
    ending = pl.when(number != 1).then(pl.lit("s")).otherwise(pl.lit(""))
    return pl.format("{} {}{}", number, pl.lit(noun), ending)
