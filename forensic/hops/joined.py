"""Requests ▶ the same with what another table has of them, if it has anything."""

from collections.abc import Sequence

import polars as pl

__all__ = ["joined"]


def joined(
    requests: pl.DataFrame, other: pl.DataFrame, on: str | Sequence[str]
) -> pl.DataFrame:
    """The requests in their order, with the columns of the row that `on` names.

    Each names one row at most. Most tables have nothing of a window: then the columns
    are a null each, and not a null a request, which would take as much as texts do.
    """
    if other.height:
        return requests.join(other, on=on, how="left", maintain_order="left")
    keys = [on] if isinstance(on, str) else on
    missing = {
        name: pl.lit(None, dtype)
        for name, dtype in other.schema.items()
        if name not in keys
    }
    return requests.with_columns(**missing)
