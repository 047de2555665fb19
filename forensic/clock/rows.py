"""The stamps of a part of the events as numbers: what all tables of clocks start from.

numpy's arithmetic on a part costs microseconds where a query has fixed costs of its
own, and parts are many.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.clock.turns import NONE, Ints, Mask, Turned, counted, without_year

__all__ = [
    "GROUP",
    "NONE",
    "Grouped",
    "Hashes",
    "Ints",
    "Mask",
    "Rows",
    "Stamp",
    "grouped",
    "known",
    "numbers",
    "only",
    "rows_of",
]

Hashes = npt.NDArray[np.uint64]
#: Who wrote a line; each may have its own clock.
GROUP = ["source", "hostname", "process"]
#: Keys whose combinations are fewer sort in linear time.
_FEW = 1 << 16
_MOST = 1 << 62


class Stamp(NamedTuple):
    """One of the two stamps that an event may have, of all rows that have it."""

    name: str
    local: Ints  # microseconds
    offset: Ints
    at: Ints  # the rows; the other arrays are those rows alone


@dataclass(frozen=True, slots=True)
class Rows:
    """Events in the order of source and place; one element a row in each array."""

    frame: pl.DataFrame
    #: The columns of GROUP as numbers: alike in two rows where the texts are.
    group: Mapping[str, Ints]
    #: Hop and format: the texts in order, and each row's place among them.
    ranked: Mapping[str, tuple[pl.Series, Ints]]
    local: Ints
    offset: Ints
    envelope: Ints
    envelope_offset: Ints
    own: Mask  # the event's stamp is more than a copy of its envelope's
    turned: Turned

    def stamps(self) -> Iterator[Stamp]:
        """The events' own stamps, and those of their envelopes."""
        sides = [
            ("event", self.local, self.offset, self.own),
            ("envelope", self.envelope, self.envelope_offset, self.envelope != NONE),
        ]
        for name, local, offset, has in sides:
            at = np.flatnonzero(has)
            if len(at):
                yield Stamp(name, only(local, at), only(offset, at), at)

    def groups(self, at: Ints, names: Sequence[str] = GROUP) -> dict[str, Ints]:
        """Columns of GROUP as numbers, of some rows."""
        return {name: only(self.group[name], at) for name in names}

    def turns_of(self, stamp: Stamp) -> Ints:
        """New Years of the stamps that have no year; NONE for the others."""
        if not len(self.turned.edges):
            return only(self.turned.turn, stamp.at)
        bare = without_year(stamp.local)
        return np.where(bare, only(self.turned.turn, stamp.at), NONE)

    def named(self, at: Ints, stamp: str | None = None) -> pl.DataFrame:
        """Who wrote some rows, and which stamp is meant."""
        found: pl.DataFrame = self.frame[GROUP][at]
        if stamp is None:
            return found
        return found.hstack([pl.Series("stamp", [stamp]).new_from_index(0, len(at))])

    def lines(self, at: Ints) -> Ints:
        """The lines of some rows."""
        found: Ints = self.frame["line"].to_numpy()[at]
        return found


def rows_of(frame: pl.DataFrame) -> Rows:
    """The stamps of events that stand in the order of source and place."""
    names = ["local_time", "utc_offset", "envelope_local", "envelope_offset"]
    local, offset, envelope, outside = (numbers(frame[name]) for name in names)
    own = local != NONE
    if frame["envelope_local"].null_count() < frame.height:
        own &= (envelope == NONE) | (local != envelope) | (offset != outside)
    group = {"source": _runs(frame["source"])}
    group |= {name: _ranks(frame[name])[1] for name in GROUP[1:]}
    return Rows(
        frame,
        group,
        {name: _ranks(frame[name]) for name in ("hop", "format")},
        local,
        offset,
        envelope,
        outside,
        own,
        counted(group["source"], local, envelope),
    )


def only(values: Ints, at: Ints) -> Ints:
    """The values of some rows, which are named once each and in order."""
    if len(at) == len(values):
        return values
    one_for_all = values.strides == (0,)
    return values[: len(at)] if one_for_all else values[at]


def numbers(column: pl.Series) -> Ints:
    """The column's numbers, microseconds of a stamp; NONE for null."""
    if column.null_count() == len(column):
        return np.broadcast_to(np.int64(NONE), len(column))
    found = column.to_physical().cast(pl.Int64)
    filled: Ints = (found.fill_null(NONE) if found.null_count() else found).to_numpy()
    return filled


def known(rows: pl.DataFrame, *names: str) -> pl.DataFrame:
    """Rows with null for NONE."""
    return rows.with_columns(pl.when(pl.col(n) != NONE).then(n).alias(n) for n in names)


def _runs(column: pl.Series) -> Ints:
    """A number a text of a column in which alike ones stand together."""
    if not len(column) or column[0] == column[-1]:
        return np.broadcast_to(np.int64(0), len(column))
    return numbers(column.rle_id())


def _ranks(column: pl.Series) -> tuple[pl.Series, Ints]:
    """The texts of a column in order, and each row's place among them.

    Null stands behind them all.
    """
    if isinstance(column.dtype, pl.Enum):
        places = numbers(column)
        texts = column.dtype.categories
        return texts, np.where(places == NONE, len(texts), places)
    nulls = column.null_count()
    if nulls == len(column) or (not nulls and (column == column[0]).all()):
        texts = column[: min(1, len(column) - nulls)]
        return texts, np.broadcast_to(np.int64(0), len(column))
    # Texts are told apart by their hashes, which takes half of the time.
    hashes = column.hash(seed=17)
    first = hashes.arg_unique()
    texts = column.gather(first)
    order = texts.arg_sort(nulls_last=True)
    places = _places(hashes.to_numpy(), hashes.gather(first).gather(order).to_numpy())
    return texts.gather(order).drop_nulls(), places


def _places(values: Hashes, distinct: Hashes) -> Ints:
    """Where among the distinct values each value is."""
    order = np.argsort(distinct)
    found: Ints = order[np.searchsorted(distinct[order], values)]
    return found


@dataclass(frozen=True, slots=True)
class Grouped:
    """Rows brought together by keys; in a group they keep their order."""

    order: Ints | slice
    starts: Ints  # of each group, in the order
    height: int

    @property
    def first(self) -> Ints:
        """The first row of each group."""
        return self._at(self.starts)

    @property
    def last(self) -> Ints:
        """The last row of each group."""
        return self._at(np.append(self.starts[1:], self.height) - 1)

    @property
    def sizes(self) -> Ints:
        """How many rows each group has."""
        found: Ints = np.diff(self.starts, append=self.height)
        return found

    def _at(self, places: Ints) -> Ints:
        return places if isinstance(self.order, slice) else self.order[places]

    def least(self, values: Ints) -> Ints:
        """The least value of each group."""
        found: Ints = np.minimum.reduceat(values[self.order], self.starts)
        return found

    def greatest(self, values: Ints) -> Ints:
        """The greatest value of each group."""
        found: Ints = np.maximum.reduceat(values[self.order], self.starts)
        return found


def grouped(keys: Sequence[Ints]) -> Grouped:
    """Rows that share all keys; there is at least one row."""
    code, count = np.zeros(len(keys[0]), np.int64), 1
    for key in keys:
        moved, width = _from_zero(key)
        if count * width > _MOST:
            code, count = _dense(code)
            moved, width = _dense(moved)
        if width > 1:
            code = code * width + moved
            count *= width
    if count == 1:
        return Grouped(slice(None), np.zeros(1, np.int64), len(code))
    few = code.astype(np.uint16) if count <= _FEW else code
    order = np.argsort(few, kind="stable")
    ordered = few[order]
    starts = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    return Grouped(order, np.concatenate([[0], starts]), len(code))


def _from_zero(key: Ints) -> tuple[Ints, int]:
    """The key less its least value, and how many values there may be."""
    least, most = int(key.min()), int(key.max())
    if least == NONE < most:  # as if next below the least number
        least = int(key[key != NONE].min()) - 1
        key = np.maximum(key, least)
    return key - least, most - least + 1


def _dense(values: Ints) -> tuple[Ints, int]:
    distinct, found = np.unique(values, return_inverse=True)
    return found.astype(np.int64), len(distinct)
