"""What each format costs: CPU microseconds a line, dearest first.

    python benchmarks/formats.py                 # every format
    python benchmarks/formats.py iis app_json

The lines are those that it parses of its own fixtures, over and over: every layout that
it knows, so that a log of the usual one costs less. What stands far above its
neighbours looks at each line in Python, or runs an expression that others do not need.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # read when polars is imported

import polars as pl

from forensic.format import Format
from forensic.formats import all_formats

_FIXTURES = Path(__file__).parents[1] / "fixtures" / "formats"
_ROUNDS = 3


def _lines(fmt: Format) -> pl.Series:
    """The lines of its fixtures that a format parses one by one."""
    files = sorted(
        path for path in (_FIXTURES / fmt.name).iterdir() if path.suffix != ".ndjson"
    )
    texts = [path.read_bytes().decode("utf-8", "replace") for path in files]
    lines = pl.Series([line for text in texts for line in text.splitlines()])
    return lines.filter(fmt.parse(lines)["refused"].is_null())


def _cost(fmt: Format, size: int) -> tuple[float, float] | None:
    """CPU seconds a line, and a byte; None where no fixture is parsed by lines."""
    lines = _lines(fmt)
    once = int(lines.str.len_bytes().sum()) if len(lines) else 0
    if not once:
        return None
    many = pl.concat([lines] * max(1, size // once)).rechunk()
    spent = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        fmt.parse(many)
        spent.append(time.process_time() - began)
    return min(spent) / len(many), min(spent) / int(many.str.len_bytes().sum())


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("formats", nargs="*", help="default: all")
    parser.add_argument("--size", type=float, default=2, help="MB of lines for each")
    given = parser.parse_args()
    wanted = [f for f in all_formats() if f.name in given.formats or not given.formats]
    costs = [
        (cost, f.name) for f in wanted if (cost := _cost(f, int(given.size * 1e6)))
    ]
    print(f"{'format':24}{'us a line':>12}{'MB/s':>10}")
    for (line, byte), name in sorted(costs, reverse=True):
        print(f"{name:24}{line * 1e6:12.2f}{1 / byte / 1e6:10.1f}")


if __name__ == "__main__":
    main()
