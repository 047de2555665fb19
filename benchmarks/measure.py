"""Run a command and say what it cost: wall, CPU, peak memory of its process tree."""

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cost", "measure"]

_EVERY = 0.05


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took."""

    wall: float  # seconds
    cpu: float  # seconds, user and system, of all processes
    peak: float  # MB, proportional set size of all processes


def measure(command: Sequence[str], log: Path, *, watched: bool = True) -> Cost:
    """Run the command to its end; its output goes to `log`.

    The peak is 0 where it is not watched, which costs time.

    Raises CalledProcessError with that output where the command fails.
    """
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    sampler = _Sampler(process.pid)
    if watched:
        sampler.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    sampler.done.set()
    if watched:
        sampler.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        text = log.read_text("utf-8", "replace")
        raise subprocess.CalledProcessError(process.returncode, command, text)
    # Memory that several processes share counts once: hence not the resident size.
    return Cost(wall, usage.ru_utime + usage.ru_stime, sampler.peak / 1000)


class _Sampler(threading.Thread):
    """Looks at the memory of a process tree again and again."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.peak = 0  # kB
        self.done = threading.Event()

    def run(self) -> None:
        """Look until the command is done."""
        while not self.done.wait(_EVERY):
            self.peak = max(self.peak, sum(map(_memory, _tree(self.pid))))


def _tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children = (task / "children").read_text().split()
            for child in children:
                found += _tree(int(child))
    return found


def _memory(pid: int) -> int:
    """The proportional set size of a process, in kB; 0 where it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
