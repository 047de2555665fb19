"""Same evidence, same bytes: whatever processes, time zone, hash seed, threads."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STORY = ROOT / "fixtures" / "cases" / "waf_403_admin" / "archive"
#: Times and arguments of the run stand in case.json alone.
OWN = {"case.json", "SHA256SUMS", ".lock"}


def analyzed(folder: Path, jobs: int, **environment: str) -> dict[str, str]:
    """What a run leaves behind, by hash."""
    command = [
        sys.executable,
        "-m",
        "forensic",
        "analyze",
        str(STORY),
        "--case",
        str(folder),
    ]
    command += [
        "--at",
        "2025-02-06 14:32 +09:00",
        "--status",
        "403",
        "--path",
        "/app/admin",
    ]
    done = subprocess.run(
        [*command, "--jobs", str(jobs)],
        env={**os.environ, **environment},
        cwd=folder.parent,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return hashes(folder)


def hashes(folder: Path) -> dict[str, str]:
    """The hash of every file of a case but those that tell of its run."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in OWN
    }


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return analyzed(tmp_path_factory.mktemp("plain") / "x.case", 0)


@pytest.mark.parametrize(
    ("jobs", "environment"),
    [
        (1, {"TZ": "UTC", "POLARS_MAX_THREADS": "1"}),
        (2, {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}),
        (2, {"TZ": "America/St_Johns", "LC_ALL": "C", "POLARS_MAX_THREADS": "2"}),
    ],
)
def test_same_bytes(
    jobs: int, environment: dict[str, str], plain: dict[str, str], tmp_path: Path
) -> None:
    assert plain == analyzed(tmp_path / "x.case", jobs, **environment)


def test_evidence_is_left_as_it_was(tmp_path: Path) -> None:
    def state() -> list[tuple[str, int, int, bytes]]:
        return [
            (str(p), p.stat().st_mtime_ns, p.stat().st_mode, p.read_bytes())
            for p in sorted(STORY.rglob("*"))
            if p.is_file()
        ]

    before = state()
    analyzed(tmp_path / "x.case", 0)
    assert before == state()
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "x.case").rglob("*")}
    assert modes <= {0o600, 0o700}
