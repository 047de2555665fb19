"""What a worker does: parse one block, or settle the times of one part."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import polars as pl
import pyarrow as pa

from forensic import census
from forensic.clock import apply, collect, needs_clock
from forensic.events.slots import mapped
from forensic.events.unit import Segment, parse_block
from forensic.parquet import arrow, write_table
from forensic.schema import EVENT

__all__ = ["Part", "parse_slot", "remembered", "settle"]

_PLAIN = pl.CompatLevel.oldest()
#: Bytes a row that a column of short texts may hold beside its rows.
_SHORT = 4
#: The columns that the clocks fill in, and those that tell them how.
_SETTLED = (
    "time local_time start_time envelope_time envelope_local time_basis flags"
).split()
_LOOKED_AT = (
    "source line hostname process utc_offset envelope_offset format duration"
).split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a parsed block left behind: files beside the case, and its ledger rows."""

    events: str | None
    census: str | None  # of `events`; written when their times are known
    pending: bool  # the times of `events` still want the clock
    traces: str | None  # what `events` tell of clocks
    unparsed: str | None
    ledger: list[tuple[object, ...]]
    first: tuple[str, int]  # source and offset of the first event, for the order
    failed: tuple[tuple[Segment, str], ...] = ()


def parse_slot(slot: int, used: int, segments: Sequence[Segment], stem: str) -> Part:
    """Parse the block in a slot and write what it holds, under names from `stem`."""
    with mapped(slot, used) as block:
        parsed = parse_block(block, segments)
        events = parsed.events
        pending = needs_clock(events) if len(events) else False
        path = counts = traces = None
        if len(events):
            traces, counts = f"{stem}.traces", f"{stem}.census"
            collect(events).write(traces)
            path = f"{stem}.arrow" if pending else f"{stem}.parquet"
            _write(events if pending else events.drop("stamps_end"), path)
            if not pending:
                _count(events, counts)
        left = None
        if len(parsed.unparsed):
            left = f"{stem}.unparsed.arrow"
            _write(parsed.unparsed, left)
        first = min((segment.source, segment.base) for segment in segments)
        part = Part(
            events=path,
            census=counts,
            pending=pending,
            traces=traces,
            unparsed=left,
            ledger=parsed.ledger.rows(),
            first=first,
            failed=parsed.failed,
        )
        if not part.failed:
            _remember(part, stem)
        return part


def _remember(part: Part, stem: str) -> None:
    """Note a finished part beside its files: a later run need not parse it again."""
    note = Path(f"{stem}.json.tmp")
    note.write_bytes(msgspec.json.encode(part))
    note.rename(f"{stem}.json")


def remembered(stem: str) -> Part | None:
    """The part that an interrupted run finished, if all its files are there."""
    note = Path(f"{stem}.json")
    if not note.exists():
        return None
    part = msgspec.json.decode(note.read_bytes(), type=Part)
    counts = None if part.pending else part.census
    files = [f for f in (part.events, part.traces, part.unparsed, counts) if f]
    return part if all(Path(path).exists() for path in files) else None


def _write(frame: pl.DataFrame, path: str) -> None:
    """Parquet for what is final, uncompressed Arrow for what is read once more."""
    if path.endswith(".parquet"):
        write_table(arrow(frame), path)
        return
    held = [name for name in frame.columns if frame[name].null_count() < len(frame)]
    table = _on_its_own(frame.select(held))
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _on_its_own(frame: pl.DataFrame) -> pa.Table:
    """The frame as an Arrow table, without the blocks that its texts are slices of."""
    table = arrow(frame)
    for place, name in enumerate(frame.columns):
        column = table[name].chunk(0) if len(frame) else None
        if column is None or not pa.types.is_string_view(column.type):
            continue
        shared = sum(buffer.size for buffer in column.buffers()[2:])
        if shared > len(frame) * _SHORT:
            copied = frame.select(name).to_arrow(compat_level=_PLAIN)
            table = table.set_column(place, copied.schema.field(0), copied[name])
    return table


@functools.cache
def _schema() -> pa.Schema:
    """The columns of events, as Arrow has them."""
    return pl.DataFrame(schema=EVENT).to_arrow(compat_level=_PLAIN).schema


def _events(pending: pa.Table, names: Sequence[str]) -> pa.Table:
    """Columns of a pending part, those that hold nothing among them."""
    every = _schema()
    fields, columns = [], []
    for name in names:
        if name in pending.column_names:
            fields.append(pending.schema.field(name))
            columns.append(pending[name])
        else:
            fields.append(every.field(name))
            columns.append(pa.nulls(len(pending), every.field(name).type))
    return pa.table(columns, schema=pa.schema(fields))


def _count(events: pl.DataFrame, path: str) -> None:
    """Write the census of these events."""
    census.census(events.lazy()).write_ipc(path)


def settle(pending: str, clocks: str, target: str, counts: str) -> None:
    """Fill the times of a pending part from the clocks, write it and its census."""
    with pa.memory_map(pending) as source:
        table = pa.ipc.open_file(source).read_all()
    # Only what the clocks look at is converted; the texts go through as they are.
    looked_at = _events(table, [*_SETTLED, *_LOOKED_AT])
    frame = pl.DataFrame(pl.from_arrow(looked_at))
    frame = frame.select(pl.col(c).cast(EVENT[c]) for c in frame.columns)
    settled = apply(frame, pl.read_parquet(Path(clocks)))
    filled = arrow(settled.select(pl.col(c).cast(EVENT[c]) for c in _SETTLED))
    final = _events(table, list(EVENT))
    for name in _SETTLED:
        place = final.schema.get_field_index(name)
        final = final.set_column(place, filled.schema.field(name), filled[name])
    write_table(final, target)
    counted = pl.DataFrame(pl.from_arrow(final.select(census.LOOKED_AT)))
    _count(counted.select(pl.col(c).cast(EVENT[c]) for c in counted.columns), counts)
    Path(pending).unlink()
