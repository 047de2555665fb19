"""What nobody who delivers our table can save: `parse` held against the bare work.

    python benchmarks/floor.py                   # every kind, 200 MB
    python benchmarks/floor.py syslog --size 500

The bare work: start the processes, read, decompress and hash the evidence, find the
lines and lay them out as Arrow texts, write the finished event table. No field is cut,
no time read, no clock set. CPU seconds, medians; a target of throughput below the floor
is out of reach of any parser, and what lies between floor and `parse` is ours to save.
"""

import argparse
import hashlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # read when polars is imported

import numpy as np
import polars as pl
import pyarrow as pa
from generate import KINDS, generate
from measure import measure

from forensic.archive import entries
from forensic.events import BLOCK
from forensic.lines import ends_of_lines, texts
from forensic.parquet import arrow, write_table

_JOBS = 2
_PARTS = ["start", "read and hash", "lines", "write"]


def _blocks(archive: Path) -> Iterator[bytes]:
    """The archive's text in blocks of whole lines."""
    for entry in entries([archive]):
        while entry.stream and (block := entry.stream.read(BLOCK)):
            yield block[: block.rfind(b"\n") + 1]


def _read(archive: Path) -> None:
    """Read everything; a stream hashes what is stored while it is read."""
    for entry in entries([archive]):
        behind = hashlib.sha256()  # what is compressed has a second hash, of its text
        while entry.stream and (block := entry.stream.read(BLOCK)):
            if entry.stream.codec != "plain":
                behind.update(block)


def _lines(block: bytes) -> None:
    ends = ends_of_lines(memoryview(block))
    starts = np.concatenate([[0], ends[:-1]])
    texts(memoryview(block), starts, ends)


def _spent(began: float) -> float:
    return time.process_time() - began


def _bare(archive: Path, case: Path, log: Path) -> dict[str, float]:
    """CPU seconds of each part of the bare work, once."""
    started = [sys.executable, "-c", "import forensic.events.tasks"]
    spent = dict.fromkeys(_PARTS, 0.0)
    spent["start"] = measure(started, log, watched=False).cpu * (1 + _JOBS)
    began = time.process_time()
    _read(archive)
    spent["read and hash"] = _spent(began)
    for block in _blocks(archive):
        began = time.process_time()
        _lines(block)
        spent["lines"] += _spent(began)
    for part in sorted(case.glob("events/*.parquet")):
        table = arrow(pl.read_parquet(part))
        began = time.process_time()
        write_table(table, pa.BufferOutputStream())
        spent["write"] += _spent(began)
    return spent


def _show(kind: str, size: int, scratch: Path, rounds: int) -> None:
    """Print one kind's row."""
    archive, case, log = scratch / kind, scratch / "case", scratch / "log"
    written = generate(kind, archive, size)
    command = [sys.executable, "-m", "forensic", "parse", str(archive)]
    command += ["--case", str(case), "--jobs", str(_JOBS)]
    ours, bare = [], []
    for _ in range(rounds):
        shutil.rmtree(case, ignore_errors=True)
        ours.append(measure(command, log, watched=False).cpu)
        bare.append(_bare(archive, case, log))
    parts = [statistics.median(one[name] for one in bare) for name in _PARTS]
    floor, whole = sum(parts), statistics.median(ours)
    cells = "".join(f"{cost:15.2f}" for cost in [*parts, floor, whole])
    print(f"{kind:8}{cells}{whole / floor:9.2f}x")
    most = written / 1e6 * _JOBS / floor
    print(f"{'':8}two cores that did only the bare work: {most:.0f} MB/s")


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("kinds", nargs="*", help=f"of {', '.join(KINDS)}; default all")
    parser.add_argument("--size", type=float, default=200, help="MB of log text")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    head = "".join(f"{name:>15}" for name in [*_PARTS, "bare in all", "parse"])
    print(f"{'CPU s':8}{head}{'ratio':>10}")
    for kind in given.kinds or KINDS:
        with tempfile.TemporaryDirectory() as scratch:
            _show(kind, int(given.size * 1e6), Path(scratch), given.rounds)


if __name__ == "__main__":
    main()
