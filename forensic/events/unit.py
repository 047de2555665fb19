"""One block of bytes ▶ events, unparsed lines and ledger: the unit of work.

Pure: the same block and segments give the same frames, whoever runs it. A block
holds segments of one or more sources; those that share formats are parsed as one
frame, because thousands of small objects would otherwise cost more to start than
to parse.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from forensic.events.kinds import KINDS, Lines, by_lines
from forensic.events.records import by_records
from forensic.events.shape import SHAPED, Found, shaped, unparsed_rows
from forensic.events.whole import by_heads
from forensic.format import is_bug
from forensic.lines import Index, ends_of_lines
from forensic.schema import UNPARSED

__all__ = ["LEDGER", "Parsed", "Segment", "parse_block"]

#: What one block adds to a source's ledger.
LEDGER: dict[str, pl.DataType] = (
    {"source": pl.String(), "lines": pl.Int64(), "events": pl.Int64()}
    | {f"{kind}_lines": pl.Int64() for kind in KINDS}
    | {f"{kind}_bytes": pl.Int64() for kind in KINDS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of one source in a block; it begins and ends on record borders."""

    source: str
    start: int  # in the block
    end: int
    first_line: int  # number of its first line in the stream
    lines: int = 0
    base: int  # offset of its first byte in the stream
    formats: tuple[str, ...]
    payloads: tuple[str, ...] = ()
    framing: str = "lines"
    coloured: bool = False
    content: str = ""  # hash of the stream's bytes up to where the block was filled


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a block gave: SHAPED and UNPARSED rows by (source, offset), LEDGER rows.

    `failed` are segments on which a format broke, with the error: a bug in it, which
    costs these segments and no other.
    """

    events: pl.DataFrame
    unparsed: pl.DataFrame
    ledger: pl.DataFrame
    failed: tuple[tuple[Segment, str], ...] = ()


def parse_block(block: memoryview, segments: Sequence[Segment]) -> Parsed:
    """The events, unparsed lines and ledger rows of a block."""
    line_ends = ends_of_lines(block)
    groups: dict[tuple[object, ...], list[Segment]] = {}
    for segment in segments:
        key = (segment.formats, segment.payloads, segment.framing, segment.coloured)
        groups.setdefault(key, []).append(segment)
    parts: list[Parsed] = []
    failed: list[tuple[Segment, str]] = []
    for group in groups.values():
        _parse_safely(block, group, line_ends, parts, failed)
    return Parsed(
        _stacked([part.events for part in parts], SHAPED),
        _stacked([part.unparsed for part in parts], UNPARSED),
        _stacked([part.ledger for part in parts], LEDGER, "source"),
        tuple(failed),
    )


def _parse_safely(
    block: memoryview,
    segments: Sequence[Segment],
    line_ends: Index,
    parts: list[Parsed],
    failed: list[tuple[Segment, str]],
) -> None:
    """Parse segments together; where a format breaks, each alone."""
    try:
        parts.append(_parse_group(block, segments, line_ends))
    except BaseException as error:
        if not isinstance(error, Exception) and not is_bug(error):
            raise
        if len(segments) == 1:
            failed.append((segments[0], f"{type(error).__name__}: {error}"))
            return
        for segment in segments:
            _parse_safely(block, [segment], line_ends, parts, failed)


def _stacked(
    frames: list[pl.DataFrame], schema: dict[str, pl.DataType], *keys: str
) -> pl.DataFrame:
    if not frames:
        return pl.DataFrame(schema=schema)
    if len(frames) == 1:
        return frames[0]
    return pl.concat(frames).sort(*(keys or ("source", "offset", "line")))


def _parse_group(
    block: memoryview, segments: Sequence[Segment], line_ends: Index
) -> Parsed:
    """A block's segments that share formats and framing."""
    lines = _lines_of(segments, line_ends)
    first = segments[0]
    kinds = (first.formats, first.payloads)
    if not len(lines.starts):
        found = Found.nothing()
    elif first.framing == "json":
        ranges = [(s.start, s.end) for s in segments]
        found = by_records(block, lines, ranges, *kinds)
    elif first.framing == "whole":
        found = by_heads(block, lines, *kinds, coloured=first.coloured)
    else:
        found = by_lines(block, lines, *kinds, coloured=first.coloured)
    names = pl.Series("source", [segment.source for segment in segments])
    events = shaped(found, names, lines)
    return Parsed(
        events,
        unparsed_rows(block, found, names, lines),
        _ledger(names, lines, found),
    )


def _lines_of(segments: Sequence[Segment], line_ends: Index) -> Lines:
    """The lines of the segments; a last line without a line end is one too."""
    columns: list[list[Index]] = [[], [], [], [], []]
    for position, segment in enumerate(segments):
        borders = [segment.start, segment.end]
        low, high = np.searchsorted(line_ends, borders, side="right")
        stops = line_ends[low:high]
        if segment.end > segment.start and (not len(stops) or stops[-1] < segment.end):
            stops = np.append(stops, segment.end)
        count = len(stops)
        starts = np.concatenate([[segment.start], stops[:-1]])[:count]
        first = segment.first_line
        columns[0].append(starts)
        columns[1].append(stops)
        columns[2].append(np.full(count, position))
        columns[3].append(np.arange(first, first + count))
        columns[4].append(np.full(count, segment.base - segment.start))
    return Lines(*(np.concatenate(column).astype(np.int64) for column in columns))


def _ledger(names: pl.Series, lines: Lines, found: Found) -> pl.DataFrame:
    """One LEDGER row a segment."""
    width = len(KINDS)
    slot = lines.segment * width + found.kinds
    sizes = lines.ends - lines.starts
    shape = (len(names), width)
    counts = np.bincount(slot, minlength=len(names) * width).reshape(shape)
    bytes_ = np.bincount(slot, sizes, len(names) * width).reshape(shape)
    begun = np.bincount(lines.segment[found.rows], minlength=len(names))
    data: dict[str, object] = {
        "source": names,
        "lines": counts.sum(axis=1),
        "events": begun,
    }
    for index, kind in enumerate(KINDS):
        data[f"{kind}_lines"] = counts[:, index]
        data[f"{kind}_bytes"] = bytes_[:, index].astype(np.int64)
    return pl.DataFrame(data).select(pl.col(c).cast(d) for c, d in LEDGER.items())
