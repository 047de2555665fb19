"""Where a stream is looked at, and where it may be cut into blocks."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from forensic.events.slots import Slot
from forensic.fields.columns import without_colour
from forensic.format import Format
from forensic.lines import ends_of_lines, texts

__all__ = ["beginnings", "border", "count_lines", "end_of", "running_on", "samples"]


class _Begins(NamedTuple):
    """How a file shows where its records begin."""

    #: Consecutive lines ▶ which of them begin a record.
    of: Callable[[pl.Series], pl.Series]
    #: It must be asked of all lines since one did.
    since: bool = False


#: How much of a stream is looked at to know it.
_SAMPLE = 256 << 10
#: How far back from a block's end the start of a record is looked for.
_NEAR, _BACK = 16 << 10, 1 << 20


def samples(slot: Slot, start: int, end: int) -> Iterator[bytes]:
    """First lines to know a stream by; where one fills the sample, those behind it."""
    yield _sample(slot, start, end)
    behind = slot.map.find(b"\n", start, end) + 1
    if start + _SAMPLE < behind < end:
        yield _sample(slot, behind, end)


def _sample(slot: Slot, start: int, end: int) -> bytes:
    """So many bytes, without a line that they or the slot cut, unless it is alone."""
    if end - start > _SAMPLE or end == slot.size:
        end = min(end, start + _SAMPLE)
        end = slot.map.rfind(b"\n", start, end) + 1 or end
    return bytes(slot.view[start:end])


def count_lines(block: memoryview) -> int:
    """The lines in a stretch that begins at a line's start."""
    count = int(np.count_nonzero(np.frombuffer(block, np.uint8) == ord("\n")))
    return count + (len(block) > 0 and block[-1] != ord("\n"))


def end_of(slot: Slot, start: int, end: int, lines: int) -> int:
    """Where so many lines end, of a stretch that has more."""
    return start + int(ends_of_lines(slot.view[start:end])[lines - 1])


def running_on(chosen: Sequence[Format]) -> bool:
    """Whether records of a file of these formats may go on in the lines below."""
    if not chosen or chosen[0].envelope:
        return bool(chosen) and chosen[0].multiline
    return any(fmt.multiline for fmt in chosen)


def beginnings(chosen: Sequence[Format]) -> _Begins | None:
    """How a file of these formats shows where records begin; None where each line is.

    A line behind one that is not among those looked at is not taken for a beginning.
    """
    if chosen and chosen[0].within:
        return _Begins(functools.partial(_outside, fmt=chosen[0]), since=True)
    if running_on(chosen):
        heads = "|".join(f"(?:{fmt.head})" for fmt in chosen)
        return _Begins(lambda lines: lines.str.contains(heads))
    pieces = chosen[0].pieces if chosen else None
    if pieces is None:
        return None
    return _Begins(lambda lines: ~pieces.goes_on(lines).shift(1, fill_value=True))


def _outside(lines: pl.Series, fmt: Format) -> pl.Series:
    """Which lines begin a record, and are not within one; more lines follow."""
    heads = lines.str.contains(fmt.head)
    if fmt.within is None:
        return heads
    return heads & ~pl.Series(fmt.within(lines, heads.to_numpy(), True))


def border(
    slot: Slot,
    start: int,
    end: int,
    begins: _Begins | None,
    *,
    coloured: bool = False,
) -> int:
    """Where the last whole record ends; `start` where no line does.

    With `begins`, that is before the last line that begins a record: what follows may
    go on in the next block.
    """
    last = slot.map.rfind(b"\n", start, end) + 1
    if last <= start or begins is None:
        return max(last, start)
    for reach in [end - start] if begins.since else [_NEAR, _BACK]:
        low = max(start, end - reach)
        low = low if low == start else slot.map.find(b"\n", low, end) + 1
        stops = ends_of_lines(slot.view[low:end]) + low
        places = np.concatenate([[low], stops])
        places = places[places < end]
        lines, _ = texts(slot.view, places, np.append(places[1:], end))
        lines = without_colour(lines) if coloured else lines
        found = begins.of(lines).arg_true()
        if len(found) and (places[found[-1]] > start or start):
            return int(places[found[-1]])
    # The record that begins this stretch fills it: give it a block of its own.
    return start or last
