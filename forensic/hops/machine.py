"""Which machine a log is of."""

import polars as pl

__all__ = ["machine"]


def machine(source: pl.Expr) -> pl.Expr:
    """The top folder of a source: in most archives, the machine; empty without one."""
    return source.str.extract(r"^([^/]*)/", 1).fill_null("")
