"""Where our own time goes: `analyze` on one archive, stage by stage.

    python benchmarks/stages.py nginx --size 100
    python benchmarks/stages.py /path/to/archive

Everything runs in one process and one thread, so that CPU seconds are comparable;
a stage's figure holds the stages indented below it. Times of parse do not overlap
here as they do with worker processes.
"""

import argparse
import functools
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # read when polars is imported

from generate import KINDS, generate

from forensic import pipeline

#: Depth, what it is, file and function. The functions of a depth do not overlap.
_STAGES = [
    (0, "find and read configuration", "events/configuration.py", "survey"),
    (0, "read the archive; with the next two", "events/__init__.py", "_read"),
    (1, "read and hash", "events/feed.py", "_fill"),
    (1, "recognise formats", "events/feed.py", "_recognise"),
    (1, "count lines", "events/cuts.py", "count_lines"),
    (1, "block borders", "events/cuts.py", "border"),
    (0, "parse blocks", "events/unit.py", "parse_block"),
    (1, "index of lines", "lines.py", "ends_of_lines"),
    (1, "texts of lines", "lines.py", "texts"),
    (1, "formats: lines to columns", "events/rows.py", "parse_rows"),
    (2, "lines that the first format refused", "events/rows.py", "_try"),
    (2, "open envelopes", "events/rows.py", "_opened"),
    (1, "shape: places, times, types", "events/shape.py", "shaped"),
    (2, "classes of addresses", "fields/addresses.py", "address_scopes"),
    (1, "unparsed rows", "events/shape.py", "unparsed_rows"),
    (1, "ledger", "events/unit.py", "_ledger"),
    (0, "write parts", "events/tasks.py", "_write"),
    (0, "what parts tell of clocks", "clock/collect.py", "collect"),
    (0, "clocks", "clock/__init__.py", "infer"),
    (0, "settle times of pending parts", "events/tasks.py", "settle"),
    (0, "correlate hops, write requests", "pipeline.py", "_correlate"),
    (1, "gaps", "gaps.py", "find"),
    (0, "findings", "findings.py", "detect"),
    (0, "reports", "pipeline.py", "_report"),
    (0, "hash the case", "case.py", "publish_sums"),
]


class _Clock:
    """CPU seconds within the functions of _STAGES, which it wraps where they are used.

    No profiler: that would charge every small call of the rest.
    """

    def __init__(self) -> None:
        self.spent: dict[tuple[str, str], float] = {}
        self.wrapped: dict[Callable[..., Any], Callable[..., Any]] = {}
        modules = [m for name, m in sys.modules.items() if name.startswith("forensic")]
        for _, _, file, name in _STAGES:
            home = f"forensic/{file}".removesuffix(".py").removesuffix("/__init__")
            module = sys.modules[home.replace("/", ".")]
            for owner in [*modules, *vars(module).values()]:
                self._wrap(owner, name, module.__name__, (file, name))
        if len(self.wrapped) < len(_STAGES):
            message = "a stage is named that no module has"
            raise RuntimeError(message)

    def _wrap(self, owner: Any, name: str, home: str, key: tuple[str, str]) -> None:
        found = vars(owner).get(name) if hasattr(owner, "__dict__") else None
        static = isinstance(found, staticmethod)
        call = found.__func__ if static else found
        if getattr(call, "__module__", None) != home or isinstance(call, type):
            return
        if call in self.wrapped.values():
            return
        if call not in self.wrapped:
            self.wrapped[call] = self._timed(call, key)
        timed = self.wrapped[call]
        setattr(owner, name, staticmethod(timed) if static else timed)

    def _timed(
        self, call: Callable[..., Any], key: tuple[str, str]
    ) -> Callable[..., Any]:
        depth = 0

        @functools.wraps(call)
        def timed(*arguments: Any, **named: Any) -> Any:
            nonlocal depth
            depth += 1
            began = time.process_time()
            try:
                return call(*arguments, **named)
            finally:
                depth -= 1
                if not depth:  # what calls itself counts once
                    spent = time.process_time() - began
                    self.spent[key] = self.spent.get(key, 0.0) + spent

        return timed


def main() -> None:
    """Read the arguments, analyze the archive, print its stages."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("archive", help=f"a folder, or one of {', '.join(KINDS)}")
    parser.add_argument("--size", type=float, default=100, help="MB, where generated")
    given = parser.parse_args()
    scratch = Path(tempfile.mkdtemp())
    try:
        archive = Path(given.archive)
        if given.archive in KINDS:
            archive = scratch / "archive"
            generate(given.archive, archive, int(given.size * 1e6))
        clock = _Clock()
        request = pipeline.Request(archives=(archive,), case=scratch / "case", jobs=0)
        wall, cpu = time.perf_counter(), time.process_time()
        pipeline.analyze(request, lambda _what, _n: None)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        sources = pipeline.events.Case(scratch / "case").table("sources").collect()
    finally:
        shutil.rmtree(scratch)
    size = int(sources["stream_size"].sum()) / 1e9
    print(f"{size * 1e3:.0f} MB of log text: {cpu:.2f} s CPU, {wall:.2f} s wall")
    print(f"{'':44}{'CPU s':>8}{'s/GB':>8}{'share':>8}")
    for depth, what, file, name in _STAGES:
        spent = clock.spent.get((file, name), 0.0)
        label = "  " * depth + what
        print(f"{label:44}{spent:8.2f}{spent / size:8.2f}{spent / cpu:8.0%}")


if __name__ == "__main__":
    main()
