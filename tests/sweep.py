"""Faults by the thousand, for which CI has no time: `python -m tests.sweep --rounds N`.

Each trial hurts a run or a case in one way and looks whether the promise held: after
any kill or failed call the case is a finished one or none, no run says "done" with a
loss, the next run gives the bytes of a run that nobody hurt, and damage is told. It
prints what was tried and how many held; exit code 1 where one did not.
"""

import argparse
import bz2
import gzip
import lzma
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from pathlib import Path

from backports import zstd

from forensic.case import Case
from forensic.events import ParseOptions, parse
from tests.test_determinism import STORY, hashes

__all__ = ["TRIALS", "Ground", "Tally", "sweep"]

ROOT = Path(__file__).parent.parent
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
#: What a run writes with, and how each call fails on a real machine.
FAULTS = {
    "write": "ENOSPC EIO EDQUOT EFBIG",
    "fsync": "EIO ENOSPC",
    "rename": "EIO ENOSPC EROFS",
    "mkdir": "ENOSPC EROFS",
    "unlink": "EIO EROFS",
    "ftruncate": "EIO ENOSPC",
    "memfd_create": "EMFILE ENOMEM",
}
#: Sizes of a disk, in KiB, between nothing and more than a case takes.
DISK = (4, 1200)


class NotHereError(Exception):
    """Why a kind of trial cannot be made on this machine."""


@dataclass
class Tally:
    """How often a kind of trial was made, and what did not hold."""

    name: str
    tried: int = 0
    broken: list[str] = field(default_factory=list)
    skipped: str = ""

    def line(self) -> str:
        """One line for people."""
        if self.skipped:
            return f"{self.name:9}  not tried: {self.skipped}"
        held = self.tried - len(self.broken)
        return f"{self.name:9}  {held} of {self.tried} held"


@dataclass
class Ground:
    """Where trials are made: a folder, a seeded choice, and what a good run gives."""

    folder: Path
    rng: random.Random

    def command(self, case: Path, jobs: int = 0) -> list[str]:
        """The command of a run into a case."""
        words = ["analyze", str(STORY), "--case", str(case), "--jobs", str(jobs)]
        return [sys.executable, "-B", "-m", "forensic", *words]

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """A command that may fail."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )

    def fresh(self) -> Path:
        """Where no case is yet."""
        case = self.folder / "hurt.case"
        shutil.rmtree(case, ignore_errors=True)
        return case

    @cached_property
    def good(self) -> tuple[dict[str, str], float]:
        """The hashes of a case that nobody hurt, and the seconds it took."""
        began = time.monotonic()
        done = self.run(self.command(self.folder / "good.case", 2))
        if done.returncode:
            raise NotHereError(done.stderr)
        return hashes(self.folder / "good.case"), time.monotonic() - began

    def hurt(self, case: Path) -> str:
        """What a case may not be after a run that was hurt; empty where all is well."""
        stands = Case(case)
        if stands.is_complete and not stands.check_sums():
            return "" if hashes(case) == self.good[0] else "a finished case is wrong"
        return ""

    def healed(self, case: Path) -> str:
        """What the next run did not make good."""
        done = self.run(self.command(case))
        if done.returncode:
            return f"the next run gave {done.returncode}: {done.stderr[-300:]}"
        if Case(case).check_sums() or hashes(case) != self.good[0]:
            return "the next run gave another case"
        left = [
            p.name for p in case.iterdir() if p.name[0] == "." and p.name != ".lock"
        ]
        return f"left behind: {left}" if left else ""

    def judged(self, case: Path, done: subprocess.CompletedProcess[str]) -> str:
        """What was wrong with a run some call of which failed."""
        if "Traceback" in done.stderr or "panicked" in done.stderr:
            return f"it broke: {done.stderr[-600:]}"
        if done.returncode not in {0, 2, 5}:
            return f"exit code {done.returncode}: {done.stderr[-300:]}"
        if done.returncode == 0 and hashes(case) != self.good[0]:
            return "it said done, with a loss"
        return self.hurt(case) or self.healed(case)


Trial = Callable[[Ground, int], Iterator[str]]


def kill(ground: Ground, rounds: int) -> Iterator[str]:
    """`kill -9` at any moment, of the run alone and of it with its workers."""
    for number in range(rounds):
        case = ground.fresh()
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        running = subprocess.Popen(  # (its end is waited for below)
            ground.command(case, 2),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        moment = ground.rng.uniform(0, ground.good[1])
        time.sleep(moment)
        if number % 2:
            running.kill()
        else:
            os.killpg(running.pid, signal.SIGKILL)
        said = running.communicate(timeout=60)[1]  # its workers hold stderr open
        wrong = f"a worker said {said[-300:]!r}" if said else ""
        wrong = wrong or ground.hurt(case) or ground.healed(case)
        yield f"killed after {moment:.3f} s: {wrong}" if wrong else ""


def _strace(
    ground: Ground, case: Path, call: str, action: str, *more: str
) -> list[str]:
    """A run under strace, in which something happens to a call."""
    if not shutil.which("strace"):
        message = "strace is not installed"
        raise NotHereError(message)
    log = str(ground.folder / "calls")
    tracing = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", log, "-e", f"trace={call}"]
    inject = ["-e", f"inject={call}:{action}"] if action else []
    return [*tracing, *inject, *more, *ground.command(case)]


def _counts(ground: Ground, names: Iterable[str]) -> dict[str, int]:
    """How often the busiest thread of a run makes each call; those that it makes."""
    ground.run(_strace(ground, ground.fresh(), ",".join(names), ""))
    log = (ground.folder / "calls").read_text("utf-8", "replace")
    wanted = rf"^(\d+) +({'|'.join(names)})\("  # strace logs others that it knows not
    made = Counter(re.findall(wanted, log, re.MULTILINE))
    return {name: most for (_, name), most in sorted(made.items(), key=itemgetter(1))}


def fault(ground: Ground, rounds: int) -> Iterator[str]:
    """A call that writes fails, with every error that it has on a real machine."""
    counts = _counts(ground, FAULTS)
    for _ in range(rounds):
        call = ground.rng.choice(sorted(counts))
        error = ground.rng.choice(FAULTS[call].split())
        which = ground.rng.randint(1, counts[call])
        case = ground.fresh()
        hurt = _strace(ground, case, call, f"error={error}:when={which}")
        wrong = ground.judged(case, ground.run(hurt))
        yield f"{call} {which} gave {error}: {wrong}" if wrong else ""


def strike(ground: Ground, rounds: int) -> Iterator[str]:
    """`kill -9` at a call that writes."""
    counts = _counts(ground, ["write", "rename", "unlink"])
    for _ in range(rounds):
        call = ground.rng.choice(sorted(counts))
        which = ground.rng.randint(1, counts[call])
        case = ground.fresh()
        ground.run(_strace(ground, case, call, f"signal=KILL:when={which}"))
        wrong = ground.hurt(case) or ground.healed(case)
        yield f"killed at {call} {which}: {wrong}" if wrong else ""


def unread(ground: Ground, rounds: int) -> Iterator[str]:
    """A file of the evidence cannot be read on: told, and no other file is lost."""
    files = sorted(path for path in STORY.rglob("*") if path.is_file())
    for _ in range(rounds):
        path, case = ground.rng.choice(files), ground.fresh()
        which = ground.rng.randint(1, 3)
        action = f"error=EIO:when={which}"
        hurt = _strace(ground, case, "readv,pread64", action, "-P", str(path))
        done = ground.run(hurt)
        source = path.relative_to(STORY).as_posix()
        rows = Case(case).table("sources").select("source", "verdict").collect().rows()
        told = {name for name, verdict in rows if verdict == "unreadable"}
        fine = told == {source} if done.returncode == 3 else done.returncode == 0
        wrong = "" if fine and told <= {source} else f"{done.returncode}, told {told}"
        yield f"read {which} of {source} gave EIO: {wrong}" if wrong else ""


def disk(ground: Ground, rounds: int) -> Iterator[str]:
    """A disk that is too small by any amount."""
    small = ground.folder / "disk"
    small.mkdir(exist_ok=True)
    script = 'mount -t tmpfs -o size="$0"k none "$1" && shift && exec "$@"'
    alone = ["unshare", "-m", "sh", "-c", script, "16", str(small)]
    if not shutil.which("unshare") or ground.run([*alone, "true"]).returncode:
        message = "this user may not mount a disk"
        raise NotHereError(message)
    for _ in range(rounds):
        size = ground.rng.randint(*DISK)
        alone[5] = str(size)
        done = ground.run([*alone, *ground.command(small / "x.case")])
        wrong = done.returncode not in {0, 5} or "Traceback" in done.stderr
        yield f"{size} KiB: {done.returncode} {done.stderr[-300:]}" if wrong else ""


def cut(ground: Ground, rounds: int) -> Iterator[str]:
    """A compressed log cut at any byte: its good beginning is kept, its end is told."""
    lines = (STORY / "nginx" / "access.log").read_bytes()
    archive = ground.folder / "cut"
    archive.mkdir(exist_ok=True)
    packed = {codec: pack(lines) for codec, pack in PACK.items()}
    for number in range(rounds):
        codec = list(PACK)[number % len(PACK)]
        data = packed[codec]
        end = ground.rng.randint(8, len(data) - 1)
        (archive / "access.log").write_bytes(data[:end])
        case = Case(ground.fresh())
        with case.locked():
            row = parse([archive], case, ParseOptions(jobs=0)).row(0, named=True)
        kinds = ("events", "continuation", "blank", "header", "unparsed")
        fine = row["verdict"] == "truncated"
        fine = fine and row["lines"] == sum(row[f"{kind}_lines"] for kind in kinds)
        fine = fine and row["events"] >= lines[: row["stream_size"]].count(b"\n") - 1
        yield "" if fine else f"{codec} cut at byte {end}: {row}"


def flip(ground: Ground, rounds: int) -> Iterator[str]:
    """One bit of a finished case flips: `verify` names it."""
    whole = ground.good[0]  # makes the case
    case = Case(ground.folder / "good.case")
    names = [*whole, "case.json", "SHA256SUMS"]
    for number in range(rounds):
        name = names[number % len(names)]
        path = case.path(name)
        data = path.read_bytes()
        bit = ground.rng.randrange(8 * len(data))
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        path.write_bytes(broken)
        told = case.check_sums()
        path.write_bytes(data)
        yield "" if told else f"bit {bit} of {name} flipped, and nothing was told"


#: Name ▶ trials, and how many of the quick ones weigh as much as one of the others.
TRIALS: dict[str, tuple[Trial, int]] = {
    "flip": (flip, 20),
    "cut": (cut, 4),
    "kill": (kill, 1),
    "strike": (strike, 1),
    "fault": (fault, 1),
    "unread": (unread, 1),
    "disk": (disk, 1),
}


def sweep(ground: Ground, name: str, rounds: int) -> Tally:
    """The tally of one kind of trial."""
    tally = Tally(name)
    trial, weight = TRIALS[name]
    try:
        for wrong in trial(ground, rounds * weight):
            tally.tried += 1
            if wrong:
                tally.broken.append(wrong)
    except NotHereError as reason:
        tally.skipped = str(reason)
    return tally


def main() -> int:
    """Run the trials that were asked for; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("names", nargs="*", metavar="TRIAL", help=", ".join(TRIALS))
    asked = parser.parse_args()
    bad = False
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.names or TRIALS:
            ground = Ground(Path(folder), random.Random(asked.seed))
            tally = sweep(ground, name, asked.rounds)
            sys.stdout.write(tally.line() + "\n")
            sys.stdout.writelines(f"  {wrong}\n" for wrong in tally.broken)
            sys.stdout.flush()
            bad = bad or bool(tally.broken)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
