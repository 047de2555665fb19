"""Lines that are pieces of one payload ▶ the line that they were before.

Container runtimes cut what is longer than 16 KiB. The event is the first piece's, and
its span holds them all.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import polars as pl

from forensic.events.shape import Lines
from forensic.fields.octets import Mask
from forensic.formats import load
from forensic.lines import Index

__all__ = ["Runs", "join"]


class Runs(NamedTuple):
    """The first and the last line of each payload that was cut."""

    first: Index
    last: Index

    @classmethod
    def none(cls) -> Self:
        """No payload was cut."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64))

    def rest(self) -> tuple[Index, Index]:
        """The lines behind the first of each run, and that first line of each."""
        lengths = self.last - self.first
        owners = np.repeat(self.first, lengths)
        places = np.arange(len(owners)) - np.repeat(lengths.cumsum() - lengths, lengths)
        return owners + places + 1, owners


def join(
    block: memoryview,
    lines: Lines,
    text: pl.Series,
    invalid: pl.Series,
    formats: Sequence[str],
) -> tuple[pl.Series, pl.Series, Runs]:
    """The texts, those of a run in its first line; which are not UTF-8; the runs."""
    pieces = load(formats[0]).pieces if formats else None
    if pieces is None:
        return text, invalid, Runs.none()
    runs = _runs(pieces.goes_on(text).to_numpy(), lines)
    whole = {}
    for first, last in zip(*runs, strict=True):
        raw = [
            bytes(block[lines.starts[n] : lines.ends[n]])
            for n in range(first, last + 1)
        ]
        line = pieces.joined([piece.rstrip(b"\r\n") for piece in raw])
        if line is not None:
            whole[int(first)] = line
    if not whole:
        return text, invalid, Runs.none()
    kept = np.isin(runs.first, list(whole))
    runs = Runs(runs.first[kept], runs.last[kept])
    wrong = [not _is_text(line) for line in whole.values()]
    shown = [line.decode("utf-8", "backslashreplace") for line in whole.values()]
    rest, _ = runs.rest()
    text = text.scatter(rest, "").scatter(runs.first, shown)
    return text, invalid.scatter(runs.first, wrong), runs


def _runs(goes_on: Mask, lines: Lines) -> Runs:
    """Where lines go on in the next one of their segment."""
    follows = np.zeros(len(goes_on) + 1, np.bool_)
    follows[1:-1] = goes_on[:-1] & (lines.segment[1:] == lines.segment[:-1])
    before, behind = follows[:-1], follows[1:]
    return Runs(np.flatnonzero(~before & behind), np.flatnonzero(before & ~behind))


def _is_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
