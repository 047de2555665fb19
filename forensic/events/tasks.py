"""What a worker does: parse one block, or settle the times of one part."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import polars as pl
import pyarrow as pa

from forensic.clock import apply, collect, needs_clock
from forensic.events.slots import mapped
from forensic.events.unit import Segment, parse_block
from forensic.parquet import arrow, write_table
from forensic.schema import EVENT

__all__ = ["Part", "parse_slot", "remembered", "settle"]

_PLAIN = pl.CompatLevel.oldest()
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
    pending: bool  # the times of `events` still want the clock
    traces: str | None  # what `events` tell of clocks
    unparsed: str | None
    ledger: list[tuple[object, ...]]
    first: tuple[str, int]  # source and offset of the first event, for the order
    failed: tuple[tuple[Segment, str], ...] = ()


def parse_slot(slot: str, used: int, segments: Sequence[Segment], stem: str) -> Part:
    """Parse the block in a slot and write what it holds, under names from `stem`."""
    with mapped(slot, used) as block:
        parsed = parse_block(block, segments)
        events = parsed.events
        pending = needs_clock(events) if len(events) else False
        path = traces = None
        if len(events):
            traces = f"{stem}.traces"
            collect(events).write(traces)
            path = f"{stem}.arrow" if pending else f"{stem}.parquet"
            _write(events if pending else events.drop("stamps_end"), path)
        left = None
        if len(parsed.unparsed):
            left = f"{stem}.unparsed.arrow"
            _write(parsed.unparsed, left)
        first = min((segment.source, segment.base) for segment in segments)
        part = Part(
            events=path,
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
    files = [path for path in (part.events, part.traces, part.unparsed) if path]
    return part if all(Path(path).exists() for path in files) else None


def _write(frame: pl.DataFrame, path: str) -> None:
    """Parquet for what is final, uncompressed Arrow for what is read once more."""
    if path.endswith(".parquet"):
        write_table(arrow(frame), path)
        return
    table = frame.to_arrow(compat_level=_PLAIN)
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def settle(pending: str, clocks: str, target: str) -> None:
    """Fill the times of a pending part from the clocks, and write it as Parquet."""
    with pa.memory_map(pending) as source:
        table = pa.ipc.open_file(source).read_all()
    # Only what the clocks look at is converted; the texts go through as they are.
    frame = pl.DataFrame(pl.from_arrow(table.select([*_SETTLED, *_LOOKED_AT])))
    frame = frame.select(pl.col(c).cast(EVENT[c]) for c in frame.columns)
    settled = apply(frame, pl.read_parquet(Path(clocks)))
    settled = settled.select(pl.col(c).cast(EVENT[c]) for c in _SETTLED)
    filled = settled.to_arrow(compat_level=_PLAIN)
    columns = [(filled if name in _SETTLED else table)[name] for name in EVENT]
    fields = [
        (filled if name in _SETTLED else table).schema.field(name) for name in EVENT
    ]
    write_table(pa.table(columns, schema=pa.schema(fields)), target)
    Path(pending).unlink()
