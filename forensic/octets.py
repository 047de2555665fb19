"""Lines as bytes: what stands at a place of each line, for a whole block at once.

Eight bytes are read as one little-endian number, so that a place is compared with a
text, or read as digits, by one operation a line instead of a regular expression.
Places are positions in the block; whoever cuts there checks that they lie within the
line. The texts that are cut out are slices of the lines, not copies.
"""

import dataclasses
from collections.abc import Callable
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = [
    "Octets",
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

#: Behind the last line, so that a word can be read near its end.
_PAD = pl.Series([" " * 256])
#: A beginning is no longer than this, and seldom are there more different ones.
_LONGEST, _DIFFERENT = 120, 24


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

    @classmethod
    def of(cls, lines: pl.Series) -> Self:
        """The bytes of the lines, one behind the other."""
        texts = lines.fill_null("") if lines.null_count() else lines
        array = pl.concat([texts.alias("line"), _PAD.alias("line")]).to_arrow()
        _, bounds, content = array.buffers()
        places = np.frombuffer(bounds, np.int64)[array.offset :]
        count = len(lines)
        octets = np.frombuffer(content, np.uint8)
        return cls(texts, octets, places[:count], places[1 : count + 1])

    def rows(self, numbers: Ints) -> Self:
        """Only some of the lines."""
        lines = self.lines.gather(numbers)
        start, end = self.start[numbers], self.end[numbers]
        return dataclasses.replace(self, lines=lines, start=start, end=end)

    def at(self, places: Ints, of: np.dtype[np.void]) -> npt.NDArray[np.void]:
        """The record that begins at each place."""
        if not len(places):
            return np.empty(0, of)
        count = len(self.bytes_) - of.itemsize + 1
        every = np.ndarray(count, f"V{of.itemsize}", self.bytes_, strides=(1,))
        return every[np.clip(places, 0, count - 1)].view(of)

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

    def beginnings(
        self, places: Ints, rows: Mask, until: bytes
    ) -> tuple[list[bytes], Ints, Ints]:
        """The different texts, up to `until`, that stand at the rows' places.

        Also which of them stands at each, -1 for none, and how long it is. Where there
        are many different ones, the seldom ones are not found.
        """
        texts: list[bytes] = []
        which = np.full(len(places), -1)
        left = np.flatnonzero(rows)
        for _ in range(_DIFFERENT):
            if not len(left):
                break
            at = int(places[left[0]])
            behind = self.bytes_[at : min(at + _LONGEST, int(self.end[left[0]]))]
            text, found, _ = behind.tobytes().partition(until)
            if not found:
                left = left[1:]
                continue
            same = self.stands(text + until, places[left])
            which[left[same]] = len(texts)
            texts.append(text)
            left = left[~same]
        sizes = np.array([*(len(text + until) for text in texts), 0])
        length = sizes[which]
        outside = places + length > self.end
        return texts, np.where(outside, -1, which), np.where(outside, 0, length)

    def cuts(self, **pieces: tuple[Ints, Ints]) -> pl.DataFrame:
        """The text between two places of each line, a column a piece."""
        places = {"line": self.lines}
        for name, (start, end) in pieces.items():
            places[f"{name} at"] = pl.Series(start - self.start)
            places[f"{name} size"] = pl.Series(np.maximum(end - start, 0))
        line = pl.col("line").cast(pl.Binary)
        return pl.DataFrame(places).select(
            line.bin.slice(f"{name} at", f"{name} size").cast(pl.String).alias(name)
            for name in pieces
        )


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
