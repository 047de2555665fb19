"""The stamps of a part of the events as numbers: what all tables of clocks start from.

numpy's arithmetic on a part costs microseconds where a query has fixed costs of its
own, and parts are many.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from forensic.clock.turns import NONE, Ints, Mask, counted

__all__ = [
    "GROUP",
    "NONE",
    "Ints",
    "Mask",
    "Rows",
    "Stamp",
    "gathered",
    "rows_of",
    "varying",
]

#: Who wrote a line; each may have its own clock.
GROUP = ["source", "hostname", "process"]


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
    local: Ints
    offset: Ints
    envelope: Ints
    envelope_offset: Ints
    own: Mask  # the event's stamp is more than a copy of its envelope's
    turn: Ints  # New Years since the source's first such stamp; NONE: not yearless

    def stamps(self) -> Iterator[Stamp]:
        """The events' own stamps, and those of their envelopes."""
        sides = [
            ("event", self.local, self.offset, self.own),
            ("envelope", self.envelope, self.envelope_offset, self.envelope != NONE),
        ]
        for name, local, offset, has in sides:
            at = np.flatnonzero(has)
            if len(at):
                whole = len(at) == len(has)
                of = (local, offset) if whole else (local[at], offset[at])
                yield Stamp(name, *of, at)

    def groups(self, at: Ints, names: Sequence[str] = GROUP) -> dict[str, Ints]:
        """Columns of GROUP as numbers, of some rows."""
        if len(at) == self.frame.height:
            return {name: self.group[name] for name in names}
        return {name: self.group[name][at] for name in names}

    def picked(self, at: Ints, names: Sequence[str]) -> pl.DataFrame:
        """Some columns of some rows."""
        frame = self.frame.select(names)
        return frame if len(at) == frame.height else frame[at]


def rows_of(frame: pl.DataFrame) -> Rows:
    """The stamps of events that stand in the order of source and place."""
    names = ["local_time", "utc_offset", "envelope_local", "envelope_offset"]
    local, offset, envelope, outside = (_numbers(frame[name]) for name in names)
    copied = (envelope != NONE) & (local == envelope) & (offset == outside)
    group = {name: _codes(frame[name]) for name in GROUP}
    return Rows(
        frame,
        group,
        local,
        offset,
        envelope,
        outside,
        own=(local != NONE) & ~copied,
        turn=counted(group["source"], local, envelope),
    )


def _numbers(column: pl.Series) -> Ints:
    if column.null_count() == len(column):
        return np.broadcast_to(np.int64(NONE), len(column))
    found: Ints = column.to_physical().cast(pl.Int64).fill_null(NONE).to_numpy()
    return found


def _codes(column: pl.Series) -> Ints:
    """A number a text, the same wherever that text stands in the column."""
    nulls = column.null_count()
    if nulls == len(column) or (not nulls and (column == column[0]).all()):
        return np.broadcast_to(np.int64(0), len(column))
    return _numbers(column.cast(pl.Categorical))


def varying(keys: Mapping[str, Ints]) -> dict[str, Ints]:
    """The keys that are not the same in all rows: to group by the others is dear."""
    return {name: key for name, key in keys.items() if key.min() != key.max()}


def gathered(
    keys: Mapping[str, Ints], values: pl.DataFrame, wanted: Sequence[pl.Expr]
) -> pl.DataFrame:
    """One row for all rows that share the keys, which are not among its columns."""
    parting = varying(keys)
    if not parting:
        return values.select(wanted)
    named = [pl.Series(f"_{name}", key) for name, key in parting.items()]
    names = [key.name for key in named]
    return values.with_columns(named).group_by(names).agg(wanted).drop(names)
