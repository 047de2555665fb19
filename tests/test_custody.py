"""A whole run from outside: what it touches, asks of the machine, and says at its end.

Some trials want root, strace, unshare, setpriv or faketime, and are skipped with a
sentence where they may not be made.
"""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forensic.case import Case
from tests.test_determinism import hashes
from tests.test_events import ACCESS, PYTHON

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
NOBODY = 65534
SYSLOG = b"Feb  6 14:32:%02d app-1 app[7]: [2025-02-06 05:32:%02d +0000] [7] [INFO] x\n"
#: Root without what makes root more than others.
UNPRIVILEGED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner")
WRITES = "O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)"
CALLS = (
    "open,openat,openat2,creat,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,"
    "rmdir,link,linkat,symlink,symlinkat,truncate,ftruncate,chmod,fchmod,fchmodat,chown,"
    "fchown,lchown,fchownat,utime,utimes,utimensat,futimesat,setxattr,lsetxattr,"
    "fsetxattr,mknod,mknodat,socket,connect"
)


@pytest.fixture(scope="module")
def ground() -> Iterator[Path]:
    """A folder with an archive of three logs."""
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "export" / "var" / "log"
        export.mkdir(parents=True)
        lines = [ACCESS % (n % 250, n % 60, n, n) for n in range(900)]
        (export / "access.log").write_bytes(b"".join(lines))
        traces = [PYTHON % (n, n, n) for n in range(50)]
        (export / "app.log").write_bytes(b"".join(traces))
        (export / "syslog").write_bytes(b"".join(SYSLOG % (n, n) for n in range(60)))
        yield Path(folder)


def command(folder: Path, jobs: int = 0) -> list[str]:
    """A parse of the archive beside `folder`, its case."""
    words = [str(folder.parent / "export"), "--case", str(folder), "--jobs", str(jobs)]
    return [sys.executable, "-B", "-m", "forensic", "parse", *words]


def run(
    folder: Path, *before: str, jobs: int = 0, setup: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """The parse behind another command, in a process that was set up so."""
    return subprocess.run(
        [*before, *command(folder, jobs)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=setup,
    )


@pytest.fixture(scope="module")
def plain(ground: Path) -> dict[str, str]:
    """What an ordinary run leaves behind, by hash."""
    done = run(ground / "plain.case")
    assert (done.returncode, done.stderr) == (0, "")
    return hashes(ground / "plain.case")


@pytest.fixture
def case(ground: Path) -> Iterator[Path]:
    """Where a case may be made."""
    path = ground / "x.case"
    yield path
    shutil.rmtree(path, ignore_errors=True)


def need(tool: str, *trial: str) -> None:
    """Skip where a tool is not installed, or may not do what it is here for."""
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    if subprocess.run([tool, *trial], capture_output=True, check=False).returncode:
        pytest.skip(f"this user may not {tool} {trial[0]}")


def test_every_call_of_a_run(ground: Path, case: Path, plain: dict[str, str]) -> None:
    """T02, T58: evidence is opened for reading alone, and nothing asks for a network.

    All that is written lies in the case folder; strace changes no byte of it.
    """
    need("strace", "-qq", "true")
    log = ground / "calls"
    tracing = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", str(log)]
    done = run(case, *tracing, "-e", f"trace={CALLS}", jobs=1)
    assert done.returncode == 0, done.stderr
    assert hashes(case) == plain
    made = [
        line.split(None, 1)[1]
        for line in log.read_text("utf-8", "replace").splitlines()
        if re.match(rf"\d+ +(?:{CALLS.replace(',', '|')})\(", line)
        and not re.search(r"= -1 E", line)
    ]
    evidence = [call for call in made if str(ground / "export") in call]
    assert len(evidence) >= 4
    for call in evidence:
        assert call.startswith("openat("), call
        assert "O_RDONLY" in call, call
        assert not re.search(WRITES, call), call
    for call in made:
        # Python's processes talk through sockets of this machine alone.
        assert not re.match("socket|connect", call) or "AF_UNIX" in call, call
        named = re.search(r'"(/[^"]*)"', call)
        only_read = call.startswith("open") and not re.search(WRITES, call)
        if named and not only_read:
            assert named[1].startswith((str(case), "/dev/", "/proc/self/fd/")), call


def test_without_any_network_it_is_the_same(case: Path, plain: dict[str, str]) -> None:
    """T58: the same bytes where not even loopback is there."""
    need("unshare", "-n", "true")
    assert run(case, "unshare", "-n").returncode == 0
    assert hashes(case) == plain


@pytest.mark.parametrize("address", ["http://192.0.2.1/x.log"])
def test_an_address_is_no_archive(address: str, tmp_path: Path) -> None:
    """T58: what looks like an address is looked for as a file, and refused."""
    words = [sys.executable, "-m", "forensic", "parse", address]
    done = subprocess.run(
        words, env=ENVIRONMENT, cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"no such file or folder" in done.stderr
    assert not [*tmp_path.iterdir()]


def test_a_read_only_medium_is_enough(case: Path, plain: dict[str, str]) -> None:
    """T03: evidence on a file system that is mounted for reading."""
    need("unshare", "-m", "true")
    export = str(case.parent / "export")
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    done = run(case, "unshare", "-m", "sh", "-c", script, export)
    assert (done.returncode, done.stderr) == (0, "")
    assert hashes(case) == plain


def test_who_may_only_read_gets_the_same(ground: Path, plain: dict[str, str]) -> None:
    """T03: modes 0444 and 0555, another's files, for which O_NOATIME is refused."""
    need(*UNPRIVILEGED, "true")
    own = ground / "own"
    shutil.copytree(ground / "export", own / "export")
    for path in [*(own / "export").rglob("*"), own / "export"]:
        path.chmod(0o555 if path.is_dir() else 0o444)
        os.chown(path, NOBODY, NOBODY)
    done = run(own / "x.case", *UNPRIVILEGED)
    assert (done.returncode, done.stderr) == (0, "")
    found = hashes(own / "x.case")
    same = [name for name in plain if name.startswith("events/")]
    assert [found[name] for name in same] == [plain[name] for name in same]


def test_what_may_not_be_read_is_told(ground: Path) -> None:
    """T37: a file and a folder of mode 000 are listed, and the run says so by 3."""
    need(*UNPRIVILEGED, "true")
    own = ground / "locked"
    shutil.copytree(ground / "export", own / "export")
    (own / "export" / "secret.log").touch(0o000)
    (own / "export" / "closed").mkdir(0o000)
    done = run(own / "x.case", *UNPRIVILEGED)
    assert done.returncode == 3, done.stderr
    rows = Case(own / "x.case").table("sources").select("source", "verdict", "detail")
    told = {name: (verdict, why) for name, verdict, why in rows.collect().rows()}
    assert told["secret.log"] == ("unreadable", "cannot be opened: Permission denied")
    assert told["closed"] == (
        "unreadable",
        "folder cannot be read: Permission denied",
    )


def test_the_date_of_the_run_changes_nothing(case: Path, plain: dict[str, str]) -> None:
    """T13: years and zones come from the evidence; only case.json tells of the run."""
    faked = ["-f", "@2031-03-01 00:00:00"]
    need("faketime", *faked, "true")
    # In the sandbox faketime cannot share its clock with other processes.
    done = run(case, "env", "FAKETIME_DISABLE_SHM=1", "faketime", *faked)
    assert done.returncode == 0, done.stderr
    assert hashes(case) == plain
    assert Case(case).read_json("case.json")["run"]["began"].startswith("2031-")


@pytest.mark.parametrize(
    ("kind", "most", "code"),
    [(resource.RLIMIT_FSIZE, 2000, 5), (resource.RLIMIT_NOFILE, 48, 0)],
)
def test_limits_of_the_shell(
    kind: int, most: int, code: int, case: Path, plain: dict[str, str]
) -> None:
    """T40, T49: files that may not grow are told; few descriptors are enough."""
    jobs = int(kind == resource.RLIMIT_NOFILE)
    done = run(case, jobs=jobs, setup=lambda: resource.setrlimit(kind, (most, most)))
    assert done.returncode == code, done.stderr
    if code:
        assert re.fullmatch("forensic: cannot write .*: File too large\n", done.stderr)
        assert not Case(case).is_complete
    else:
        assert hashes(case) == plain


def test_one_run_at_a_time(case: Path, plain: dict[str, str]) -> None:
    """T47: who comes second is refused at once; the lock of the dead holds nobody."""
    with Case(case).locked():
        done = run(case)
    assert done.returncode == 2
    assert "is in use by another run" in done.stderr
    (case / ".lock").write_bytes(b"a process that is no more")
    assert run(case).returncode == 0
    assert hashes(case) == plain


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("SIGINT", 130, "forensic: interrupted\n"),
        ("SIGTERM", -signal.SIGTERM, ""),
        ("SIGHUP", -signal.SIGHUP, ""),
    ],
)
def test_a_run_that_is_ended_ends(
    name: str, code: int, said: str, case: Path, plain: dict[str, str]
) -> None:
    """T46: a signal in the midst: no traceback, no finished case, the next is whole."""
    running = subprocess.Popen(
        command(case),
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (case / ".lock").exists() and running.poll() is None:
        time.sleep(0.002)
    running.send_signal(getattr(signal, name))
    _, stderr = running.communicate(timeout=60)
    assert (running.returncode, stderr) == (code, said)
    assert not Case(case).is_complete
    if name == "SIGTERM":
        assert run(case).returncode == 0
        assert hashes(case) == plain
