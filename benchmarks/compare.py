"""Ours beside the other engines: one command, the same run, the results checked.

    python benchmarks/compare.py                      # every kind, 200 MB, 3 rounds
    python benchmarks/compare.py --size 1000 --rounds 5 nginx waf

Every round runs each contender once, in turn, so that whatever else the machine does
hits all of them. `forensic parse` writes full event rows with offsets, line numbers,
hashes and the ledger; the peers write the table of `peers.py`. The figures are
medians; peak memory is watched in a run of its own, before. A contender whose result
differs from the others' makes the command fail.

The peers need the `benchmark` extra: `pip install -e '.[benchmark]'`. lnav and GoAccess
run where they are installed. On the mixed archive `parse` is held against `analyze`.
"""

import argparse
import compileall
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from generate import generate
from measure import Cost, measure
from peers import ENGINES, source
from tools import TOOLS, command, facts, installed

import forensic

__all__ = ["compare"]

_KINDS = ["nginx", "syslog", "waf", "alb", "mixed"]
#: What a result is recognised by: a count by value, and a sum.
_FACTS = {
    "nginx": ("status", "sent"),
    "syslog": ("process", "pid"),
    "waf": ("action", "code"),
    "alb": ("status", "sent"),
    "mixed": ("format", "sent"),
}
_OURS = {"sent": "bytes_sent"}
_OURSELVES = {"forensic": "parse", "analyze": "analyze"}
#: What the project wants to be at least, in throughput, against each engine.
_GOALS = {
    ("nginx", "chdb"): 1.5,
    ("nginx", "duckdb"): 2.5,
    ("nginx", "polars"): 1.0,
    ("syslog", "chdb"): 2.0,
    ("alb", "chdb"): 1.4,
    ("waf", "chdb"): 1.1,
    ("waf", "duckdb"): 1.4,
}
#: What `analyze` may take at most, against `parse` alone.
_WHOLE = 1.6


@dataclass(slots=True)
class Contender:
    """One engine on one archive: what its runs cost and what came out."""

    name: str
    peak: float = 0.0  # MB
    costs: list[Cost] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def median(self, name: str) -> float:
        """The median of one cost over all rounds."""
        return statistics.median(getattr(cost, name) for cost in self.costs)


def compare(
    kind: str, archive: Path, rounds: int, engines: Sequence[str], scratch: Path
) -> list[Contender]:
    """Run all contenders in turn, several times."""
    if kind == "mixed":
        engines = ["analyze"]
    elif kind != "nginx":
        engines = [name for name in engines if name not in TOOLS]
    contenders = [Contender("forensic"), *map(Contender, engines)]
    for one in contenders:
        # To look at the memory of several processes slows them: not while timed.
        one.peak = _run(one, kind, archive, scratch, watched=True).peak
    for _ in range(rounds):
        for one in contenders:
            one.costs.append(_run(one, kind, archive, scratch))
    return contenders


def _run(
    one: Contender, kind: str, archive: Path, scratch: Path, *, watched: bool = False
) -> Cost:
    target = scratch / "result"
    if target.is_dir():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    log = scratch / "log"
    cost = measure(_command(one.name, kind, archive, target), log, watched=watched)
    if one.name in TOOLS:
        found = facts(one.name, target)
    elif one.name in _OURSELVES:
        found = _facts(kind, pl.scan_parquet(target / "events"), _OURS)
    else:
        found = _facts(kind, pl.scan_parquet(target), {})
    if one.facts and one.facts != found:
        message = f"{one.name} gave another result on {kind} than in the round before"
        raise SystemExit(message)
    one.facts = found
    return cost


def _command(name: str, kind: str, archive: Path, target: Path) -> list[str]:
    """How a contender is run on the archive."""
    if name in TOOLS:
        return command(name, Path(source(kind, archive)), target)
    if name in _OURSELVES:
        ours = [sys.executable, "-m", "forensic", _OURSELVES[name], str(archive)]
        return [*ours, "--case", str(target)]
    script = str(Path(__file__).with_name("peers.py"))
    return [sys.executable, script, name, kind, str(archive), str(target)]


def _facts(kind: str, rows: pl.LazyFrame, names: dict[str, str]) -> dict[str, Any]:
    """Rows, a histogram and a sum by which results are held against each other."""
    by, total = _FACTS[kind]
    total = names.get(total, total)
    if kind == "waf" and "code" not in rows.collect_schema():
        total = "line"  # ours writes derived codes too; the sum is not compared
    counts = rows.group_by(pl.col(by).cast(pl.String)).len().collect()
    histogram = dict(sorted((str(key), n) for key, n in counts.iter_rows()))
    summed = rows.select(pl.col(total).cast(pl.Int64).sum()).collect().item()
    facts: dict[str, Any] = {"rows": sum(histogram.values()), by: histogram}
    return facts if kind == "waf" else facts | {f"sum of {_FACTS[kind][1]}": summed}


def _show(kind: str, size: int, contenders: Sequence[Contender]) -> bool:
    """Print one kind's table; whether all results are the same."""
    ours = contenders[0]
    print(f"\n{kind}: {size / 1e6:.0f} MB of log text, {ours.facts['rows']:,} rows")
    print(
        f"  {'':10}{'wall s':>8}{'MB/s':>8}{'CPU s':>8}{'peak MB':>9}"
        f"{'ours is':>10}  goal"
    )
    for one in contenders:
        wall = one.median("wall")
        ratio = wall / ours.median("wall")
        goal = _GOALS.get((kind, one.name))
        verdict = ""
        if goal:
            verdict = f"{goal:.1f}x {'met' if ratio >= goal else 'MISSED'}"
        elif one.name == "analyze":
            verdict = f"at most {_WHOLE}x {'met' if ratio <= _WHOLE else 'MISSED'}"
        print(
            f"  {one.name:10}{wall:8.2f}{size / 1e6 / wall:8.0f}"
            f"{one.median('cpu'):8.2f}{one.peak:9.0f}"
            f"{ratio:9.2f}x  {verdict}"
        )
    wrong = [one for one in contenders if one.facts != ours.facts]
    for one in wrong:
        print(f"  {one.name} has another result: {one.facts} instead of {ours.facts}")
    return not wrong


def main() -> None:
    """Read the arguments, compare, and end with 1 where results differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("kinds", nargs="*", help=f"of {', '.join(_KINDS)}; default all")
    parser.add_argument("--size", type=float, default=200, help="MB of log text")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engines", default=",".join([*ENGINES, *TOOLS]))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scratch", type=Path, help="where archives and results go")
    given = parser.parse_args()
    asked = [name for name in given.engines.split(",") if name]
    here = installed([name for name in asked if name in TOOLS])
    engines = [name for name in asked if name not in TOOLS or name in here]
    # As pip does when it installs: without it every process compiles our modules anew.
    compileall.compile_dir(Path(forensic.__file__).parent, quiet=1)
    same = True
    with tempfile.TemporaryDirectory(dir=given.scratch) as scratch:
        for kind in given.kinds or _KINDS:
            archive = Path(scratch, kind)
            size = generate(kind, archive, int(given.size * 1e6), given.seed)
            rows = compare(kind, archive, given.rounds, engines, Path(scratch))
            same &= _show(kind, size, rows)
            shutil.rmtree(archive)
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
