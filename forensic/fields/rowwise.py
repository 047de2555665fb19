"""Several parsers, one answer a row: who is asked about which rows, and what is kept.

All keep the number and order of rows.
"""

import functools
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["first_that_parses", "only_where", "patched", "refused_where", "where_any"]

#: So many lines are worth a parser's start, and more than a look at each of them.
_FEW = 2000
#: Up to one of so many rows is few.
_SELDOM = 4


def first_that_parses(
    lines: pl.Series,
    parsers: Sequence[Callable[[pl.Series], pl.DataFrame]],
    head: str | None = None,
) -> pl.DataFrame:
    """Row by row the answer of the first parser that does not refuse the line.

    Each sees only what those before it refused, all but the first (the quick one) only
    lines that match `head`; what all refuse keeps the last one's reason.
    """
    parse, *others = parsers
    found = parse(lines)
    if found["refused"].null_count() == len(found) or not others:
        return found
    rows = found["refused"].is_not_null().arg_true()
    left = lines.gather(rows)
    if head:
        may = left.str.contains(head)
        rows, left = rows.filter(may), left.filter(may)
    if rows.is_empty():
        return found
    more = first_that_parses(left, others)
    if not more["refused"].null_count():
        return found.with_columns(found["refused"].scatter(rows, more["refused"]))
    return patched(found, rows, more)


def patched(frame: pl.DataFrame, rows: pl.Series, others: pl.DataFrame) -> pl.DataFrame:
    """The frame with other values in some rows; null there in columns they lack.

    Where they are few, columns that stay as they are, are not even looked through.
    """
    if len(rows) * _SELDOM > len(frame):
        return _interleaved(frame, rows, others)
    before = frame[rows]
    columns = []
    for name in dict.fromkeys([*frame.columns, *others.columns]):
        old, new = (f.get_column(name, default=None) for f in (frame, others))
        nothing = new is None or new.null_count() == len(new)
        if nothing and old is not None and before[name].null_count() == len(rows):
            columns.append(old)
        else:
            columns.append(_patched(name, old, rows, new, len(frame)))
    return pl.DataFrame(columns)


def _interleaved(
    frame: pl.DataFrame, rows: pl.Series, others: pl.DataFrame
) -> pl.DataFrame:
    """The same, where the rows are many or all."""
    place = pl.int_range(len(frame), dtype=pl.UInt32, eager=True)
    place = place.scatter(rows, pl.int_range(len(rows), dtype=pl.UInt32, eager=True))
    if len(rows) < len(frame):
        kept = np.ones(len(frame), np.bool_)
        kept[rows.to_numpy()] = False
        both = [others, frame.filter(kept)]
        others = pl.concat(both, how="diagonal_relaxed", rechunk=True)
        behind = pl.int_range(len(rows), len(frame), dtype=pl.UInt32, eager=True)
        place = place.scatter(np.flatnonzero(kept), behind)
    absent = [name for name in frame.columns if name not in others.columns]
    return others[place].with_columns(
        pl.lit(None, frame.schema[name]).alias(name) for name in absent
    )


def _patched(
    name: str, old: pl.Series | None, rows: pl.Series, new: pl.Series | None, size: int
) -> pl.Series:
    """A column with other values in some rows; nulls where it, or they, are not."""
    dtype = old.dtype if old is not None else pl.Null()
    if dtype == pl.Null and new is not None:
        dtype = new.dtype
    none = pl.Series(name, [None], dtype=dtype)
    if old is None and new is not None and new.null_count() == len(new):
        return none.new_from_index(0, size)
    old = none.new_from_index(0, size) if old is None else old.cast(dtype)
    new = none.new_from_index(0, len(rows)) if new is None else new.cast(dtype)
    if not dtype.is_nested():
        return old.clone().scatter(rows, new)
    place = pl.int_range(size, dtype=pl.UInt32, eager=True)
    behind = pl.int_range(size, size + len(rows), dtype=pl.UInt32, eager=True)
    place = place.scatter(rows, behind)
    return pl.concat([old, new], rechunk=True).gather(place)


def refused_where(rows: npt.NDArray[np.bool_], reason: str) -> pl.Series:
    """`refused`: the reason in some rows, null in the others."""
    refused = pl.Series("refused", [None], dtype=pl.String).new_from_index(0, len(rows))
    return refused.scatter(np.flatnonzero(rows), reason) if rows.any() else refused


def where_any(
    pattern: str, parse: Callable[[pl.Series], pl.DataFrame], reason: str
) -> Callable[[pl.Series], pl.DataFrame]:
    """`parse`, spared where no line matches: then all are refused for the reason.

    A parser of many expressions takes milliseconds to start, and the lines that
    another one left are few.
    """

    def parse_any(lines: pl.Series) -> pl.DataFrame:
        if len(lines) > _FEW or lines.str.contains(pattern).any():
            return parse(lines)
        return pl.select(refused=pl.repeat(reason, len(lines)))

    return parse_any


def only_where(
    rows: pl.Series, column: pl.Series, convert: Callable[[pl.Series], pl.DataFrame]
) -> pl.DataFrame:
    """The columns that `convert` makes of the rows that matter; null in all others."""
    wanted = rows.fill_null(value=False)
    if wanted.all() and len(rows):
        return convert(column)
    places = wanted.arg_true()
    found = convert(column.gather(places)) if len(places) else _of_nothing(convert)
    return pl.DataFrame(
        [_patched(one.name, None, places, one, len(rows)) for one in found]
    )


@functools.cache
def _of_nothing(convert: Callable[[pl.Series], pl.DataFrame]) -> pl.DataFrame:
    return convert(pl.Series([], dtype=pl.String))
