"""How many processes a run gets: by its size, by the cores, by the memory allowed.

The blocks that evidence is cut into never change, because the bytes of a case follow
from them; fewer processes is what needs less memory.
"""

import contextlib
import os
import re
import resource
from collections.abc import Iterator, Sequence
from pathlib import Path

from forensic.errors import UsageError

__all__ = ["cores", "memory", "processes", "too_few_addresses"]

#: Below this a second process takes longer to start than it saves.
_SMALL = 4 << 20
#: Compressed logs grow about tenfold.
_PACKED = {".gz", ".zst", ".xz", ".bz2", ".tgz", ".zip"}
#: More processes than any machine has cores are a slip of the keyboard.
_MOST = 1024
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
#: Peaks that were measured, rounded up: everything in one process, the process that
#: reads for others, each of those.
_ALONE, _READER, _WORKER = 450 << 20, 250 << 20, 250 << 20
#: Addresses that a process reserves, most of which it never fills: under 3 GiB polars
#: was seen to abort, which nothing in the process can prevent.
_ADDRESSES = 4 << 30


def processes(
    archives: Sequence[Path], asked: int | None = None, most: int | None = None
) -> int:
    """How many worker processes: 0 says that this one does everything.

    `asked` is what the user wants, `most` how many bytes all of them may take. Raises
    UsageError where they are too few.
    """
    if asked is not None and not 0 <= asked <= _MOST:
        message = f"--jobs wants 0 to {_MOST}, not {asked}"
        raise UsageError(message)
    wanted = asked
    if wanted is None:
        wanted = 0 if _total_size(archives) < _SMALL else cores()
    if most is None or _estimate(wanted) <= most:
        return wanted
    if most < _ALONE:
        message = (
            f"--max-memory is {_megabytes(most)}, and parsing takes up to "
            f"{_megabytes(_ALONE)} in one process: allow at least that"
        )
        raise UsageError(message)
    if asked is not None:
        message = (
            f"--jobs {asked} takes up to {_megabytes(_estimate(asked))}, and "
            f"--max-memory is {_megabytes(most)}: ask for fewer, or leave --jobs out"
        )
        raise UsageError(message)
    return max(count for count in range(wanted) if _estimate(count) <= most)


def memory(text: str) -> int:
    """Bytes of a size like 2G, 800M or 1.5G; raises UsageError for anything else."""
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,3})?) ?([KMGT]?)(?:I?B)?", text.upper())
    if not found:
        message = f"--max-memory wants a size like 2G or 800M, not {text}"
        raise UsageError(message)
    return int(float(found[1]) * _UNITS[found[2]])


def too_few_addresses() -> str | None:
    """What to say where the shell allows a process too few addresses."""
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY or most >= _ADDRESSES:
        return None
    return (
        f"a process may have {_megabytes(most)} of addresses here, and reserves up "
        f"to {_megabytes(_ADDRESSES)}, most of which it never fills: allow that "
        "(ulimit -v unlimited); what bounds memory is --max-memory"
    )


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def _estimate(count: int) -> int:
    """The most memory that so many worker processes take, with the one they serve."""
    return _READER + count * _WORKER if count else _ALONE


def _megabytes(count: int) -> str:
    return f"{count / (1 << 20):,.0f} MB"


def _total_size(archives: Sequence[Path]) -> int:
    """Stored bytes of the archives, counted up to where it no longer matters."""
    total = 0
    for path in _files(archives):
        with contextlib.suppress(OSError):
            total += path.stat().st_size * (10 if path.suffix in _PACKED else 1)
        if total >= _SMALL:
            break
    return total


def _files(archives: Sequence[Path]) -> Iterator[Path]:
    """The files of the archives; however deep they lie, no call lies in a call."""
    pending = [str(archive) for archive in archives if archive.is_dir()]
    yield from (archive for archive in archives if archive.is_file())
    while pending:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as listing:
            for item in listing:
                if item.is_dir(follow_symlinks=False):
                    pending.append(item.path)
                elif item.is_file(follow_symlinks=False):
                    yield Path(item.path)
