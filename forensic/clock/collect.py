"""Events ▶ the small tables that clocks are inferred from.

Each part of the events is looked at once, by whoever parsed it and has it in memory;
what it tells is merged. The result does not depend on where the parts are cut. Memory
is bounded by groups and days, and by a fixed number of sampled rows a series, never by
the number of events.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import polars as pl
import pyarrow as pa

from forensic.clock.cells import CELLS, cells, merged_cells
from forensic.clock.inner import INNER, inner, merged_inner
from forensic.clock.jumps import CLOCK_ENDS, JUMPS, jumps, merged_jumps
from forensic.clock.marks import MARKS, marks
from forensic.clock.rows import GROUP, rows_of
from forensic.clock.sample import Sample
from forensic.clock.turns import TURNS, rebased, stitched, turns

__all__ = [
    "Evidence",
    "Stored",
    "Traces",
    "collect",
    "merged",
    "own_stamp",
]

_STAMPS = "line local_time utc_offset envelope_local envelope_offset format hop"
_REQUEST = "method path query status duration trace_id request_id"
_COLUMNS = [*GROUP, *_STAMPS.split(), *_REQUEST.split()]
#: Which of the parts a row is from, while they are merged.
_PART: dict[str, pl.DataType] = {"part": pl.Int32()}
#: So many small tables weigh more than their rows.
_APART = 32
_PLAIN = pl.CompatLevel.oldest()
_SCHEMAS = {
    "cells": CELLS,
    "inner": INNER,
    "jumps": JUMPS,
    "ends": CLOCK_ENDS,
    "turns": TURNS,
    "marks": MARKS,
}
_EMPTY = {name: pl.DataFrame(schema=schema) for name, schema in _SCHEMAS.items()}


def own_stamp() -> pl.Expr:
    """Whether `local_time` is more than a copy of the envelope's stamp."""
    local, envelope = pl.col("local_time"), pl.col("envelope_local")
    same_offset = pl.col("utc_offset").eq_missing(pl.col("envelope_offset"))
    copied = envelope.is_not_null() & (local == envelope) & same_offset
    return local.is_not_null() & ~copied.fill_null(value=False)


@dataclass(frozen=True, slots=True)
class Traces:
    """What one part of the events tells of clocks; New Years are its own count."""

    cells: pl.DataFrame
    inner: pl.DataFrame
    jumps: pl.DataFrame
    ends: pl.DataFrame
    turns: pl.DataFrame
    marks: pl.DataFrame

    def write(self, path: str) -> None:
        """Write the tables to a file, one behind the other; empty ones are left out."""
        with pa.OSFile(path, "wb") as sink:
            for field in fields(self):
                frame: pl.DataFrame = getattr(self, field.name)
                if frame.height:
                    _append(sink, field.name, frame)

    @classmethod
    def read(cls, path: str) -> Self:
        """Tables that `write` wrote."""
        found = dict(_EMPTY)
        with pa.memory_map(path) as source:
            while source.tell() < source.size():
                table = pa.ipc.open_stream(source).read_all()
                name = table.schema.metadata[b"table"].decode()
                frame = pl.DataFrame(pl.from_arrow(table))
                texts = (pl.col(n).cast(pl.String) for n in GROUP if n in frame.columns)
                found[name] = frame.with_columns(texts)
        return cls(**found)


def _append(sink: pa.NativeFile, name: str, frame: pl.DataFrame) -> None:
    # A text that many rows share is written once.
    texts = [pl.col(n).cast(pl.Categorical) for n in GROUP if n in frame.columns]
    table = frame.with_columns(texts).to_arrow(compat_level=_PLAIN)
    table = table.replace_schema_metadata({"table": name})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def collect(events: pl.DataFrame) -> Traces:
    """What events tell that stand in the order of source and place."""
    frame = events[_COLUMNS]
    rows = rows_of(frame)
    odd, ends = jumps(rows)
    return Traces(
        cells=cells(rows),
        inner=inner(rows),
        jumps=odd,
        ends=ends,
        turns=turns(frame, rows.turned),
        marks=marks(rows),
    )


@dataclass(frozen=True, slots=True)
class Evidence:
    """What all parts of the events tell."""

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


class Stored:
    """The traces in files: read one at a time, as often as wanted."""

    def __init__(self, paths: Sequence[str]) -> None:
        """Of files that `Traces.write` wrote."""
        self._paths = paths

    def __iter__(self) -> Iterator[Traces]:
        """Each file's traces."""
        return (Traces.read(path) for path in self._paths)


def merged(parts: Sequence[Traces] | Stored) -> Evidence:
    """The evidence of all parts, in whatever order they come.

    They are gone through twice where a large log shares little with another.
    """
    tables: dict[str, list[pl.DataFrame]] = {name: [] for name in _SCHEMAS}
    sample = Sample()
    for number, part in enumerate(parts):
        for name, found in tables.items():
            found.extend(_numbered(getattr(part, name), number))
            if len(found) > _APART:
                found[:] = [pl.concat(found, rechunk=True)]
        for rows in tables["marks"]:
            sample.add(rows)
        tables["marks"].clear()
    if sample.misses():
        for number, part in enumerate(parts):
            for rows in _numbered(part.marks, number):
                sample.add_missed(rows)
    runs, bases = stitched(_joined(tables, "turns"))
    return Evidence(
        cells=merged_cells(rebased(_joined(tables, "cells"), bases)),
        inner=merged_inner(rebased(_joined(tables, "inner"), bases)),
        jumps=merged_jumps(_joined(tables, "jumps"), _joined(tables, "ends")),
        marks=rebased(sample.all(), bases),
        turns=runs,
    )


def _numbered(table: pl.DataFrame, number: int) -> list[pl.DataFrame]:
    """The table with the number of its part, unless it is empty."""
    if table.is_empty():
        return []
    numbers = np.full(table.height, number, np.int32)
    return [table.hstack([pl.Series("part", numbers)])]


def _joined(tables: Mapping[str, Sequence[pl.DataFrame]], name: str) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(schema=_SCHEMAS[name] | _PART), *tables[name]])
