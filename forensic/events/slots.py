"""Shared buffers: the parent reads evidence into them, a worker parses it there.

A slot is a file in memory (`/dev/shm`), or beside the case where that is too small,
mapped by both processes: no copy between them, and both see the same bytes.
"""

import contextlib
import mmap
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Slot", "mapped", "open_slot"]

_MEMORY = Path("/dev/shm")  # noqa: S108 (the kernel's shared memory)


class Slot:
    """A mapped buffer of fixed size that another process can map by its path."""

    def __init__(self, path: Path, descriptor: int, size: int) -> None:
        self.path = path
        self.size = size
        self.map = mmap.mmap(descriptor, size)
        self.view = memoryview(self.map)

    def close(self) -> None:
        """Remove the buffer."""
        self.view.release()
        with contextlib.suppress(BufferError):
            self.map.close()
        self.path.unlink(missing_ok=True)


def open_slot(size: int, fallback: Path) -> Slot:
    """A new slot; in the folder `fallback` where shared memory is full or absent."""
    try:
        return _allocated(_MEMORY, size)
    except OSError:
        return _allocated(fallback, size)


def _allocated(folder: Path, size: int) -> Slot:
    descriptor, name = tempfile.mkstemp(prefix="forensic-", dir=folder)
    try:
        # Allocated now: a full memory file system is an error here, not a SIGBUS later.
        os.posix_fallocate(descriptor, 0, size)
        return Slot(Path(name), descriptor, size)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def mapped(path: str, size: int) -> Iterator[memoryview]:
    """A slot's bytes in another process, read-only."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        buffer = mmap.mmap(descriptor, size, prot=mmap.PROT_READ)
    finally:
        os.close(descriptor)
    view = memoryview(buffer)
    yield view
    # Arrow may still hold the buffer; the map goes when the last user does.
    with contextlib.suppress(BufferError):
        view.release()
        buffer.close()
