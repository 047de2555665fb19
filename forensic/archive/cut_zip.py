"""A zip's members that no index names, from front to back.

A zip keeps its index at its end, so that one whose copy was interrupted has none; of
two zips in one file, one behind the other, only the last is heeded. Each member's own
header stands before its data and says enough to read on.
"""

import contextlib
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import IO, NamedTuple

__all__ = ["Found", "found", "overlapping", "unnamed", "window"]

_HEADER = struct.Struct("<4sHHHHHIIIHH")
_MARK = b"PK\3\4"
_LOCKED, _SIZES_BEHIND = 1, 8
_STORED, _DEFLATED = 0, 8
_IN_EXTRA = 0xFFFFFFFF
_PIECE = 16 << 10
_CHUNK = 1 << 20
#: Before LZMA's data: what wrote it, the length of what follows, a byte of settings,
#: and how much memory is looked back on.
_LZMA = struct.Struct("<HHBI")
#: Behind a member whose size was not known stand up to so many bytes of it.
_BEHIND = 24


@dataclass(frozen=True, slots=True)
class Found:
    """A member: its name, its size where that is told, and its bytes as a reader."""

    name: bytes
    size: int
    reader: "_Member | None"
    problem: str = ""


class _Told(NamedTuple):
    """What a header says of its member: the bytes stored, their number, their sum."""

    packed: int
    size: int
    checksum: int


class _Member:
    """A member's bytes; `end` is where its data ends once they are read.

    Damaged data may unpack to anything: what the header tells of it holds.
    """

    def __init__(
        self, whole: IO[bytes], place: int, told: _Told | None, *, packed: bool
    ) -> None:
        self.whole, self.place, self.told = whole, place, told
        self.stop = sys.maxsize if told is None else place + told.packed
        self.end = None if packed else self.stop
        self.decoder = zlib.decompressobj(-15) if packed else None
        self.ready = b""
        self.given = self.sum = 0

    def readinto(self, view: memoryview, /) -> int:
        """Fill the view from the front."""
        self.ready = self.ready or self._piece()
        count = min(len(view), len(self.ready))
        view[:count] = self.ready[:count]
        self.ready = self.ready[count:]
        return count

    def _piece(self) -> bytes:
        data = self._unpacked()
        if self.told is None:
            return data
        data = data[: self.told.size - self.given]
        self.given += len(data)
        self.sum = zlib.crc32(data, self.sum)
        if not data and self.sum != self.told.checksum:
            message = "its checksum is another"
            raise OSError(message)
        return data

    def _unpacked(self) -> bytes:
        while self.end is None or self.place < self.end:
            data = self.decoder.unconsumed_tail if self.decoder else b""
            if not data:
                self.whole.seek(self.place)
                data = self.whole.read(min(_PIECE, self.stop - self.place))
                self.place += len(data)
            # Without more to read, some of it may still have to come out.
            piece = self._decoded(data)
            if piece:
                return piece
            if not data and self.end is None and self.place == self.stop:
                message = "its data is damaged"
                raise OSError(message)
            if not data and (self.end is None or self.place < self.end):
                message = "the zip ends within it"
                raise EOFError(message)
        return b""

    def _decoded(self, data: bytes) -> bytes:
        if self.decoder is None:
            return data
        try:
            piece = self.decoder.decompress(data, _PIECE)
        except zlib.error as error:
            raise OSError(str(error)) from error
        if self.decoder.eof:
            self.end = self.place - len(self.decoder.unused_data)
        return piece

    def close(self) -> None:
        """The zip is another's."""


def overlapping(items: Sequence[zipfile.ZipInfo]) -> set[int]:
    """The ids of members whose bytes are another's too.

    So a few bytes are told again and again: a bomb. The last of them counts.
    """
    placed = sorted(items, key=lambda item: item.header_offset)
    return {
        id(item)
        for item, behind in pairwise(placed)
        if item.header_offset + _HEADER.size + item.compress_size > behind.header_offset
    }


def window(whole: IO[bytes], item: zipfile.ZipInfo) -> int:
    """The bytes of memory that a member's decoder is told to take; 0 of most."""
    if item.compress_type != zipfile.ZIP_LZMA:
        return 0
    whole.seek(item.header_offset)
    header = whole.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return 0
    *_, name, extra = _HEADER.unpack(header)
    whole.seek(name + extra, 1)
    settings = whole.read(_LZMA.size)
    return int(_LZMA.unpack(settings)[-1]) if len(settings) == _LZMA.size else 0


def unnamed(whole: IO[bytes], archive: zipfile.ZipFile, most: int) -> Iterator[Found]:
    """The members that stand between those which a zip's index names."""
    behind = 0
    for start, end in _places(whole, archive):
        # What stands before all of it may be a program that unpacks it.
        first = _mark(whole, behind, start if behind else len(_MARK))
        if first is not None:
            yield from found(whole, most, first, start)
        behind = max(behind, end)


def _places(whole: IO[bytes], archive: zipfile.ZipFile) -> Iterator[tuple[int, int]]:
    """What the index tells of, in order: each member's header and bytes, and itself."""
    for item in sorted(archive.infolist(), key=lambda item: item.header_offset):
        whole.seek(item.header_offset + _HEADER.size - 4)
        name, extra = struct.unpack("<HH", whole.read(4))
        size = _HEADER.size + name + extra + item.compress_size
        yield item.header_offset, item.header_offset + size
    yield archive.start_dir, sys.maxsize


def _mark(whole: IO[bytes], start: int, end: int) -> int | None:
    """Where the first member's header stands between two places."""
    while start + len(_MARK) <= end:
        whole.seek(start)
        piece = whole.read(min(_CHUNK, end - start))
        at = piece.find(_MARK)
        if at >= 0:
            return start + at
        if len(piece) < len(_MARK):
            return None
        start += len(piece) - len(_MARK) + 1
    return None


def found(
    whole: IO[bytes], most: int, place: int = 0, stop: int = sys.maxsize
) -> Iterator[Found]:
    """The members from a place on, up to where the zip stops or is damaged.

    Of one that nobody reads, `most` bytes are unpacked to find where the next begins.
    """
    while place < stop:
        whole.seek(place)
        header = whole.read(_HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(_MARK):
            return
        fields = _HEADER.unpack(header)
        _, _, flags, method, _, _, checksum, packed, size, name, extra = fields
        named = whole.read(name)
        start = place + _HEADER.size + name + extra
        known = packed != _IN_EXTRA and not flags & _SIZES_BEHIND
        if flags & _LOCKED or method not in {_STORED, _DEFLATED}:
            reader, problem = None, "locked or packed in an unknown way"
        elif method == _STORED and not known:
            reader, problem = None, "its size stands in the index, which is missing"
        else:
            told = _Told(packed, size, checksum) if known else None
            reader = _Member(whole, start, told, packed=method == _DEFLATED)
            problem = ""
        if not named.endswith(b"/"):
            yield Found(named, size if known else 0, reader, problem)
        if reader:
            _pass_over(reader, most)
        end = reader.end if reader else None
        end = start + packed if known and end is None else end
        if end is None:
            return
        whole.seek(end)
        behind = whole.read(_BEHIND + len(_MARK)).find(_MARK)
        if behind < 0:
            return
        place = end + behind


def _pass_over(reader: _Member, most: int) -> None:
    """Read what nobody has read yet of a member whose end is not known."""
    with memoryview(bytearray(_PIECE)) as view, contextlib.suppress(EOFError, OSError):
        while reader.end is None and most > 0 and (count := reader.readinto(view)):
            most -= count
