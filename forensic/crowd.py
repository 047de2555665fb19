"""Events too many to be held ▶ their groups, counted while they are read once.

Of each batch its groups are kept, and of these the groups again: memory holds what is
told of the groups, and not what they consist of.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import polars as pl

__all__ = ["ORDER", "counted", "grouped"]

#: Rows in the order in which they are shown: the most telling first.
ORDER = ["_order", "source", "offset"]
_Frame = TypeVar("_Frame", pl.DataFrame, pl.LazyFrame)
#: Rows of groups of batches that are held before they are put together.
_APART = 50_000


class _Groups:
    """Groups of batches, put together whenever they have become many."""

    def __init__(self, keys: Sequence[str], *totals: pl.Expr) -> None:
        self._keys, self._totals = list(keys), totals
        self._apart: list[pl.DataFrame] = []
        self._most = _APART

    def add(self, groups: pl.DataFrame) -> None:
        self._apart.append(groups)
        if sum(one.height for one in self._apart) > self._most:
            whole = self.whole()
            self._apart, self._most = [whole], _APART + 2 * whole.height

    def whole(self) -> pl.DataFrame:
        return pl.concat(self._apart).group_by(self._keys).agg(self._totals)


def counted(rows: _Frame, keys: Sequence[str], column: str) -> _Frame:
    """How often (`_n`) each group has each value of a column that says something."""
    said = rows.filter(pl.col(column).cast(pl.String) != "")
    return said.group_by(*keys, column).agg(_n=pl.len().cast(pl.Int64))


def grouped(
    batches: Iterable[pl.DataFrame],
    keys: Sequence[str],
    tops: Sequence[str],
    places: Sequence[str],
    most: int,
) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """The groups of rows, with what `counted` says of those columns of theirs.

    A group has `count`, `first_seen`, `last_seen` and, as `evidence`, the `places` of
    its first rows by `ORDER`, at most so many.
    """
    each = pl.col("_first").explode()
    order = [each.struct.field(name) for name in ORDER]
    groups = _Groups(
        keys,
        pl.col("count").sum(),
        pl.col("first_seen").min(),
        pl.col("last_seen").max(),
        each.bottom_k_by(order, most).alias("_first"),
    )
    values = {name: _Groups([*keys, name], pl.col("_n").sum()) for name in tops}
    first = pl.struct(*places, "_order").bottom_k_by(ORDER, most)
    for batch in batches:
        groups.add(
            batch.group_by(keys).agg(
                count=pl.len().cast(pl.Int64),
                first_seen=pl.col("time").min(),
                last_seen=pl.col("time").max(),
                _first=first,
            )
        )
        for name, held in values.items():
            held.add(counted(batch, keys, name))
    place = pl.struct(pl.element().struct.field(name) for name in places)
    told = groups.whole().with_columns(evidence=pl.col("_first").list.eval(place))
    return told.drop("_first"), {name: held.whole() for name, held in values.items()}
