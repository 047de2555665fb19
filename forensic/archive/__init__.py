r"""The evidence: found, opened read-only by descriptor, decompressed, hashed.

Nothing here writes, follows a link or extracts a file to disk. A name is bytes; its
display form (invalid UTF-8 as `\\xhh`) is the `source` of all tables. A member of a
container (tar, zip; nested once) stands behind `!/`.
"""

import dataclasses
import errno
import hashlib
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from forensic.archive.budget import Budget
from forensic.archive.containers import is_container, members
from forensic.archive.streams import Stream, file_stream
from forensic.errors import UsageError
from forensic.place import is_own

__all__ = [
    "Entry",
    "entries",
    "hash_archives",
    "input_hash",
    "means",
    "open_source",
    "read_range",
    "spans_reader",
]

#: `!/` separates a container from its member, as in Java's jar URLs.
MEMBER = "!/"
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
#: The number of a name that another file has too.
_NUMBERED = re.compile(r"#\d+(?:/|$)")
#: The source, the name as bytes, the path, and why it is not opened (verdict, words).
_Found = tuple[str, bytes, bytes, tuple[str, str] | None]
#: A container in a container is opened, a third level is listed only.
_DEPTH = 2
#: More bytes that nobody wrote than this are not read through.
_HOLES = 64 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of the archive.

    `stream` is open until the next entry is asked for; it is None where the file
    could not be opened, and `problem` then says why (verdict, sentence). `ordered`
    is False for members of a streamed tar, which come in stored order.
    """

    source: str
    #: The name as bytes, below the archive or the container that holds it.
    raw_name: bytes
    size: int
    mtime_us: int | None
    stream: Stream | None
    problem: tuple[str, str] | None = None
    ordered: bool = True
    #: It held other files, which have entries of their own.
    container: bool = False
    #: What holds the container open around a member that was asked for by name.
    walk: Iterator["Entry"] | None = None


@dataclass(frozen=True, slots=True)
class _Budgets:
    """What a walk may unpack: of packed files, and of containers.

    What members hash to depends on the second one alone: for that, nobody need unpack
    them.
    """

    files: Budget = field(default_factory=Budget)
    containers: Budget = field(default_factory=Budget)

    def allow(self, stored: int) -> None:
        self.files.allow(stored)
        self.containers.allow(stored)


def display(raw: bytes) -> str:
    r"""A file name as text: UTF-8, what is not as `\\xhh`."""
    return raw.decode("utf-8", "backslashreplace")


def _archive_names(archives: Sequence[Path]) -> list[str]:
    """The prefix of each archive's sources: empty for one, its name for several."""
    if len(archives) == 1:
        return [""]
    names: list[str] = []
    for archive in archives:
        base = display(os.fsencode(archive.name)) or "archive"
        taken = sum(1 for name in names if name.split("#")[0] == base)
        names.append(f"{base}#{taken + 1}" if taken else base)
    return [f"{name}/" for name in names]


def entries(archives: Sequence[Path], budget: Budget | None = None) -> Iterator[Entry]:
    """Every file below the archives, by source; each open while it is current.

    All of them together unpack no more than the budget. Raises UsageError where an
    archive does not exist.
    """
    found: list[_Found] = []
    for archive, prefix in zip(archives, _archive_names(archives), strict=True):
        found += _files(archive, prefix)
    found.sort()
    budgets = _Budgets() if budget is None else _Budgets(budget, budget)
    taken: dict[str, int] = {}
    for source, raw, path, problem in found:
        entry = _opened(_unique(source, taken), raw, path, problem, budgets)
        yield from _unpacked(entry, budgets, 0, taken)


def _unique(source: str, taken: dict[str, int]) -> str:
    """The name, numbered where another file has the same display form."""
    name = source
    while name in taken:
        taken[source] += 1
        name = f"{source}#{taken[source]}"
    taken[name] = 1
    return name


def _files(archive: Path, prefix: str) -> list[_Found]:
    root = os.fsencode(archive)
    try:
        mode = os.stat(root).st_mode  # noqa: PTH116 (names are bytes)
    except OSError as error:
        message = f"{display(root)}: {error.strerror}"
        raise UsageError(message) from error
    if not stat.S_ISDIR(mode):
        name = os.path.basename(root.rstrip(b"/"))  # noqa: PTH119
        return [(prefix + display(name), name, os.path.realpath(root), None)]
    return list(_walk(root, prefix))


def _walk(folder: bytes, prefix: str) -> Iterator[_Found]:
    """Everything below a folder; links are not followed."""
    pending = [(folder, prefix, b"")]
    while pending:
        here, name, raw = pending.pop()
        try:
            with os.scandir(here) as listing:
                items = list(listing)
        except OSError as error:
            reason = f"folder cannot be read: {error.strerror}"
            yield (name.rstrip("/") or ".", raw, here, ("unreadable", reason))
            continue
        if {b"case.json", b"SHA256SUMS"} <= {item.name for item in items}:
            reason = "a case folder of this tool, no evidence"
            yield (name.rstrip("/") or ".", raw, here, ("unsupported", reason))
            # Whatever else somebody put there is evidence like any other.
            items = [item for item in items if not is_own(display(item.name))]
        for item in items:
            source, below = name + display(item.name), raw + item.name
            if item.is_symlink():
                target = display(_link(item.path))
                reason = f"symbolic link, not followed: {target}"
                yield (source, below, item.path, ("unsupported", reason))
            elif item.is_dir(follow_symlinks=False):
                pending.append((item.path, source + "/", below + b"/"))
            elif item.is_file(follow_symlinks=False):
                yield (source, below, item.path, None)
            else:
                reason = "neither a file nor a folder (pipe, socket or device)"
                yield (source, below, item.path, ("unsupported", reason))


def _link(path: bytes) -> bytes:
    try:
        return os.readlink(path)  # noqa: PTH115 (names are bytes)
    except OSError:
        return b"?"


def _open(path: bytes) -> int:
    """A descriptor for reading that leaves the access time alone where it may."""
    try:
        return os.open(path, _FLAGS | os.O_NOATIME)
    except PermissionError:
        return os.open(path, _FLAGS)


def _opened(
    source: str,
    raw: bytes,
    path: bytes,
    problem: tuple[str, str] | None,
    budgets: _Budgets,
) -> Entry:
    closed = Entry(
        source=source,
        raw_name=raw,
        size=0,
        mtime_us=None,
        stream=None,
        problem=problem,
    )
    if problem:
        return closed
    try:
        descriptor = _open(path)
    except OSError as error:
        reason = f"cannot be opened: {error.strerror}"
        return dataclasses.replace(closed, problem=("unreadable", reason))
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        return dataclasses.replace(closed, problem=("unsupported", "not a file"))
    found = dataclasses.replace(
        closed, size=status.st_size, mtime_us=status.st_mtime_ns // 1000
    )
    holes = _holes(descriptor, status.st_size)
    if holes > _HOLES:
        os.close(descriptor)
        reason = f"{holes >> 30} GiB of it are holes, which nobody wrote: not read"
        return dataclasses.replace(found, problem=("over_budget", reason))
    budgets.allow(status.st_size)
    stream = file_stream(descriptor, status.st_size, budgets.files)
    return dataclasses.replace(found, stream=stream)


def _holes(descriptor: int, size: int) -> int:
    """How many bytes of a file nobody wrote, as far as that matters.

    A log that was cut while it was written to begins with them; reading takes a minute
    for each 100 GB.
    """
    if size <= _HOLES:
        return 0
    found = place = 0
    try:
        while found <= _HOLES and place < size:
            data = os.lseek(descriptor, place, os.SEEK_DATA)
            found += data - place
            place = os.lseek(descriptor, data, os.SEEK_HOLE)
    except OSError as error:
        # No data from here on; other errors say that nobody knows.
        found += size - place if error.errno == errno.ENXIO else 0
    os.lseek(descriptor, 0, os.SEEK_SET)
    return found


def _unpacked(
    entry: Entry, budgets: _Budgets, depth: int, taken: dict[str, int]
) -> Iterator[Entry]:
    """The entry, and after it the members that it contains."""
    stream = entry.stream
    if stream is None:
        yield entry
        return
    try:
        if not is_container(stream):
            yield entry
            return
        if depth == _DEPTH:
            reason = "a container inside two others is not opened: unpack one of them"
            yield dataclasses.replace(entry, problem=("unreadable", reason))
            return
        stream.budget = Budget.of(stream.size, within=budgets.containers)
        for member in members(stream, budgets.files):
            inner = Entry(
                source=_unique(f"{entry.source}{MEMBER}{display(member.name)}", taken),
                raw_name=member.name,
                size=member.size,
                mtime_us=member.mtime_us,
                stream=member.stream,
                problem=member.problem,
                ordered=entry.ordered and member.ordered,
            )
            yield from _unpacked(inner, budgets, depth + 1, taken)
        # The container itself comes last: only now is its hash known. Its bytes
        # are accounted for by its members.
        yield dataclasses.replace(entry, container=True)
    finally:
        stream.close()


def input_hash(pairs: Iterable[tuple[str, str | None]]) -> str:
    """One hash over the names and hashes of all files, as `sha256sum` lists them."""
    whole = hashlib.sha256()
    for source, digest in pairs:
        whole.update(f"{digest or '-'}  {source}\n".encode())
    return whole.hexdigest()


def hash_archives(archives: Sequence[Path]) -> str:
    """The `input_hash` of archives as they are now; reads every stored byte."""
    found = [
        (entry.source, entry.stream.sha256 if entry.stream else None)
        for entry in entries(archives)
    ]
    return input_hash(sorted(found))


def open_source(archives: Sequence[Path], source: str) -> Entry:
    """The entry with that source, open; the caller closes its stream.

    Raises UsageError where no file of the archives has that name.
    """
    every = Budget(sys.maxsize)  # what is asked for was unpacked before
    near = _nearest(archives, source, _Budgets(every, every))
    for walk in (near, entries(archives, every)):
        for found in walk:
            if found.source == source and found.stream is not None:
                return dataclasses.replace(found, walk=walk)
    message = f"no file {source} in the archive"
    raise UsageError(message)


def _nearest(
    archives: Sequence[Path], source: str, budgets: _Budgets
) -> Iterator[Entry]:
    """The entries of the one file that the source's name leads to.

    Nothing where it may be another's: a folder's name may end as a container's mark
    does, and of names that look alike all but the first have numbers.
    """
    found: list[tuple[str, bytes]] = []
    for archive, prefix in zip(archives, _archive_names(archives), strict=True):
        parts = source.removeprefix(prefix).split(MEMBER)
        for count in range(1, len(parts) + 1 if source.startswith(prefix) else 1):
            outer = MEMBER.join(parts[:count])
            place = archive / outer if archive.is_dir() else archive
            named = archive.is_dir() or outer == display(os.fsencode(archive.name))
            if named and ".." not in outer.split("/") and place.is_file():
                found.append((prefix + outer, os.fsencode(place)))
    if len(found) != 1 or _NUMBERED.search(found[0][0]):
        return
    name, path = found[0]
    entry = _opened(name, os.fsencode(name), path, None, budgets)
    taken = {name: 1}
    yield from [entry] if name == source else _unpacked(entry, budgets, 0, taken)


def read_range(entry: Entry, offset: int, length: int) -> bytes:
    """Up to `length` decompressed bytes of the entry from `offset` on."""
    stream = entry.stream
    if stream is None:
        return b""
    stream.skip_to(offset)
    return stream.read(length)


def spans_reader(archives: Sequence[Path]) -> Callable[[str, int, int], bytes]:
    """A function (source, offset, length) ▶ the bytes of the evidence.

    It keeps the last source open, so that spans asked for in order cost one pass
    over a compressed file.
    """
    kept: list[Entry] = []

    def read_span(source: str, offset: int, length: int) -> bytes:
        entry = kept[0] if kept else None
        behind = entry is None or entry.stream is None or entry.source != source
        if behind or (entry and entry.stream and entry.stream.position > offset):
            if entry and entry.stream:
                entry.stream.close()
            kept[:] = [open_source(archives, source)]
        return read_range(kept[0], offset, length)

    return read_span


def means(glob: str, source: str) -> bool:
    """Whether a person's pattern means a file: its path, or its name alone."""
    name = source.rsplit("/", 1)[-1]
    return fnmatchcase(source, glob) or fnmatchcase(name, glob)
