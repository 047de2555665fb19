r"""A block of bytes ▶ the frame of its lines: spans from the bytes, text beside them.

A line ends at `\\n` and nowhere else (not at \\r, VT, FF, NEL or U+2028, as text
functions would have it); one `\\r` before it is left out of the text. Line ends
belong to the line's span, so that the spans tile the block.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

__all__ = ["ends_of_lines", "is_utf8", "texts"]

Index = npt.NDArray[np.int64]
#: Bytes of a string view that hold the text itself (Arrow columnar format).
_INLINE = 12


def ends_of_lines(block: memoryview) -> Index:
    """The positions just behind every line end in the block."""
    bytes_ = np.frombuffer(block, np.uint8)
    ends: Index = np.flatnonzero(bytes_ == ord("\n")) + 1
    return ends


def is_utf8(block: memoryview) -> bool:
    """Whether the whole block is valid UTF-8."""
    offsets = np.array([0, len(block)], np.int64)
    whole = pa.LargeStringArray.from_buffers(
        1, pa.py_buffer(offsets), pa.py_buffer(block)
    )
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def texts(block: memoryview, starts: Index, ends: Index) -> tuple[pl.Series, pl.Series]:
    r"""The text of each span, line ends left out, and which spans are not UTF-8.

    The text shares the block's memory; a span with invalid UTF-8 becomes text of
    its own, in which each wrong byte stands as `\\xhh`.
    """
    bytes_ = np.frombuffer(block, np.uint8)
    ends = _without(bytes_, starts, ends, ord("\n"))
    ends = _without(bytes_, starts, ends, ord("\r"))
    wrong = [] if is_utf8(block) else _invalid(bytes_, block, starts, ends)
    shown = ends.copy()
    shown[wrong] = starts[wrong]
    views = _views(bytes_, starts, shown)
    array = pa.Array.from_buffers(
        pa.string_view(), len(starts), [None, pa.py_buffer(views), pa.py_buffer(block)]
    )
    series = pl.Series("text", pl.from_arrow(array), dtype=pl.String)
    flags = pl.Series("invalid", np.zeros(len(starts), bool))
    if not wrong:
        return series, flags
    spans = [bytes(block[starts[index] : ends[index]]) for index in wrong]
    repaired = [span.decode("utf-8", "backslashreplace") for span in spans]
    return series.scatter(wrong, repaired), flags.scatter(wrong, True)


def _without(
    bytes_: npt.NDArray[np.uint8], starts: Index, ends: Index, last: int
) -> Index:
    """The ends, one earlier where the span's last byte is `last`."""
    if not len(ends):
        return ends
    hit = (bytes_[np.maximum(ends - 1, 0)] == last) & (ends > starts)
    shorter: Index = ends - hit
    return shorter


def _views(
    bytes_: npt.NDArray[np.uint8], starts: Index, ends: Index
) -> npt.NDArray[np.uint32]:
    """Arrow string views: length, first four bytes, buffer 0, position; or inline."""
    lengths = ends - starts
    views = np.zeros((len(starts), 4), np.uint32)
    views[:, 0] = lengths
    views[:, 3] = starts
    last = max(len(bytes_) - 1, 0)
    if len(bytes_):
        head = np.minimum(starts[:, None] + np.arange(4), last)
        views[:, 1] = np.ascontiguousarray(bytes_[head]).view(np.uint32).ravel()
    short = np.flatnonzero(lengths <= _INLINE)
    if len(short) and len(bytes_):
        place = np.arange(_INLINE)
        inside = place < lengths[short][:, None]
        body = bytes_[np.minimum(starts[short][:, None] + place, last)]
        text = np.ascontiguousarray(np.where(inside, body, 0).astype(np.uint8))
        views[short, 1:4] = text.view(np.uint32)
    elif len(short):
        views[short, 1:4] = 0
    return views


def _invalid(
    bytes_: npt.NDArray[np.uint8], block: memoryview, starts: Index, ends: Index
) -> list[int]:
    """The spans that are not UTF-8; only those with a high byte are looked at."""
    high = np.flatnonzero(bytes_ >= 0x80)
    suspects = np.unique(np.searchsorted(starts, high, side="right") - 1)
    wrong = []
    for index in suspects[suspects >= 0].tolist():
        try:
            str(block[starts[index] : ends[index]], "utf-8")
        except UnicodeDecodeError:
            wrong.append(index)
    return wrong
