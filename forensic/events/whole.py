"""Records of several lines ▶ what they hold: for formats that must see them whole.

A record begins at a line that matches the format's `head` and ends before the next;
blank lines and lines of the format's `header` behind it are not part of it.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.events.rows import parse_rows
from forensic.events.shape import Found, Kind, Lines
from forensic.events.starts import text_starts
from forensic.fields.columns import without_colour
from forensic.fields.octets import Mask
from forensic.format import Format
from forensic.formats import load
from forensic.lines import Index, texts

__all__ = ["by_heads"]


def by_heads(
    block: memoryview,
    lines: Lines,
    formats: Sequence[str],
    payloads: Sequence[str],
    *,
    coloured: bool = False,
) -> Found:
    """What the lines hold, each record parsed as one text with line ends in it."""
    fmt = load(formats[0])
    starts = text_starts(block, lines)
    text, _ = texts(block, starts, lines.ends)
    text = without_colour(text) if coloured else text
    kinds = np.full(len(text), Kind.UNPARSED, np.int8)
    kinds[text.str.contains(fmt.header).to_numpy()] = Kind.HEADER
    kinds[(text.str.strip_chars() == "").to_numpy()] = Kind.BLANK
    first = np.flatnonzero(_begins(text, fmt, lines.segment))
    last = _last_lines(lines, kinds, first)
    ends = lines.ends[last]
    found = _Records(first, last, starts[first], lines.starts[first], ends)
    if fmt.parted:
        found = _parted(block, lines, found, fmt.parted)
    first, last = found.first, found.last
    whole, invalid = texts(block, found.texts, found.ends)
    whole = without_colour(whole) if coloured else whole
    parsed = parse_rows(whole, formats, payloads)
    refused = parsed["refused"]
    good = np.flatnonzero(refused.is_null().to_numpy())
    for low, high in zip(first[good], last[good], strict=True):
        kinds[low : high + 1] = Kind.CONTINUATION
    kinds[first[good]] = Kind.EVENT
    left = np.flatnonzero(kinds == Kind.UNPARSED)
    return Found(
        parsed.filter(refused.is_null()),
        first[good],
        found.starts[good],
        found.ends[good],
        kinds,
        invalid.gather(good),
        left,
        lines.starts[left],
        lines.ends[left],
        _reasons(left, first, refused),
    )


class _Records(NamedTuple):
    """Where records are: their lines, their texts and their bytes."""

    first: Index
    last: Index
    texts: Index
    starts: Index
    ends: Index


def _parted(block: memoryview, lines: Lines, records: _Records, mark: str) -> _Records:
    """The records, each of those that stand behind another in its line apart."""
    begins = re.compile(mark.encode())
    rows: list[tuple[int, int, int]] = []
    for text, start, end in zip(*records[2:], strict=True):
        found = [at.start() + text for at in begins.finditer(block[text:end])][1:]
        texts_, starts = [text, *found], [start, *found]
        rows += zip(texts_, starts, [*found, end], strict=True)
    columns = np.array(rows, np.int64).reshape(-1, 3)
    spans: list[Index] = [columns[:, at].copy() for at in range(3)]
    first, last = (
        np.searchsorted(lines.ends, place, side="right")
        for place in (spans[1], spans[2] - 1)
    )
    return _Records(first, last, *spans)


def _begins(text: pl.Series, fmt: Format, segment: Index) -> Mask:
    """The lines on which records begin."""
    heads = text.str.contains(fmt.head).to_numpy()
    if fmt.within is None:
        return heads
    borders = np.flatnonzero(np.diff(segment)) + 1
    pieces = zip([0, *borders], [*borders, len(text)], strict=True)
    inside = [
        fmt.within(text[low:high], heads[low:high], False) for low, high in pieces
    ]
    return heads & ~np.concatenate(inside)


def _last_lines(lines: Lines, kinds: npt.NDArray[np.int8], first: Index) -> Index:
    """The last line of each record: within its segment, before the next one."""
    count = len(kinds)
    segment_ends = np.searchsorted(lines.segment, lines.segment[first], side="right")
    stops = np.minimum(np.append(first[1:], count), segment_ends) - 1
    # The nearest line at or above that says something of its own.
    solid = np.isin(kinds, [Kind.BLANK, Kind.HEADER], invert=True)
    solid[first] = True
    above: Index = np.maximum.accumulate(np.where(solid, np.arange(count), 0))
    found: Index = above[stops]
    return found


def _reasons(left: Index, first: Index, refused: pl.Series) -> pl.Series:
    """Why each line is unparsed: its record was refused, or it belongs to none."""
    record = np.searchsorted(first, left, side="right") - 1
    nowhere = "no record begins here or above"
    why = pl.Series([nowhere, *refused.fill_null(nowhere)], dtype=pl.String)
    return why.gather(record + 1)
