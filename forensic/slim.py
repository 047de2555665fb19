"""Rows without the texts of other rows that lie in memory with theirs.

A few rows that are picked of many point into the texts of all of them, and keep them:
that may be a hundred times what they need.
"""

import polars as pl

__all__ = ["slim"]


def slim(rows: pl.DataFrame) -> pl.DataFrame:
    """The same rows with a copy of their texts."""
    texts = rows.select(pl.col(pl.String, pl.List(pl.String)))
    if not texts.width:
        return rows
    copied = texts.to_arrow(compat_level=pl.CompatLevel.oldest())
    return rows.with_columns(pl.DataFrame(copied))
