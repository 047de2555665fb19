"""Lines that no format could read ▶ the table of them, a part at a time.

There may be as many as there are lines: only what several parts share is in memory.
"""

from collections.abc import Iterator, Sequence

import polars as pl
import pyarrow as pa

from forensic.events.reading import Reading
from forensic.events.tasks import Part
from forensic.events.unit import Segment
from forensic.schema import UNPARSED

__all__ = ["unparsed"]

#: What orders the rows, those of a part and all of them.
_PLACE = ["source", "offset"]


def unparsed(
    parts: Sequence[Part],
    readings: Sequence[Reading],
    failed: Sequence[tuple[Segment, str]],
) -> Iterator[pl.DataFrame]:
    """The UNPARSED rows of workers and of what never reached them, in order."""
    held = pl.concat([_unread(readings), _lost(failed)]).sort(_PLACE)
    named = [part.unparsed for part in parts if part.unparsed]
    firsts = {name: _stored(name).row(0, named=True) for name in named}
    for name in sorted(named, key=lambda name: [firsts[name][key] for key in _PLACE]):
        source, offset = (firsts[name][key] for key in _PLACE)
        before = (pl.col("source") < source) | (
            (pl.col("source") == source) & (pl.col("offset") < offset)
        )
        count = int(held.select(before.sum()).item())
        yield held[:count]
        held = pl.concat([held[count:], _stored(name)]).sort(_PLACE)
    yield held


def _stored(name: str) -> pl.DataFrame:
    with pa.memory_map(name) as source:
        table = pa.ipc.open_file(source).read_all()
    return pl.DataFrame(pl.from_arrow(table)).select(
        pl.col(c).cast(d) for c, d in UNPARSED.items()
    )


def _unread(readings: Sequence[Reading]) -> pl.DataFrame:
    """UNPARSED rows of what never reached a worker: no log, or a giant line."""
    rows = [
        {
            "source": reading.entry.source,
            "line": line,
            "offset": offset,
            "length": length,
            "reason": reason,
            "sha256": digest,
            "text": first.split(b"\n")[0].decode("utf-8", "backslashreplace"),
        }
        for reading in readings
        for line, offset, length, reason, digest, first in reading.unread
    ]
    return pl.DataFrame(rows, schema=UNPARSED)


def _lost(failed: Sequence[tuple[Segment, str]]) -> pl.DataFrame:
    """UNPARSED rows of segments whose worker died twice."""
    rows = [
        {
            "source": segment.source,
            "line": segment.first_line,
            "offset": segment.base,
            "length": segment.end - segment.start,
            "reason": f"the parser failed on this block: {reason}",
            "sha256": None,
            "text": None,
        }
        for segment, reason in failed
    ]
    return pl.DataFrame(rows, schema=UNPARSED)
