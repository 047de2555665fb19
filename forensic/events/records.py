"""JSON records that are not one a line ▶ what they hold, and what each line is."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from forensic.documents import records
from forensic.events.rows import parse_rows
from forensic.events.shape import Found, Kind, Lines
from forensic.lines import Index, texts

__all__ = ["by_records"]


def by_records(
    block: memoryview,
    lines: Lines,
    ranges: Sequence[tuple[int, int]],
    formats: Sequence[str],
    payloads: Sequence[str],
) -> Found:
    """What the ranges of the block hold, framed as JSON values.

    A record's span reaches from the start of its line (or the end of the record
    before it) to the end of its last line (or the start of the next record).
    """
    spans: list[tuple[int, int]] = []
    broken: list[tuple[int, int, str]] = []
    for start, end in ranges:
        found = records(bytes(block[start:end]), final=True)
        spans += [(start + low, start + high) for low, high in found.spans]
        broken += [(start + b.start, start + b.end, b.reason) for b in found.broken]
    starts = np.array([low for low, _ in spans], np.int64)
    ends = np.array([high for _, high in spans], np.int64)
    text, invalid = texts(block, starts, ends)
    parsed = parse_rows(text, formats, payloads)
    refused = parsed["refused"]
    good = np.flatnonzero(refused.is_null().to_numpy())
    bad = np.flatnonzero(refused.is_not_null().to_numpy())
    first, last = _lines_at(lines, starts), _lines_at(lines, ends - 1)
    starts, ends = _tiled(lines, starts, ends, first, last)
    hurt = _broken_lines(lines, broken)
    # A line that a record stands on is in the record's span already.
    held = np.searchsorted(first, hurt, side="right") - 1
    hurt = hurt[(held < 0) | (hurt > last[np.maximum(held, 0)])] if len(first) else hurt
    kinds = _kinds(block, lines, first, last, good, bad, hurt)
    left = np.concatenate([first[bad], hurt])
    reasons = [*refused.gather(bad), *_reasons(lines, hurt, broken)]
    return Found(
        parsed.filter(refused.is_null()),
        first[good],
        starts[good],
        ends[good],
        kinds,
        invalid.gather(good),
        left,
        np.concatenate([starts[bad], lines.starts[hurt]]),
        np.concatenate([ends[bad], lines.ends[hurt]]),
        pl.Series(reasons, dtype=pl.String),
    )


def _lines_at(lines: Lines, positions: Index) -> Index:
    found: Index = np.searchsorted(lines.ends, positions, side="right")
    return found


def _tiled(
    lines: Lines, starts: Index, ends: Index, first: Index, last: Index
) -> tuple[Index, Index]:
    """The spans, widened to whole lines where a record shares them with no other."""
    if not len(starts):
        return starts, ends
    shares = np.zeros(len(starts), bool)
    shares[1:] = first[1:] == last[:-1]
    wide_starts = np.where(shares, starts, lines.starts[first])
    next_start = np.append(starts[1:], 0)
    wide_ends = np.where(np.append(shares[1:], False), next_start, lines.ends[last])
    return wide_starts, wide_ends


def _broken_lines(lines: Lines, broken: Sequence[tuple[int, int, str]]) -> Index:
    """The lines that hold bytes of no record."""
    found = [_between(lines, start, end) for start, end, _ in broken]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


def _between(lines: Lines, start: int, end: int) -> Index:
    """The lines that a stretch of bytes touches."""
    first, last = _lines_at(lines, np.array([start, max(start, end - 1)])).tolist()
    return np.arange(first, last + 1)


def _reasons(
    lines: Lines, hurt: Index, broken: Sequence[tuple[int, int, str]]
) -> list[str]:
    begins = np.array([start for start, _, _ in broken], np.int64)
    which = np.searchsorted(begins, lines.ends[hurt] - 1, side="right") - 1
    return [broken[max(index, 0)][2] for index in which]


def _kinds(
    block: memoryview,
    lines: Lines,
    first: Index,
    last: Index,
    good: Index,
    bad: Index,
    hurt: Index,
) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    """Structure lines are headers; a record's first line is an event line."""
    kinds = np.full(len(lines.starts), Kind.HEADER, np.int8)
    for index in np.flatnonzero(lines.ends - lines.starts <= 2):
        if not bytes(block[lines.starts[index] : lines.ends[index]]).strip():
            kinds[index] = Kind.BLANK
    kinds[hurt] = Kind.UNPARSED
    for record in bad:
        kinds[first[record] : last[record] + 1] = Kind.UNPARSED
    for record in good[last[good] > first[good]]:
        kinds[first[record] + 1 : last[record] + 1] = Kind.CONTINUATION
    kinds[first[good]] = Kind.EVENT
    return kinds
