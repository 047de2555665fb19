"""Lines as bytes: what stands at a place of each line, for a whole block at once.

Eight bytes are read as one little-endian number, so that a place is compared with a
text, or read as digits, by one operation a line instead of a regular expression.
Places are positions in the block; whoever cuts there checks that they lie within the
line. The texts that are cut out are slices of the lines, not copies.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.lines import INLINE, Views, octets_at, viewed, views

__all__ = [
    "Ints",
    "Mask",
    "Octets",
    "Words",
    "by_run",
    "digits",
    "number",
    "pair",
    "shape",
    "word",
]

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

_HIGH = 0x80
#: A buffer of which less than this part is in use costs more to look through than
#: to copy from.
_SPARSE = 4
#: Of so many lines one may stand elsewhere.
_SELDOM = 8
#: So many lines fit into a core's cache, and make little of what each step costs.
_BATCH = 8192


def shape(size: int, **offsets: int) -> np.dtype[np.void]:
    """A record of bytes, read at some offsets as (overlapping) eight-byte words."""
    return np.dtype(
        {
            "names": list(offsets),
            "formats": ["<u8"] * len(offsets),
            "offsets": list(offsets.values()),
            "itemsize": size,
        }
    )


def word(text: str | bytes) -> np.uint64:
    """At most eight bytes as one little-endian number."""
    octets = text.encode() if isinstance(text, str) else text
    return np.uint64(int.from_bytes(octets, "little"))


@dataclasses.dataclass(frozen=True, slots=True)
class Octets:
    """The bytes of lines, and where each line starts and ends in them."""

    lines: pl.Series
    bytes_: npt.NDArray[np.uint8]
    start: Ints
    end: Ints
    is_ascii: bool  # no byte has its high bit set, so that any place may be cut at

    @classmethod
    def of(cls, lines: pl.Series, *, partly: bool = False) -> Self:
        """The bytes of the lines: where they stand, or copied one behind the other.

        With `partly`, a few lines that stand elsewhere (short or repaired ones) may be
        empty here: for whoever leaves lines that it cannot read to somebody else.
        """
        texts = lines.fill_null("") if lines.null_count() else lines
        return cls._in_place(texts, partly) or cls._copied(texts)

    @classmethod
    def _in_place(cls, texts: pl.Series, partly: bool) -> Self | None:
        """Long lines that stand one behind the other in most of a buffer."""
        array = texts.to_arrow(compat_level=pl.CompatLevel.newest())
        _, views, *contents = array.buffers()
        if not contents or not len(texts):
            return None
        sizes = [content.size for content in contents]
        which = sizes.index(max(sizes))
        bytes_ = np.frombuffer(contents[which], np.uint8)
        fields = np.frombuffer(views, np.uint32).reshape(-1, 4)
        fields = fields[array.offset : array.offset + len(texts)]
        length, start = fields[:, 0].astype(np.int64), fields[:, 3].astype(np.int64)
        here = (length > INLINE) & (fields[:, 2] == which)
        elsewhere = np.count_nonzero(~here & (length > 0))
        if elsewhere > (len(texts) // _SELDOM if partly else 0):
            return None
        length *= here
        if int(length.sum()) * _SPARSE < len(bytes_):
            return None
        # An empty text stands nowhere; let it stand where the one before it does.
        start = np.maximum.accumulate(start * here)
        if (start[1:] < start[:-1] + length[:-1]).any():
            return None
        return cls(texts, bytes_, start, start + length, _is_ascii(bytes_))

    @classmethod
    def _copied(cls, texts: pl.Series) -> Self:
        array = texts.to_arrow(compat_level=pl.CompatLevel.oldest())
        _, bounds, content = array.buffers()
        places = np.frombuffer(bounds, np.int64)[array.offset :]
        count = len(texts)
        octets = np.frombuffer(content or b"", np.uint8)
        start, end = places[:count], places[1 : count + 1]
        return cls(texts, octets, start, end, _is_ascii(octets))

    def at(self, places: Ints, of: np.dtype[Any]) -> npt.NDArray[Any]:
        """The record that begins at each place; bytes outside the block are 0."""
        return octets_at(self.bytes_, places, of)

    def batches(self) -> Iterator[Self]:
        """A few lines at a time: what is done with them stays in a core's cache."""
        for low in range(0, len(self.start), _BATCH):
            some = slice(low, low + _BATCH)
            lines = self.lines.slice(low, _BATCH)
            start, end = self.start[some], self.end[some]
            yield dataclasses.replace(self, lines=lines, start=start, end=end)

    def byte(self, places: Ints) -> npt.NDArray[np.uint8]:
        """The byte at each place; any byte where that is outside the block."""
        if not len(self.bytes_):
            return np.zeros(len(places), np.uint8)
        return self.bytes_.take(places, mode="clip")

    def stands(self, text: bytes, places: Ints) -> Mask:
        """Whether the text stands at each place."""
        starts = range(0, len(text), 8)
        record = self.at(places, shape(8 * len(starts), **{f"w{n}": n for n in starts}))
        same = np.ones(len(places), np.bool_)
        for n in starts:
            piece = text[n : n + 8]
            beyond = np.uint64(64 - 8 * len(piece))
            same &= record[f"w{n}"] << beyond == word(piece) << beyond
        return same

    def views(self, start: Ints, end: Ints) -> Views:
        """The text between two places of each line, as string views.

        What is no text, because a place lies inside a character, is left out.
        """
        start = np.minimum(np.maximum(start, self.start), self.end)
        end = np.minimum(np.maximum(end, start), self.end)
        if not self.is_ascii:
            end = np.where(self._inside(start) | self._inside(end), start, end)
        return views(self.bytes_, start, end)

    def text(self, cut: Views, there: Mask | None = None) -> pl.Series:
        """The texts of string views; null where one is not there."""
        return viewed(self.bytes_, cut, there)

    def cut(self, start: Ints, end: Ints, there: Mask | None = None) -> pl.Series:
        """The text between two places of each line; null where it is not there."""
        return self.text(self.views(start, end), there)

    def _inside(self, places: Ints) -> Mask:
        """Whether a place lies inside a character of several bytes."""
        near = np.minimum(places, len(self.bytes_) - 1)
        inner: Mask = self.bytes_[near] & 0xC0 == _HIGH
        return inner & (places < len(self.bytes_))


def _is_ascii(bytes_: npt.NDArray[np.uint8]) -> bool:
    return int(bytes_.max(initial=0)) < _HIGH


def digits(words: Words, layout: str) -> tuple[Words, Mask]:
    """The digits of words like `00:00:00`, one a byte, and whether that is the layout.

    XOR with the layout leaves 0 to 9 where a digit stands and 0 where a literal
    does; adding 118 to the one and 127 to the other lifts anything larger over the
    highest bit of its byte.
    """
    values = words ^ word(layout)
    lift = bytes(118 if char == "0" else 127 for char in layout)
    high = word(b"\x80" * len(layout))
    low = values & word(b"\x7f" * 8)
    return values, (((low + word(lift)) | values) & high) == 0


def pair(values: Words, byte: int) -> Ints:
    """The two-digit number that stands at a byte of `digits`."""
    tens = values >> np.uint64(byte * 8) & np.uint64(15)
    ones = values >> np.uint64(byte * 8 + 8) & np.uint64(15)
    return (tens * np.uint64(10) + ones).astype(np.int64)


def number(values: Words, byte: int) -> Ints:
    """The three-digit number that stands at a byte of `digits`."""
    ones = values >> np.uint64(byte * 8 + 16) & np.uint64(15)
    return pair(values, byte) * 10 + ones.astype(np.int64)


def by_run(keys: list[Words], decode: Callable[[Ints], pl.DataFrame]) -> pl.DataFrame:
    """The columns of each row, decoded once for a run of rows with equal keys.

    Neighbours in a log share their second. `decode` gets the first row of each run.
    """
    changed = np.ones(len(keys[0]), np.bool_)
    changed[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    found = decode(np.flatnonzero(changed))
    return found[(np.cumsum(changed) - 1).astype(np.uint32)]
