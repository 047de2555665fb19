r"""A block of bytes ▶ the frame of its lines: spans from the bytes, text beside them.

A line ends at `\\n` and nowhere else (not at \\r, VT, FF, NEL or U+2028, as text
functions would have it); one `\\r` before it is left out of the text. Line ends
belong to the line's span, so that the spans tile the block.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

__all__ = [
    "INLINE",
    "Index",
    "ends_of_lines",
    "is_utf8",
    "octets_at",
    "slices",
    "texts",
]

Index = npt.NDArray[np.int64]
#: Arrow string views: length, first four bytes, buffer, position; a text of no more
#: than twelve bytes stands in the view itself, behind its length.
INLINE = 12
_INLINED, _VIEW = np.dtype(f"V{INLINE}"), np.dtype("V16")
#: Length ▶ what of twelve bytes belongs to a text.
_MASKS = np.frombuffer(
    b"".join(bytes([255]) * size + bytes(INLINE - size) for size in range(INLINE + 1)),
    _INLINED,
)


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
    series = slices(bytes_, starts, shown).alias("text")
    flags = pl.Series("invalid", np.zeros(len(starts), bool))
    if not wrong:
        return series, flags
    spans = [bytes(block[starts[index] : ends[index]]) for index in wrong]
    repaired = [span.decode("utf-8", "backslashreplace") for span in spans]
    return series.scatter(wrong, repaired), flags.scatter(wrong, True)


def octets_at(
    bytes_: npt.NDArray[np.uint8], places: Index, of: np.dtype[Any]
) -> npt.NDArray[Any]:
    """The value of a type that begins at each place; bytes outside the block are 0."""
    count = len(bytes_) - of.itemsize + 1
    if not len(places):
        return np.empty(0, of)
    if int(places.min()) >= 0 and int(places.max()) < count:
        # Records are moved as they are, not field by field.
        plain = np.dtype(f"V{of.itemsize}") if of.names else of
        every = np.ndarray(count, plain, bytes_, strides=(1,))
        return every[places].view(of)
    inside = (places >= 0) & (places < count)
    found = np.zeros(len(places), of)
    if inside.any():
        found[inside] = octets_at(bytes_, places[inside], of)
    near = ~inside & (places > -of.itemsize) & (places < len(bytes_))
    for row in np.flatnonzero(near).tolist():
        place = int(places[row])
        piece = bytes(max(-place, 0)) + bytes_[max(place, 0) :][: of.itemsize].tobytes()
        found[row] = np.frombuffer(piece[: of.itemsize].ljust(of.itemsize, b"\0"), of)[
            0
        ]
    return found


def slices(
    bytes_: npt.NDArray[np.uint8],
    starts: Index,
    ends: Index,
    there: npt.NDArray[np.bool_] | None = None,
) -> pl.Series:
    """The texts between places of a block, whose memory they share; null if not there.

    Whoever cuts sees to it that the places lie in the block and that UTF-8 stands
    between them; polars does not look.
    """
    known = None
    if there is not None and not there.all():
        known = pa.py_buffer(np.packbits(there, bitorder="little"))
    views = _views(bytes_, starts, ends - starts)
    array = pa.Array.from_buffers(
        pa.string_view(),
        len(starts),
        [known, pa.py_buffer(views), pa.py_buffer(bytes_)],
    )
    return pl.Series(pl.from_arrow(array), dtype=pl.String)


def _views(
    bytes_: npt.NDArray[np.uint8], starts: Index, lengths: Index
) -> npt.NDArray[np.uint32]:
    views = np.empty((len(starts), 4), np.uint32)
    views[:, 0] = lengths
    views[:, 1] = octets_at(bytes_, starts, np.dtype("<u4"))
    views[:, 2] = 0  # the only buffer
    views[:, 3] = starts
    short = np.flatnonzero(lengths <= INLINE)
    if len(short):
        inlined = np.empty((len(short), 4), np.uint32)
        inlined[:, 0] = lengths[short]
        text = octets_at(bytes_, starts[short], _INLINED).view(np.uint32).reshape(-1, 3)
        inlined[:, 1:] = text & _MASKS[lengths[short]].view(np.uint32).reshape(-1, 3)
        views.view(_VIEW).ravel()[short] = inlined.view(_VIEW).ravel()
    return views


def _without(
    bytes_: npt.NDArray[np.uint8], starts: Index, ends: Index, last: int
) -> Index:
    """The ends, one earlier where the span's last byte is `last`."""
    if not len(ends):
        return ends
    hit = (bytes_[np.maximum(ends - 1, 0)] == last) & (ends > starts)
    shorter: Index = ends - hit
    return shorter


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
