"""Where the texts of lines begin: behind what editors and damage put before them."""

import numpy as np

from forensic.events.shape import Lines
from forensic.lines import Index

__all__ = ["text_starts"]

_BOM = b"\xef\xbb\xbf"


def text_starts(block: memoryview, lines: Lines) -> Index:
    """Where each line's text starts: behind a byte order mark, and behind zeros.

    Zeros stand before a line where its log was cut while it was written to, and marks
    where such files were put together.
    """
    first = np.frombuffer(block, np.uint8)[lines.starts]
    odd = np.flatnonzero((first == 0) | (first == _BOM[0]))
    if not len(odd):
        return lines.starts
    starts = lines.starts.copy()
    for index in odd:
        line = bytes(block[starts[index] : lines.ends[index]])
        starts[index] += len(line) - len(line.lstrip(b"\0").removeprefix(_BOM))
    return starts
