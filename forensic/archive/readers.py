"""What the members of tars and zips are read through, and what a damaged one raises."""

import io
import os
import struct
import tarfile
import zipfile
import zlib
from typing import IO

from forensic.archive.streams import BROKEN, Stream

__all__ = ["DAMAGED", "Part", "Seekable", "Stretch", "Unseekable"]

_PIECE = 16 << 10
#: What readers of containers raise where one is damaged.
DAMAGED: tuple[type[Exception], ...] = (
    *BROKEN,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    RuntimeError,
    ArithmeticError,
    LookupError,
)


class Part:
    """A member's file object as a reader of stored bytes.

    It is read in pieces of one size: what is lost with a damaged one depends on nothing
    else. A wrong checksum is told behind the last byte, and not in place of it.
    """

    def __init__(self, part: IO[bytes], checksum: int | None = None) -> None:
        """A reader of `part`; `checksum` is what its bytes must give."""
        self.part = part
        self.checksum = checksum
        self.sum = 0
        self.ready = b""
        if checksum is not None:
            part._expected_crc = None  # type: ignore[attr-defined]  # noqa: SLF001

    def readinto(self, view: memoryview, /) -> int:
        """Fill the view from the front, see `streams.Reader`."""
        self.ready = self.ready or self._piece()
        count = min(len(view), len(self.ready))
        view[:count] = self.ready[:count]
        self.ready = self.ready[count:]
        return count

    def _piece(self) -> bytes:
        try:
            data = self.part.read(_PIECE)
        except EOFError:
            raise
        except DAMAGED as error:
            raise OSError(str(error)) from error
        self.sum = zlib.crc32(data, self.sum)
        if not data and self.checksum not in {None, self.sum}:
            message = "its checksum is another"
            raise OSError(message)
        return data

    def close(self) -> None:
        """Close the part."""
        self.part.close()


class Stretch:
    """A tar's member as a reader of stored bytes, to the last one that is there.

    Tarfile's own gives nothing of a piece whose end is missing.
    """

    def __init__(self, tar: IO[bytes], item: tarfile.TarInfo) -> None:
        """A reader of that item's bytes in the tar."""
        self.tar = tar
        self.place, self.end = item.offset_data, item.offset_data + item.size

    def readinto(self, view: memoryview, /) -> int:
        """Fill the view from the front, see `streams.Reader`."""
        wanted = min(len(view), self.end - self.place)
        self.tar.seek(self.place)
        data = self.tar.read(wanted)
        if wanted and not data:
            message = "the tar ends within it"
            raise EOFError(message)
        view[: len(data)] = data
        self.place += len(data)
        return len(data)

    def close(self) -> None:
        """The tar is another's."""


class Seekable(io.RawIOBase):
    """A plain file read at positions; the stream's own position stays."""

    def __init__(self, descriptor: int, size: int) -> None:
        """A file of `size` bytes; its descriptor stays open."""
        self.descriptor = descriptor
        self.size = size
        self.place = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """The new position, as files have it."""
        start = (0, self.place, self.size)[whence]
        self.place = max(0, start + offset)
        return self.place

    def tell(self) -> int:
        """The position."""
        return self.place

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes from there; all of them where it is negative."""
        most = self.size - self.place if size < 0 else size
        data = os.pread(self.descriptor, max(0, most), self.place)
        self.place += len(data)
        return data


class Unseekable(io.RawIOBase):
    """A stream as the file object that tarfile reads from."""

    def __init__(self, stream: Stream) -> None:
        """A file object over the stream."""
        self.stream = stream

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes from there; all of them where it is negative."""
        return self.stream.read(size)
