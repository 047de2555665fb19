"""A number with its noun, as people write it: `1 request`, `2 requests`."""

from typing import overload

import polars as pl

__all__ = ["plural"]


@overload
def plural(count: int, noun: str) -> str: ...
@overload
def plural(count: pl.Expr, noun: str) -> pl.Expr: ...
def plural(count: int | pl.Expr, noun: str) -> str | pl.Expr:
    """The number with its noun, of each row where it is a column."""
    if isinstance(count, int):
        return f"{count} {noun}{'' if count == 1 else 's'}"
    ending = pl.when(count != 1).then(pl.lit("s")).otherwise(pl.lit(""))
    return pl.format("{} {}{}", count, pl.lit(noun), ending)
