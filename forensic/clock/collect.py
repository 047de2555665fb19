"""One pass over the events ▶ the small tables that clocks are inferred from.

Memory is bounded by groups and days, and by a fixed number of sampled rows a series,
never by the number of events.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from forensic.clock.cells import (
    GROUP,
    JumpFinder,
    cells,
    inner,
    merged_cells,
    merged_inner,
    merged_jumps,
    stamps,
)
from forensic.clock.marks import Sample, marks
from forensic.clock.turns import YearCounter, all_changes, changes
from forensic.formats import all_formats

__all__ = ["Evidence", "collect", "ending_formats", "own_stamp"]

_CHUNK = 50_000
_STAMPS = "line local_time utc_offset envelope_local envelope_offset format hop"
_REQUEST = "method path query status duration trace_id request_id"
_COLUMNS = [*GROUP, *_STAMPS.split(), *_REQUEST.split()]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one pass over the events keeps."""

    #: Stamps a group, day, offset and relative year: how many, where, how fine.
    cells: pl.DataFrame
    #: Payload minus envelope stamp a group and day, in steps of 15 minutes.
    inner: pl.DataFrame
    #: Where a clock goes back or far ahead.
    jumps: pl.DataFrame
    #: Rows of requests, and rows whose id carries a UTC epoch.
    marks: pl.DataFrame
    #: Source ▶ (line, New Years since its start) at each change.
    turns: dict[str, list[tuple[int, int]]]


def own_stamp() -> pl.Expr:
    """Whether `local_time` is more than a copy of the envelope's stamp."""
    local, envelope = pl.col("local_time"), pl.col("envelope_local")
    same_offset = pl.col("utc_offset").eq_missing(pl.col("envelope_offset"))
    copied = envelope.is_not_null() & (local == envelope) & same_offset
    return local.is_not_null() & ~copied.fill_null(value=False)


def ending_formats() -> list[str]:
    """Names of the formats that stamp the end of a request."""
    return [f.name for f in all_formats() if f.stamps_end]


def _chunks(events: pl.LazyFrame, size: int) -> Iterator[pl.DataFrame]:
    ends = pl.col("format").is_in(ending_formats())
    frames = events.select(_COLUMNS).collect_batches(
        chunk_size=size, maintain_order=True
    )
    own = own_stamp().alias("own")
    for frame in _gathered(frames, size):
        yield frame.with_columns(own, ends.fill_null(value=False).alias("ends"))


def _gathered(frames: Iterable[pl.DataFrame], size: int) -> Iterator[pl.DataFrame]:
    """Small frames as larger ones: each costs much whatever its height."""
    held: list[pl.DataFrame] = []
    for frame in frames:
        held.append(frame)
        if sum(one.height for one in held) >= size:
            yield pl.concat(held)
            held = []
    rest = [frame for frame in held if frame.height]
    if rest:
        yield pl.concat(rest)


def collect(events: pl.LazyFrame, chunk: int = _CHUNK) -> Evidence | None:
    """Evidence of all events, read once in their order; None where there are none."""
    years, jumps = YearCounter(), JumpFinder()
    found: list[tuple[pl.DataFrame, ...]] = []
    sample = Sample()
    for rows_read in _chunks(events, chunk):
        frame = years.count(rows_read)
        rows = stamps(frame)
        found.append((cells(rows), inner(frame), jumps.find(rows), changes(frame)))
        sample.add(marks(frame))
    if not found:
        return None
    all_cells, all_inner, all_jumps, all_turns = zip(*found, strict=True)
    return Evidence(
        cells=merged_cells(list(all_cells)),
        inner=merged_inner(list(all_inner)),
        jumps=merged_jumps(list(all_jumps)),
        marks=sample.all(),
        turns=all_changes(list(all_turns)),
    )
