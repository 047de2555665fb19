"""One file's bytes as a stream: decompressed, hashed, whatever its codec.

A damaged or truncated file gives its good prefix; `problem` then says where it ends.
"""

import bz2
import hashlib
import lzma
import os
import sys
from collections.abc import Callable
from typing import Any, Protocol, cast

from isal import igzip_lib

from forensic.archive.budget import Budget
from forensic.archive.writing import LOOK, Writing, writing

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdDecompressor, ZstdError

__all__ = ["BROKEN", "Reader", "Stream", "file_stream", "member_stream"]

_CHUNK = 1 << 20
#: Pieces in which data is decompressed up to where it is damaged.
_STEPS = [4096, 1]
#: More than any fixed header that is looked at before reading (tar: 262 bytes).
_PEEK = 512
#: Frames of zstd that hold no data: parallel compressors begin with one.
_SKIPPABLE = tuple(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16))
_CODECS: list[tuple[bytes | tuple[bytes, ...], str]] = [
    (b"\x1f\x8b", "gzip"),
    ((b"\x28\xb5\x2f\xfd", *_SKIPPABLE), "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
]
#: Memory that a decoder may take; zstd's own limit is half of it.
MEMORY = 256 << 20
_OPEN: dict[str, Callable[[], Any]] = {
    "gzip": lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP),
    "zstd": ZstdDecompressor,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=MEMORY),
}
_MAGIC = {codec: magic for magic, codec in _CODECS}
_DAMAGED_GZIP = cast("type[Exception]", igzip_lib.IsalError)  # stubs: an instance
#: What decoders raise where data is damaged.
BROKEN: tuple[type[Exception], ...] = (
    _DAMAGED_GZIP,
    ZstdError,
    OSError,
    EOFError,
    lzma.LZMAError,
    ValueError,
)


class Reader(Protocol):
    """What a stream reads its stored bytes from."""

    def readinto(self, view: memoryview, /) -> int:
        """Fill the view from the front; the number of bytes, 0 at the end."""

    def close(self) -> None:
        """Give the descriptor back."""


class _File:
    """A file by its descriptor."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.before = self._state()

    def _state(self) -> tuple[int, int]:
        status = os.fstat(self.descriptor)
        return status.st_size, status.st_mtime_ns

    def is_as_before(self) -> bool:
        return self._state() == self.before

    def readinto(self, view: memoryview, /) -> int:
        return os.readv(self.descriptor, [view])

    def seek(self, offset: int) -> None:
        os.lseek(self.descriptor, offset, os.SEEK_SET)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class _Again:
    """A file that somebody else reads, from its start."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._offset = 0

    def readinto(self, view: memoryview) -> int:
        count = os.preadv(self._descriptor, [view], self._offset)
        self._offset += count
        return count

    def close(self) -> None:
        """It is not ours."""


def file_stream(descriptor: int, size: int, budget: Budget | None = None) -> "Stream":
    """The stream of an open file, which it closes."""
    return Stream(_File(descriptor), size, budget)


def member_stream(
    reader: Reader, size: int, budget: Budget, packed: Budget | None = None
) -> "Stream":
    """The stream of a container's member; `packed` is for what its reader unpacks.

    That is the container's own: what its members hash to depends on no other file.
    """
    return Stream(reader, size, budget, packed=packed)


class Stream:
    """Decompressed bytes, read once from front to back.

    `codec` is plain, gzip, zstd, bzip2 or xz, by content and not by name; `writing` is
    how a text is written that was turned into UTF-8 with LF. After the end, `sha256`
    and `stored` tell the stored bytes' hash and number, `problem` a (verdict, sentence)
    where the file is damaged.
    """

    def __init__(
        self,
        reader: Reader,
        size: int,
        budget: Budget | None = None,
        *,
        packed: Budget | None = None,
        as_text: bool = True,
    ) -> None:
        """A stream over a reader of `size` stored bytes, which may unpack them."""
        self.reader = reader
        self.size = size
        self.budget = Budget(LOOK)  # looking costs nothing
        self.problem: tuple[str, str] | None = None
        self.stored = 0
        self.position = 0
        self._packed = packed
        self._unpacked = 0
        self._hash = hashlib.sha256()
        self._ended = False
        self._decoder: Any = None
        self._input: bytes = b""
        self._ready = self._take(LOOK)
        self.codec = _codec(self._ready)
        if self.codec != "plain":
            self._input, self._ready = self._ready, b""
            self._decoder = _OPEN[self.codec]()
        self._head: bytes | None = None
        self.writing: Writing | None = None
        if as_text:
            if self.codec != "plain":
                self._ready = _read(self._next, LOOK)
            self.writing = writing(self._ready)
            if self.writing:
                self._ready = self.writing.convert(self._ready)
        self.budget = budget or Budget()

    # -- stored bytes ---------------------------------------------------------
    def _fill(self, view: memoryview) -> int:
        """Read stored bytes into the view and hash them."""
        if self._ended:
            return 0
        if self._packed:
            view = view[: self._packed.left]
            if not view:
                self.problem, self._ended = self._packed.problem(), True
                return 0
        try:
            count = self.reader.readinto(view)
        except (OSError, EOFError, ValueError) as error:
            verdict = "truncated" if isinstance(error, EOFError) else "unreadable"
            where = f"reading stopped at byte {self.stored}: {error}"
            self.problem, count = (verdict, where), 0
        if not count:
            self._ended = True
            return 0
        self._hash.update(view[:count])
        self.stored += count
        if self._packed:
            self._packed.spend(count)
        return count

    def _take(self, count: int) -> bytes:
        return _read(self._fill, count)

    @property
    def sha256(self) -> str:
        """The hash of the stored bytes; reads what nobody has read yet."""
        if not self._ended:
            with memoryview(bytearray(_CHUNK)) as view:
                while self._fill(view):
                    pass
        return self._hash.hexdigest()

    def digest_so_far(self) -> str:
        """The hash of the stored bytes that were read until now."""
        return self._hash.hexdigest()

    def changed(self) -> tuple[str, str] | None:
        """The problem of a file that somebody wrote to since it was opened."""
        if not isinstance(self.reader, _File) or self.reader.is_as_before():
            return None
        detail = f"it was {self.size} bytes long and was written to while it was read"
        return ("changed", detail)

    @property
    def descriptor(self) -> int | None:
        """The descriptor of a plain file, which may be read at positions."""
        return self.reader.descriptor if self._is_file() else None  # type: ignore[attr-defined]

    @property
    def as_stored(self) -> bool:
        """Whether the stream's bytes are the stored ones."""
        return self.codec == "plain" and not self.writing

    def _is_file(self) -> bool:
        """Whether a place of the stream is the same place of a file."""
        return self.as_stored and isinstance(self.reader, _File)

    # -- decompressed bytes ---------------------------------------------------
    def peek(self) -> bytes:
        """The first bytes (up to 512) of the decompressed stream, left in place."""
        if self._head is None:
            self._head = self.read(_PEEK)
            self._ready = self._head + self._ready
            self.position -= len(self._head)
        return self._head

    def readinto(self, view: memoryview) -> int:
        """Fill the view from the front; fewer bytes than asked for may come, 0 ends."""
        if self.writing and not self._ready:
            self._ready = self._converted(self.writing)
        if self._ready:
            count = min(len(view), len(self._ready))
            view[:count] = self._ready[:count]
            self._ready = self._ready[count:]
        elif self.writing:
            count = 0
        else:
            count = self._next(view)
        self.position += count
        return count

    def _next(self, view: memoryview) -> int:
        """Fill the view with decompressed bytes, however they are written."""
        if self._decoder is None:
            return self._fill(view)
        chunk = self._decode(len(view))
        count = len(chunk)
        view[:count] = chunk
        self._unpacked += count
        return count

    def _converted(self, kind: Writing) -> bytes:
        """The next bytes in our writing; empty at the end."""
        while chunk := _read(self._next, _CHUNK):
            if text := kind.convert(chunk):
                return text
        if text := kind.convert(b""):  # what was kept back for what might follow
            return text
        if kind.rest() and not self.problem:
            where = f"the {kind.name} text ends within a character"
            self.problem = ("truncated", where)
        return b""

    def read(self, count: int) -> bytes:
        """Up to `count` bytes; fewer only at the end."""
        return _read(self.readinto, count)

    def skip_to(self, offset: int) -> None:
        """Go forward to a position of the decompressed stream.

        A plain file is not read in between, so that its hash is not told any more.
        """
        if self._is_file():
            self._ready = b""
            self._ended = False
            self.reader.seek(offset)  # type: ignore[attr-defined]
            self.position = offset
            return
        while self.position < offset and self.read(min(_CHUNK, offset - self.position)):
            pass

    def _decode(self, most: int) -> bytes:
        """The next decompressed bytes; empty at the end or where the data breaks."""
        while not self.problem:
            if self._decoder.eof and not self._next_member():
                return b""
            if self._decoder.needs_input and not self._input:
                self._input = self._take(_CHUNK)
                if not self._input:
                    self._cut()
                    return b""
            if not self.budget.left:
                self.problem = self.budget.problem()
                return b""
            data, self._input = self._input, b""
            try:
                most = min(most, self.budget.left)
                chunk: bytes = self._decoder.decompress(data, most)
            except BROKEN as error:
                self.problem = self._broken(error)
                return self._salvaged()[:most]
            if chunk:
                self.budget.spend(len(chunk))
                return chunk
        return b""

    def _broken(self, error: BaseException) -> tuple[str, str]:
        if "memory" in str(error).lower():
            detail = f"unpacking its {self.codec} data takes over {MEMORY >> 20} MiB"
            return ("over_budget", f"{detail}: unpack it and analyze that")
        where = f"{self.codec} data is damaged near byte {self.stored}"
        return ("truncated", f"{where}: {error}")

    def _salvaged(self) -> bytes:
        """What comes before the damage, of the piece that was lost with it.

        The file is decompressed once more in small pieces, and then in single bytes.
        """
        if not isinstance(self.reader, _File):
            return b""
        found = b""
        for step in _STEPS:
            reader, budget = _Again(self.reader.descriptor), Budget(sys.maxsize)
            again = Stream(reader, self.size, budget, as_text=False)
            again.skip_to(self._unpacked + len(found))
            while not again.problem and (piece := again.read(step)):
                found += piece
        return found

    def _cut(self) -> None:
        if self.problem is None:
            where = f"the {self.codec} data ends early, at byte {self.stored}"
            self.problem = ("truncated", where)

    def _next_member(self) -> bool:
        """Go on to the next compressed member; False at the end of them."""
        rest = self._decoder.unused_data or self._input or self._take(_CHUNK)
        self._input = b""
        while rest and not rest.strip(b"\0"):  # tape padding
            rest = self._take(_CHUNK)
        if not rest:
            return False
        rest = rest.lstrip(b"\0")
        if len(rest) < 6:
            rest += self._take(6)
        if not rest.startswith(_MAGIC[self.codec]):
            count = len(rest)
            where = f"{count} or more bytes that are no {self.codec} follow its end"
            self.problem = ("truncated", where)
            return False
        self._decoder = _OPEN[self.codec]()
        self._input = rest
        return True

    def close(self) -> None:
        """Close the file, and keep nothing that reading took; again, do nothing."""
        self.reader.close()
        self._decoder, self._input, self._ready = None, b"", b""


def _read(fill: Callable[[memoryview], int], count: int) -> bytes:
    """Up to `count` bytes of what fills a view; fewer only at its end.

    Most files of a large archive are small: room for more is made when more is there.
    """
    found = b""
    for room in (min(count, LOOK), max(count - LOOK, 0)):
        buffer = bytearray(room)
        filled = 0
        with memoryview(buffer) as view:
            while filled < room and (got := fill(view[filled:])):
                filled += got
            found += view[:filled]
        if filled < room:
            break
    return found


def _codec(head: bytes) -> str:
    for magic, codec in _CODECS:
        if head.startswith(magic):
            return codec
    return "plain"
