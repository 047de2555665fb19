"""Rows of CSV over several lines: what stands in a quoted cell begins no row.

A text that a client sent may hold a line end and, behind it, what looks like a row. In
its cell every quote is written twice, so that where the cell ends is told by the file
alone, not by the text.
"""

import re
from collections.abc import Callable

import numpy as np
import polars as pl

from forensic.fields.octets import Mask

__all__ = ["never_ends", "within_cells"]

#: The text of a quoted cell, as far as it goes: a quote in it is written twice.
_TEXT = re.compile(r'(?:[^"]|"")*+')


def within_cells(mark: str) -> Callable[[pl.Series, Mask, bool], Mask]:
    """`Format.within` of rows whose cells the mark parts."""

    def within(lines: pl.Series, heads: Mask, more: bool) -> Mask:  # noqa: ARG001
        """The same whether more follows: an open cell holds all there is."""
        return _within(lines, heads, mark)

    return within


def never_ends(row: str, head: str, mark: str) -> bool:
    """Whether a quoted cell of the row is open at its end, and holds what may be rows.

    It is a row that was cut, or a quote that damage left alone: nobody can tell.
    """
    rest = row.partition("\n")[2]
    if not rest or re.search(head, rest, re.MULTILINE) is None:
        return False
    return _open_behind(row, mark) is True


def _within(lines: pl.Series, heads: Mask, mark: str) -> Mask:
    """Which heads stand in a cell that a line above opened."""
    found = np.zeros(len(lines), np.bool_)
    quotes = lines.str.count_matches('"', literal=True).to_numpy()
    quoted = np.flatnonzero(quotes)
    last = -1
    # Of the rows that are whole, none has an odd number of quotes.
    for first in np.flatnonzero(heads & (quotes % 2 == 1)):
        if first <= last or not _open_behind(lines[int(first)], mark):
            continue
        last = len(lines) - 1
        for place in quoted[np.searchsorted(quoted, first, side="right") :]:
            state = _open_behind(lines[int(place)], mark, opened=True)
            if not state:
                # Where text stands behind a cell's end the file is damaged: no cell
                # can be trusted, and each line that looks like a row is one.
                last = int(first) if state is None else int(place)
                break
        found[first + 1 : last + 1] = heads[first + 1 : last + 1]
    return found


def _open_behind(line: str, mark: str, *, opened: bool = False) -> bool | None:
    """Whether a cell is open at the end of the text; None where it is no CSV."""
    line = line.rstrip("\r")
    place = 0
    while True:
        if opened or line.startswith('"', place):
            text = _TEXT.match(line, place if opened else place + 1)
            place = text.end() if text else len(line)
            if place == len(line):
                return True
            opened, place = False, place + 1
            if place == len(line):
                return False
            if line[place] != mark:
                return None
            place += 1
        else:
            place = line.find(mark, place) + 1
            if not place:
                return False
