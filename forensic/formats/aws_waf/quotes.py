"""JSON texts ▶ where their quotes, escapes and control characters stand."""

import dataclasses
from typing import Self

import numpy as np
import numpy.typing as npt

from forensic.fields.octets import Ints, Octets

__all__ = ["Quotes"]

_QUOTE, _BACKSLASH, _SPACE = ord('"'), ord("\\"), ord(" ")
_KNOWN = np.frombuffer(b'"\\/bfnrt', np.uint8)
#: Bytes that are looked through at once: what is found stays near the processor, and
#: its memory is not asked for anew.
_SOME = 1 << 18


@dataclasses.dataclass(frozen=True, slots=True)
class Quotes:
    """The quotes of texts that delimit a string, and what else may stand in strings."""

    places: Ints
    controls: Ints
    slashes: Ints
    #: Characters behind a backslash that are no escape, or a `u`.
    unknown: Ints
    first: Ints  # the first quote of each text, among the places
    count: Ints  # how many it has

    @classmethod
    def of(cls, octets: Octets) -> Self:
        """The quotes of texts."""
        bytes_ = octets.bytes_
        steps = range(0, max(len(bytes_), 1), _SOME)
        found = [_found(bytes_[low : low + _SOME], low) for low in steps]
        quotes, controls, slashes = map(np.concatenate, zip(*found, strict=True))
        escaped = _escaped(slashes)
        # A backslash that ends a text says nothing about the next one.
        escaped = escaped[~np.isin(escaped, octets.end)]
        behind = bytes_[escaped]
        inner = np.searchsorted(quotes, escaped[behind == _QUOTE])
        quotes = np.delete(quotes, inner) if len(inner) else quotes
        unknown = escaped[~np.isin(behind, _KNOWN)]
        first = np.searchsorted(quotes, octets.start)
        count = np.searchsorted(quotes, octets.end) - first
        return cls(quotes, controls, slashes, unknown, first, count)

    def at(self, rows: Ints, number: Ints | int) -> Ints:
        """The place of a quote of some texts, counted from their first."""
        if not len(self.places):
            return np.zeros(len(rows), np.int64)
        return self.places.take(self.first[rows] + number, mode="clip")

    @staticmethod
    def within(places: Ints, low: Ints, high: Ints) -> Ints:
        """How many of the places lie between two others, row by row."""
        if not len(places):
            return np.zeros(len(low), np.int64)
        found: Ints = np.searchsorted(places, high) - np.searchsorted(places, low)
        return found


def _found(some: npt.NDArray[np.uint8], low: int) -> tuple[Ints, Ints, Ints]:
    """Where quotes, control characters and backslashes stand in some bytes."""
    marks = np.flatnonzero(some <= _QUOTE)
    kinds = some[marks]
    slashes = np.flatnonzero(some == _BACKSLASH)
    quotes, controls = marks[kinds == _QUOTE], marks[kinds < _SPACE]
    return quotes + low, controls + low, slashes + low


def _escaped(slashes: Ints) -> Ints:
    """The places behind backslashes that are not behind one themselves."""
    index = np.arange(len(slashes))
    begins = np.ones(len(slashes), np.bool_)
    begins[1:] = slashes[1:] != slashes[:-1] + 1
    run = np.maximum.accumulate(np.where(begins, index, 0)) if len(index) else index
    found: Ints = slashes[(index - run) % 2 == 0] + 1
    return found
