"""Which formats parse the lines of a sample: the best, then the best for what it left.

What a format is worth is known better the longer one looks: by the file's path, by
what the lines begin with, by what it makes of them. Each look can only lower it, and so
do lines that others took: a format that cannot win is not looked at again.
"""

import functools
import heapq
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import polars as pl

from forensic.fields.octets import Mask
from forensic.format import is_bug, parsed
from forensic.formats import load
from forensic.matching import matcher

__all__ = ["best_formats"]

#: Sorts behind whatever a key goes on with.
_LAST = chr(0x10FFFF)
#: How many values a row has.
_FOUND = pl.sum_horizontal(
    pl.lit(0), pl.exclude("refused").is_not_null().cast(pl.Int64)
)


def best_formats(
    lines: pl.Series, keys: Iterable[str], source: str
) -> tuple[tuple[str, ...], Mask]:
    """Keys of formats that together parse the lines, best first, and what they leave.

    `source` is the path of the file, which breaks ties (`Format.paths`).
    """
    left = np.ones(len(lines), np.bool_)
    match = matcher(lines)
    chosen: list[str] = []
    claims = [_Claim(key, source) for key in dict.fromkeys(keys)]
    # Each with the most that it was worth when it was last asked: only the best of
    # them is asked again.
    best = [(claim.worth(left), claim) for claim in claims]
    heapq.heapify(best)
    while best:
        supposed, claim = heapq.heappop(best)
        worth = claim.worth(left)
        if worth == supposed and claim.parsed is not None:
            chosen.append(claim.key)
            left &= ~claim.parsed
            match = matcher(lines.filter(pl.Series(left)))
            continue
        if worth == supposed:
            claim.look(lines, match, left)
            worth = claim.worth(left)
        if claim.lines(left):
            heapq.heappush(best, (worth, claim))
    return tuple(chosen), left


class _Claim:
    """What a format may be worth for some lines, as far as it is known."""

    __slots__ = ("_fmt", "_headed", "_ties", "_values", "key", "parsed")

    def __init__(self, key: str, source: str) -> None:
        fmt = load(key)
        self.key = key
        #: The lines that it parses; None where it did not try.
        self.parsed: Mask | None = None
        self._headed: Mask | None = None
        self._values = np.empty(0, np.int64)
        self._fmt = fmt
        # An envelope in JSON is a narrower shape than an application's JSON log.
        narrow = fmt.narrow or (fmt.envelope and fmt.json)
        self._ties = (not _paths(key).search(source), not narrow)

    def lines(self, left: Mask) -> int:
        """How many of the lines that are left are, or may be, the format's."""
        mine = self._headed if self.parsed is None else self.parsed
        return int(np.count_nonzero(left if mine is None else mine & left))

    def worth(self, left: Mask) -> tuple[Any, ...]:
        """What orders claims, the best first: how sure, how many lines, then the ties.

        Exact where it parsed; else the most that it can be.
        """
        count, values = self.lines(left), math.inf
        if self.parsed is not None:
            values = int(self._values[self.parsed & left].sum())
        sure, usual = self._fmt.sure and count, self._fmt.usual
        return (not sure, -count, *self._ties, -values, not usual, self.key + _LAST)

    def look(self, lines: pl.Series, match: Callable[[str], Mask], left: Mask) -> None:
        """Know more of it; `match` looks at the lines that are left."""
        if self._headed is None:
            self._headed = left.copy()
            self._headed[left] = match(self._fmt.head)
            return
        # No format looks at another row: what it makes of one serves for good.
        places = (self._headed & left).nonzero()[0]
        self.parsed = np.zeros(len(left), np.bool_)
        self._values = np.zeros(len(left), np.int64)
        try:
            rows = parsed(self._fmt, lines.gather(places))
        except BaseException as error:
            if not is_bug(error):
                raise
            return  # whatever it is, no other file may suffer for it
        self.parsed[places] = rows["refused"].is_null().to_numpy()
        self._values[places] = rows.select(_FOUND).to_series().to_numpy()


@functools.cache
def _paths(key: str) -> re.Pattern[str]:
    return re.compile(load(key).paths)
