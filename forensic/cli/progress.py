"""Progress on stderr: only on a terminal, and only for what takes over a second."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress"]

_AFTER = 1.0
_EVERY = 0.2


@contextmanager
def progress() -> Iterator[Callable[[str, int], None]]:
    """A function that takes (stage, bytes read since the last call)."""
    began = last = time.monotonic()
    total = 0
    wrote = False

    def tell(stage: str, count: int) -> None:
        nonlocal last, total, wrote
        total += count
        now = time.monotonic()
        if not sys.stderr.isatty() or now - began < _AFTER or now - last < _EVERY:
            return
        last, wrote = now, True
        sys.stderr.write(
            f"\r{stage}: {total / 1e6:,.0f} MB in {now - began:.0f} s\x1b[K"
        )
        sys.stderr.flush()

    yield tell
    if wrote:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
