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
    "Views",
    "ends_of_lines",
    "octets_at",
    "texts",
    "viewed",
    "views",
]

Index = npt.NDArray[np.int64]
#: Four numbers a text.
Views = npt.NDArray[np.uint32]
#: Arrow string views: length, first four bytes, buffer, position; a text of no more
#: than twelve bytes stands in the view itself, behind its length.
INLINE = 12
_VIEW = np.dtype("V16")
#: Length ▶ what of a view is text: all of a short one, four bytes of a longer one.
_MASKS = np.frombuffer(
    b"".join(
        bytes(4) + bytes([255]) * size + bytes(INLINE - size)
        for size in [*range(INLINE + 1), 4]
    ),
    _VIEW,
)
#: A byte with one bit set ▶ the place of the bit.
_PLACE = np.array([bits.bit_length() - 1 for bits in range(256)], np.int64)
_CHUNK = 1 << 20


def ends_of_lines(block: memoryview) -> Index:
    """The positions just behind every line end in the block."""
    bytes_ = np.frombuffer(block, np.uint8)
    found = [
        _line_ends(bytes_[low : low + _CHUNK]) + low
        for low in range(0, len(bytes_), _CHUNK)
    ]
    return np.concatenate(found) + 1 if found else np.zeros(0, np.int64)


def _line_ends(bytes_: npt.NDArray[np.uint8]) -> Index:
    """The places of line ends, eight bytes looked at as one: few of them have one."""
    ends = bytes_ == ord("\n")
    packed = np.packbits(ends, bitorder="little")
    places = np.flatnonzero(packed != 0)
    bits = packed[places]
    if (bits & (bits - 1)).any():  # two of them in eight bytes
        return np.flatnonzero(ends)
    found: Index = places * 8 + _PLACE[bits]
    return found


def _is_utf8(block: memoryview) -> bool:
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
    wrong = [] if _is_utf8(block) else _invalid(bytes_, block, starts, ends)
    shown = ends.copy()
    shown[wrong] = starts[wrong]
    series = viewed(bytes_, views(bytes_, starts, shown)).alias("text")
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
    # A border of zeros on both sides, and only as much of the block as lies near it.
    size, edge = of.itemsize, min(of.itemsize, len(bytes_))
    zeros = np.zeros(size, np.uint8)
    front = np.concatenate([zeros, bytes_[:edge], zeros])
    back = np.concatenate([zeros, bytes_[len(bytes_) - edge :], zeros])
    found = np.zeros(len(places), of)
    for block, first, rows in (
        (bytes_, 0, (places >= 0) & (places < count)),
        (front, -size, (places > -size) & (places < 0)),
        (
            back,
            len(bytes_) - edge - size,
            (places >= max(count, 0)) & (places < len(bytes_)),
        ),
    ):
        if rows.any():
            found[rows] = octets_at(block, places[rows] - first, of)
    return found


class _Capsule:
    """An array that polars takes over as it is, without loading pyarrow's kernels."""

    def __init__(self, array: pa.Array) -> None:
        self.array = array

    def __arrow_c_array__(self, schema: object = None) -> tuple[object, object]:
        """The Arrow C data interface."""
        found: tuple[object, object] = self.array.__arrow_c_array__(schema)
        return found


def views(bytes_: npt.NDArray[np.uint8], starts: Index, ends: Index) -> Views:
    """Arrow string views of the texts between places of a block.

    Whoever cuts sees to it that the places lie in the block and that UTF-8 stands
    between them; polars does not look.
    """
    lengths = ends - starts
    # Read from four bytes before the text: that is where a view has the length.
    cut = octets_at(bytes_, starts - 4, _VIEW).view(np.uint32).reshape(-1, 4)
    cut &= _MASKS[np.minimum(lengths, INLINE + 1)].view(np.uint32).reshape(-1, 4)
    cut[:, 0] = lengths
    cut[:, 3] |= (starts * (lengths > INLINE)).astype(np.uint32)
    return cut


def viewed(
    bytes_: npt.NDArray[np.uint8],
    cut: Views,
    there: npt.NDArray[np.bool_] | None = None,
) -> pl.Series:
    """The texts of views, which share the block's memory; null where not there."""
    known = None
    if there is not None and not there.all():
        known = pa.py_buffer(np.packbits(there, bitorder="little"))
    buffers = [known, pa.py_buffer(cut), pa.py_buffer(bytes_)]
    array = pa.Array.from_buffers(pa.string_view(), len(cut), buffers)
    return pl.Series(_Capsule(array))


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
