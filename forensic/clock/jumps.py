"""Where a clock goes back, or far ahead.

The lines of one host share the envelope's clock; payloads are taken program by program.
"""

import numpy as np
import polars as pl

from forensic.clock.rows import GROUP, NONE, Ints, Mask, Rows, Stamp, grouped

__all__ = ["CLOCK_ENDS", "JUMPS", "jumps", "merged_jumps"]

_SECOND = 1_000_000
#: Whole seconds, cut off, at least so far back or ahead.
_BACK, _AHEAD = -11 * _SECOND, 1201 * _SECOND
_CLOCK: dict[str, pl.DataType] = dict.fromkeys([*GROUP, "stamp"], pl.String())
#: Stamps that lie before, or more than 20 minutes after, the one above.
JUMPS: dict[str, pl.DataType] = _CLOCK | dict.fromkeys(["line", "gap"], pl.Int64())
#: The first and the last stamp of each clock in a part, in microseconds.
CLOCK_ENDS: dict[str, pl.DataType] = _CLOCK | dict.fromkeys(
    ["line", "local", "last_line", "last_local"], pl.Int64()
)
#: Jumps of one source that are kept, the widest ones.
_JUMPS = 300


def jumps(rows: Rows) -> tuple[pl.DataFrame, pl.DataFrame]:
    """JUMPS and CLOCK_ENDS of a part: clocks whose offset is not written."""
    found = [pl.DataFrame(schema=JUMPS)]
    ends = [pl.DataFrame(schema=CLOCK_ENDS)]
    for stamp in rows.stamps():
        bare = stamp.offset == NONE
        if bare.any():
            odd, edges = _jumps(rows, _only(stamp, bare))
            found.append(odd)
            ends.append(edges)
    return _widest(pl.concat(found)), pl.concat(ends)


def _only(stamp: Stamp, wanted: Mask) -> Stamp:
    if wanted.all():
        return stamp
    name, local, offset, at = stamp
    return Stamp(name, local[wanted], offset[wanted], at[wanted])


def _jumps(rows: Rows, stamp: Stamp) -> tuple[pl.DataFrame, pl.DataFrame]:
    names = GROUP if stamp.name == "event" else GROUP[:2]
    clocks = grouped(list(rows.groups(stamp.at, names).values()))
    local, at = stamp.local[clocks.order], stamp.at[clocks.order]
    gap = np.diff(local, prepend=local[0])
    odd = (gap <= _BACK) | (gap >= _AHEAD)
    odd[clocks.starts] = False
    seconds = np.abs(gap[odd]) // _SECOND * np.sign(gap[odd])
    found = _named(rows, stamp, at[odd]).hstack([pl.Series("gap", seconds)])
    first, last = clocks.first, clocks.last
    ends = _named(rows, stamp, stamp.at[first]).hstack(
        [
            pl.Series("local", stamp.local[first]),
            pl.Series("last_line", rows.lines(stamp.at[last])),
            pl.Series("last_local", stamp.local[last]),
        ]
    )
    return found, ends


def _named(rows: Rows, stamp: Stamp, at: Ints) -> pl.DataFrame:
    """The clock and line of some rows."""
    found = rows.named(at, stamp.name)
    if stamp.name == "envelope":
        found = found.with_columns(pl.lit(None, pl.String).alias("process"))
    return found.hstack([pl.Series("line", rows.lines(at))])


def _widest(found: pl.DataFrame) -> pl.DataFrame:
    """The widest jumps of each source, in the order of clocks and lines."""
    order = [*_CLOCK, "line"]
    if found.is_empty():
        return found
    if found.height <= _JUMPS:
        return found.sort(order, nulls_last=True)
    wide = found.sort(pl.col("gap").abs(), *order, descending=[True, *[False] * 5])
    kept = wide.group_by("source", maintain_order=True).head(_JUMPS)
    return kept.select(list(JUMPS)).sort(order, nulls_last=True)


def merged_jumps(found: pl.DataFrame, ends: pl.DataFrame) -> pl.DataFrame:
    """JUMPS of all parts, and those between the parts of a source."""
    clock = list(_CLOCK)
    ends = ends.sort(*clock, "line", "part", nulls_last=True)
    gap = pl.col("local") - pl.col("last_local").shift(1).over(clock)
    between = ends.with_columns(gap.alias("gap")).filter(
        (pl.col("gap") <= _BACK) | (pl.col("gap") >= _AHEAD)
    )
    seconds = pl.duration(microseconds="gap").dt.total_seconds().alias("gap")
    joined = [found.select(list(JUMPS)), between.select(*clock, "line", seconds)]
    return _widest(pl.concat(joined))
