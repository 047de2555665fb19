"""Words of lines that are few and often the same: hosts, programs, levels, loggers.

A word is looked for in all lines at once, so that what it means is found out once.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from forensic.octets import Ints, Mask, Octets

__all__ = ["Names", "either", "names"]

#: A word is no longer than this; seldom are there more different ones.
_LONGEST, _DIFFERENT = 120, 64
#: Lines that hold no such word, each of which is looked at alone.
_ODD = 256


class Names(NamedTuple):
    """The different words, which of them stands in each row, and how long it is.

    Row by row 0 stands for none, 1 for the first. `length` holds what ends the word.
    """

    texts: list[str]
    which: Ints
    length: Ints

    @property
    def found(self) -> Mask:
        """Where a word stands."""
        return self.which > 0

    def column(self, values: Sequence[str | None] | None = None) -> pl.Series:
        """The word of each row, or the value that belongs to it; null for none."""
        texts = self.texts if values is None else values
        return pl.Series([None, *texts], dtype=pl.String).gather(self.which)


def names(
    octets: Octets, places: Ints, rows: Mask, until: bytes, known: Callable[[str], bool]
) -> Names:
    """The words that stand at the rows' places, up to `until`, if they are known.

    Where there are many different ones, the seldom ones are not found.
    """
    texts: list[bytes] = []
    which = np.zeros(len(places), np.int64)
    left = np.flatnonzero(rows)
    odd = 0
    while len(left) and len(texts) < _DIFFERENT and odd < _ODD:
        at = int(places[left[0]])
        behind = octets.bytes_[at : min(at + _LONGEST, int(octets.end[left[0]]))]
        text, found, _ = behind.tobytes().partition(until)
        if not found or not known(text.decode("utf-8", "replace")):
            left = left[1:]
            odd += 1
            continue
        same = octets.stands(text + until, places[left])
        texts.append(text)
        which[left[same]] = len(texts)
        left = left[~same]
    sizes = np.array([0, *(len(text + until) for text in texts)])
    length = sizes[which]
    outside = places + length > octets.end
    if outside.any():
        which[outside], length[outside] = 0, 0
    return Names([text.decode("utf-8", "replace") for text in texts], which, length)


def either(first: Names, *others: Names) -> Names:
    """The words of the first, and where it has none, of the next."""
    texts, which, length = list(first.texts), first.which, first.length
    for other in others:
        if not other.texts:
            continue
        missing = (which == 0) & other.found
        which = np.where(missing, other.which + len(texts), which)
        length = np.where(missing, other.length, length)
        texts += other.texts
    return Names(texts, which, length)
