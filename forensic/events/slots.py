"""Shared buffers: the parent reads evidence into them, a worker parses it there.

A slot is anonymous memory (memfd) that both processes map: no copy between them,
both see the same bytes, and nothing is left behind however a run ends. The worker
gets a descriptor through which it can only read.
"""

import contextlib
import mmap
import os
from collections.abc import Iterator

__all__ = ["Slot", "mapped"]


class Slot:
    """A mapped buffer of fixed size that another process can map, given `reader`."""

    def __init__(self, size: int) -> None:
        """A new buffer; its pages are taken when they are written."""
        self.descriptor = os.memfd_create("forensic-slot", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, size)
        own = f"/proc/self/fd/{self.descriptor}"
        self.reader = os.open(own, os.O_RDONLY | os.O_CLOEXEC)
        self.size = size
        self.map = mmap.mmap(self.descriptor, size)
        self.view = memoryview(self.map)

    def close(self) -> None:
        """Give the memory back."""
        self.view.release()
        with contextlib.suppress(BufferError):  # somebody's view: freed with it
            self.map.close()
        os.close(self.descriptor)
        os.close(self.reader)


@contextlib.contextmanager
def mapped(reader: int, size: int) -> Iterator[memoryview]:
    """The first bytes of a slot, in any process, read-only."""
    buffer = mmap.mmap(reader, size, prot=mmap.PROT_READ)
    view = memoryview(buffer)
    yield view
    # Arrow may still hold the buffer; the map goes when the last user does.
    with contextlib.suppress(BufferError):
        view.release()
        buffer.close()
