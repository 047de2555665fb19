"""Words of lines that are few and often the same: hosts, programs, levels, loggers.

A word is looked for in all lines at once, so that what it means is found out once.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.fields.octets import Ints, Mask, Octets

__all__ = ["Names", "either", "names"]

#: A word is no longer than this; seldom are there more different ones.
_LONGEST, _DIFFERENT = 160, 64
#: Lines that hold no such word, each of which is looked at alone.
_ODD = 256

_Groups = tuple[str | None, ...]
_Which = npt.NDArray[np.uint32]


class Names(NamedTuple):
    """The different words as groups of a pattern, and which of them each row has.

    Row by row 0 stands for none, 1 for the first. `length` is that of all that matched.
    """

    groups: list[_Groups]
    which: _Which
    length: Ints

    @property
    def found(self) -> Mask:
        """Where a word stands."""
        found: Mask = self.which > 0
        return found

    def texts(self, group: int = 0) -> list[str | None]:
        """One group of each of the words."""
        return [groups[group] for groups in self.groups]

    def column(self, said: Callable[[str], str | None] = str) -> pl.Series:
        """What is said by the word of each row; null for none."""
        texts = [None if text is None else said(text) for text in self.texts()]
        return self.columns(text=pl.Series(texts, dtype=pl.String)).to_series()

    def columns(self, **values: pl.Series) -> pl.DataFrame:
        """The values that belong to the word of each row; null for none."""
        frame = pl.DataFrame(values)
        whole = pl.concat([frame.clear(1), frame], rechunk=True)
        return whole[pl.Series(self.which)]


def names(
    octets: Octets, places: Ints, rows: Mask, pattern: re.Pattern[bytes]
) -> Names:
    """The words of a pattern that stand at the rows' places.

    Where there are many different ones, the seldom ones are not found. What follows a
    match must not matter to it: the same bytes are taken for the same word.
    """
    words: list[bytes] = []
    groups: list[_Groups] = []
    which = np.zeros(len(places), np.uint32)
    left = np.flatnonzero(rows)
    odd = 0
    while len(left) and len(words) < _DIFFERENT and odd < _ODD:
        at = int(places[left[0]])
        stop = min(at + _LONGEST, int(octets.end[left[0]]))
        match = pattern.match(octets.bytes_[at:stop].tobytes())
        if match is None:
            left = left[1:]
            odd += 1
            continue
        words.append(match[0])
        groups.append(tuple(map(_text, match.groups())))
        same = octets.stands(match[0], places[left])
        which[left[same]] = len(words)
        left = left[~same]
    sizes = np.array([0, *map(len, words)])
    length = sizes[which]
    outside = places + length > octets.end
    if outside.any():
        which[outside], length[outside] = 0, 0
    return Names(groups, which, length)


def either(first: Names, *others: Names) -> Names:
    """The words of the first, and where it has none, of the next."""
    groups, which, length = list(first.groups), first.which, first.length
    for other in others:
        if not other.groups:
            continue
        missing = (which == 0) & other.found
        which = np.where(missing, other.which + np.uint32(len(groups)), which)
        length = np.where(missing, other.length, length)
        groups += other.groups
    return Names(groups, which, length)


def _text(group: bytes | None) -> str | None:
    return None if group is None else group.decode("utf-8", "replace")
