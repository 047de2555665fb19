"""Tar and zip: their members as streams, in place, never extracted.

Members of an uncompressed tar and of a zip come sorted by name; those of a
compressed tar come in stored order, because it can only be read once through.
"""

import io
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, cast

from forensic.archive import cut_zip
from forensic.archive.budget import Budget
from forensic.archive.readers import DAMAGED, Part, Seekable, Stretch, Unseekable
from forensic.archive.streams import MEMORY, Reader, Stream, member_stream

__all__ = ["Member", "is_container", "members"]

#: A zip inside a stream must be held in memory, for its index stands at its end.
_MOST = 256 << 20
_CHUNK = 1 << 20
#: Where a tar's header has the sum of its bytes.
_SUM = slice(148, 156)
#: A zip ends in so many bytes, where it has no comment.
_ZIP_END = 22
#: A program that a zip stands behind: it unpacks itself.
_PROGRAMS = (b"MZ", b"\x7fELF", b"#!")
#: What else stands before a zip, such as the headers of the answer that it came in.
_BEFORE = 4 << 10
#: The flag of a member that is encrypted.
_LOCKED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file in a container; `stream` is open until the next one is asked for."""

    name: bytes
    size: int
    mtime_us: int | None
    stream: Stream | None
    problem: tuple[str, str] | None = None
    ordered: bool = True


def is_container(stream: Stream) -> bool:
    """Whether the (decompressed) stream is a tar, or a zip, even behind something."""
    head = stream.peek()
    return _is_tar(head) or _is_zip(head) or _ends_as_zip(head, stream)


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar" or _is_old_tar(head)


def _is_old_tar(head: bytes) -> bool:
    """Whether it begins with a header from before tars had a mark: its sum is right."""
    if len(head) < tarfile.BLOCKSIZE or head[_SUM].strip(b" 01234567\0"):
        return False
    try:
        found = tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return found.size >= 0


def _is_zip(head: bytes) -> bool:
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def _ends_as_zip(head: bytes, stream: Stream) -> bool:
    """Whether it ends in a zip's index, behind a program or a few bytes."""
    end = _at(stream, stream.size - _ZIP_END, _ZIP_END)
    if len(end) < _ZIP_END or not end.startswith(b"PK\x05\x06"):
        return False
    size, place = struct.unpack_from("<II", end, 12)
    index = stream.size - _ZIP_END - size
    mark = _at(stream, index, 4)
    before = index - place
    return head.startswith(_PROGRAMS) or (
        mark == b"PK\x01\x02" and 0 <= before <= _BEFORE
    )


def _at(stream: Stream, place: int, count: int) -> bytes:
    """Bytes of a file; none where they cannot be read, which its reader tells."""
    if stream.descriptor is None:
        return b""
    try:
        return os.pread(stream.descriptor, count, max(0, place))
    except OSError:
        return b""


def members(stream: Stream, budget: Budget) -> Iterator[Member]:
    """The members of a container; a damaged one ends early and says so.

    What cannot be read any more is recorded in `stream.problem`. The budget is for
    members that are packed themselves.
    """
    try:
        if _is_tar(stream.peek()):
            yield from _tar_members(stream, budget)
        else:
            yield from _zip_members(stream, budget)
    except DAMAGED as error:
        stream.problem = stream.problem or ("truncated", f"container damaged: {error}")
    if stream.descriptor is None:
        # What stands behind the last member may be damaged too.
        _look_behind(stream, lambda: stream.read(_CHUNK))


def _look_behind(stream: Stream, read: Callable[[], bytes]) -> None:
    """Read what follows the end of a container: padding, or what nobody has read."""
    more = False
    while chunk := read():
        more = more or bool(chunk.strip(b"\0"))
    if more and not stream.problem:
        stream.problem = ("truncated", "more bytes follow the end of the container")


class _Damage(tarfile.TarError):
    """A header that no tar has."""


class _Header(tarfile.TarInfo):
    """A header that says so where it is damaged.

    Tarfile takes a damaged one for the end of the tar, behind which members would be
    lost in silence, and follows a negative size back to where it was.
    """

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> "_Header":
        place = tar.offset
        try:
            found = super().fromtarfile(tar)
        except tarfile.HeaderError as error:
            if not place or type(error).__name__ == "EOFHeaderError":  # the end mark
                raise
            message = f"{error} at byte {place}"
            raise _Damage(message) from error
        if found.size < 0:
            message = f"a member of {found.size} bytes at byte {place}"
            raise _Damage(message)
        return found


def _tar_members(stream: Stream, budget: Budget) -> Iterator[Member]:
    if stream.descriptor is not None:
        whole = Seekable(stream.descriptor, stream.size)
        with tarfile.open(fileobj=whole, mode="r:", tarinfo=_Header) as tar:
            for item in sorted(_tar_items(tar, stream), key=lambda i: i.name):
                yield from _tar_member(tar, item, budget, ordered=True)
        return
    source = Unseekable(stream)
    with tarfile.open(fileobj=source, mode="r|", tarinfo=_Header) as tar:
        for item in tar:
            yield from _tar_member(tar, item, budget, ordered=False)


def _tar_items(tar: tarfile.TarFile, stream: Stream) -> list[tarfile.TarInfo]:
    """The members up to where the tar is damaged, or something follows its end."""
    items: list[tarfile.TarInfo] = []
    try:
        items.extend(tar)
        if stream.descriptor is not None:
            behind = Seekable(stream.descriptor, stream.size)
            behind.seek(tar.offset)
            _look_behind(stream, lambda: behind.read(_CHUNK))
    except DAMAGED as error:
        stream.problem = ("truncated", f"container damaged: {error}")
    return items


def _tar_member(
    tar: tarfile.TarFile, item: tarfile.TarInfo, budget: Budget, *, ordered: bool
) -> Iterator[Member]:
    if item.isdir():
        return
    problem = None
    if not item.isfile():
        kind = "link" if item.issym() or item.islnk() else "special file"
        problem = ("unsupported", f"{kind} in a tar: {item.linkname}".rstrip(": "))
    reader: Reader | None = None
    if not problem and item.issparse():
        part = tar.extractfile(item)
        reader = Part(part) if part else None
    elif not problem and tar.fileobj:
        reader = Stretch(cast("IO[bytes]", tar.fileobj), item)
    yield Member(
        name=item.name.encode("utf-8", "surrogateescape"),
        size=item.size,
        mtime_us=int(item.mtime * 1_000_000),
        stream=member_stream(reader, item.size, budget) if reader else None,
        problem=problem,
        ordered=ordered,
    )


def _zip_members(stream: Stream, budget: Budget) -> Iterator[Member]:
    whole: IO[bytes] | io.RawIOBase
    if stream.descriptor is not None:
        whole = Seekable(stream.descriptor, stream.size)
    else:
        held = stream.read(_MOST + 1)
        if len(held) > _MOST:
            reason = f"a zip of over {_MOST >> 20} MiB inside a container"
            stream.problem = ("over_budget", reason)
            return
        whole = io.BytesIO(held)
    packed = stream.budget
    data = cast("IO[bytes]", whole)
    try:
        archive = zipfile.ZipFile(whole)
    except zipfile.BadZipFile as error:
        stream.problem = ("truncated", f"{error}: its index is missing or damaged")
        for member in cut_zip.found(data, packed.left):
            yield _cut_member(member, budget, packed)
        return
    with archive:
        first = min((item.header_offset for item in archive.infolist()), default=0)
        if first and not stream.peek().startswith((b"PK", *_PROGRAMS)):
            stream.problem = ("truncated", f"{first} bytes stand before it")
        bombs = cut_zip.overlapping(archive.infolist())
        for item in sorted(archive.infolist(), key=lambda i: i.filename):
            if not item.is_dir():
                twice = id(item) in bombs
                budgets = (budget, packed)
                wide = cut_zip.window(data, item) > MEMORY
                yield _zip_member(archive, item, budgets, overlaps=twice, wide=wide)
        for member in cut_zip.unnamed(data, archive, packed.left):
            reason = "members stand in it that its index does not name; they are read"
            stream.problem = ("truncated", reason)
            yield _cut_member(member, budget, packed)


def _cut_member(member: cut_zip.Found, budget: Budget, packed: Budget) -> Member:
    reader = member.reader
    return Member(
        name=member.name,
        size=member.size,
        mtime_us=None,
        stream=member_stream(reader, member.size, budget, packed) if reader else None,
        problem=("unreadable", member.problem) if member.problem else None,
        ordered=False,
    )


def _zip_member(
    archive: zipfile.ZipFile,
    item: zipfile.ZipInfo,
    budgets: tuple[Budget, Budget],
    *,
    overlaps: bool,
    wide: bool,
) -> Member:
    name = item.filename.encode("utf-8", "surrogateescape")
    problem = None
    stream = None
    if overlaps:
        problem = ("unreadable", "it overlaps another member, as in a zip bomb")
    elif wide:
        reason = f"unpacking its LZMA data takes over {MEMORY >> 20} MiB"
        problem = ("over_budget", reason)
    elif stat.S_ISLNK(item.external_attr >> 16):
        problem = ("unsupported", "link in a zip")
    elif item.flag_bits & _LOCKED:
        problem = ("unreadable", "locked with a password: unpack it and analyze that")
    else:
        try:
            part = Part(archive.open(item), item.CRC)
            stream = member_stream(part, item.file_size, *budgets)
        except DAMAGED as error:
            problem = ("unreadable", f"cannot be opened: {error}")
    return Member(
        name=name,
        size=item.file_size,
        mtime_us=_zip_time(item.date_time),
        stream=stream,
        problem=problem,
    )


def _zip_time(stamp: tuple[int, int, int, int, int, int]) -> int | None:
    try:
        return int(datetime(*stamp, tzinfo=UTC).timestamp()) * 1_000_000
    except ValueError:
        return None
