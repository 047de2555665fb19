"""The sandbox: what evil code would do, the kernel refuses; a run is the same."""

import errno
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from forensic import pipeline
from forensic.case import Case
from forensic.sandbox import Held
from forensic.workers import Workers
from tests.test_determinism import STORY, analyzed, hashes

#: What the kernel here can do, asked of a process of its own.
_HELD = "import sys, pathlib; import forensic.sandbox as s; {}; print(s.confine(p))"


def _confined(folder: Path, then: str = "p = pathlib.Path(sys.argv[1])") -> str:
    """What `confine` says in a process of its own."""
    command = [sys.executable, "-c", _HELD.format(then), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _opened_up(path: Path) -> None:
    with path.open("rb") as file:
        os.fchmod(file.fileno(), 0o777)


def _attempts(root: Path) -> dict[str, Callable[[], object]]:
    """What evil code may try, by name."""
    evidence, case = root / "export" / "access.log", root / "x.case"
    return {
        "append": lambda: evidence.open("ab"),
        "cut": lambda: os.truncate(evidence, 0),
        "remove": evidence.unlink,
        "move away": lambda: evidence.rename(case / "taken"),
        "replace": lambda: (case / "own").rename(evidence),
        "link": lambda: os.link(evidence, case / "hard"),
        "make": (root / "new").touch,
        "make a folder": (root / "export" / "new").mkdir,
        "make a link": lambda: (case / "link").symlink_to(evidence),
        "touch": lambda: os.utime(evidence),
        "give away": lambda: os.chown(evidence, 1, 1),
        "open up": lambda: evidence.chmod(0o777),
        "open up by descriptor": lambda: _opened_up(evidence),
        "mark": lambda: os.setxattr(evidence, "user.x", b"1"),
        "temporary": Path("/var/tmp/forensic-evil").touch,  # noqa: S108 (to be denied)
        "connect": lambda: socket.create_connection(("127.0.0.1", 9)),
        "send": lambda: socket.socket(type=socket.SOCK_DGRAM),
        "ask a daemon": lambda: socket.socket(socket.AF_UNIX),
        "run": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606 (to be denied)
        "signal": lambda: os.kill(os.getppid(), 0),
    }


def _evil(root: Path) -> dict[str, str]:
    """What became of each attempt."""
    ends = {}
    for name, attempt in _attempts(root).items():
        try:
            attempt()
        except OSError as error:
            refused = error.errno in {errno.EACCES, errno.EPERM, errno.EXDEV}
            ends[name] = "refused" if refused else str(error)
        else:
            ends[name] = "done"
    return ends


def _harmless(root: Path) -> list[object]:
    """What a worker does: it reads evidence, and writes, moves, removes in the case."""
    case = root / "x.case"
    (case / "a").mkdir()
    (case / "a" / "b").write_bytes((root / "export" / "access.log").read_bytes())
    (case / "a" / "b").rename(case / "c")
    (case / "a").rmdir()
    Path(os.devnull).write_bytes(b"x")
    return [(case / "c").read_bytes(), resource.getrlimit(resource.RLIMIT_CORE)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "access.log").write_bytes(b"evidence")
    (tmp_path / "x.case").mkdir()
    (tmp_path / "x.case" / "own").touch()
    held = _confined(tmp_path / "x.case")
    if "landlock=0" in held or "seccomp=False" in held:
        pytest.skip(f"the kernel here cannot do all of it: {held}")
    return tmp_path


def test_a_worker_does_its_work_and_no_harm(root: Path) -> None:
    with Workers(1, folder=root / "x.case") as workers:
        workers.submit(1, _evil, root)
        workers.submit(2, _harmless, root)
        found = dict(workers.results(wait=True))
    assert found[1] == dict.fromkeys(_attempts(root), "refused")
    assert found[2] == [b"evidence", (0, 0)]
    assert not Path("/var/tmp/forensic-evil").exists()  # noqa: S108 (see above)


def test_without_a_folder_a_worker_is_free(root: Path) -> None:
    with Workers(1) as workers:
        workers.submit(1, os.truncate, root / "export" / "access.log", 0)
        assert dict(workers.results(wait=True)) == {1: None}
    assert not (root / "export" / "access.log").read_bytes()


def test_whom_workers_serve_is_held_to_the_same_but_starts_programs(root: Path) -> None:
    code = (
        "import os, pathlib, subprocess, sys; root = pathlib.Path(sys.argv[1])\n"
        "from forensic.sandbox import confine; confine(root / 'x.case')\n"
        "from tests.test_sandbox import _attempts, _evil, _harmless\n"
        "_harmless(root); subprocess.run(['true'], check=True)\n"
        "import tests.test_sandbox as t; every = _attempts(root)\n"
        "t._attempts = lambda _: every; del every['run'], every['signal']\n"
        "print({*_evil(root).values()})"
    )
    command = [sys.executable, "-c", code, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "{'refused'}\n"


def test_a_kernel_without_it_leaves_it_out(tmp_path: Path) -> None:
    old = "p = pathlib.Path(sys.argv[1]); s._CREATE_RULESET = 9999; s._MACHINES.clear()"
    assert _confined(tmp_path, old) == "Held(landlock=0, seccomp=False)"


def test_a_case_has_the_same_bytes_with_and_without_it(tmp_path: Path) -> None:
    inside = analyzed(tmp_path / "inside.case", 2)
    seen = {"at": "2025-02-06 14:32 +09:00", "status": 403, "path": "/app/admin"}
    free = pipeline.analyze(
        pipeline.Request(
            archives=(STORY,), case=tmp_path / "free.case", jobs=0, question=seen
        ),
        lambda _stage, _bytes: None,
    )
    assert inside == hashes(free.folder)
    held = Case(tmp_path / "inside.case").read_json("case.json")["run"]["held"]
    assert _confined(tmp_path) == str(Held(**held))
    nothing = free.read_json("case.json")["run"]["held"]
    assert Held(**nothing) == Held()


@pytest.mark.parametrize("command", ["correlate", "detect", "report"])
def test_a_stage_alone_is_held_too(command: str, story_case: Case, root: Path) -> None:
    assert root  # the kernel here can do all of it
    code = (
        "import atexit, sys; from pathlib import Path; from forensic.cli import main\n"
        "says = lambda: print(Path('/proc/self/status').read_text(), file=sys.stderr)\n"
        "atexit.register(says); sys.argv[0] = 'forensic'; main()"
    )
    told = [sys.executable, "-c", code, command, str(story_case.folder)]
    done = subprocess.run(told, capture_output=True, text=True, check=False)
    assert "NoNewPrivs:\t1\nSeccomp:\t2\n" in done.stderr
