"""How many processes a run gets, and what is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from forensic.errors import UsageError
from forensic.plan import cores, memory, processes, too_few_addresses

GIB = 1 << 30


@pytest.fixture
def large(tmp_path: Path) -> list[Path]:
    """An archive that is worth several processes."""
    (tmp_path / "access.log").write_bytes(bytes(5 << 20))
    return [tmp_path]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2G", 2 * GIB),
        ("2g", 2 * GIB),
        ("2 GB", 2 * GIB),
        ("1.5GiB", 3 * GIB // 2),
        ("800M", 800 << 20),
        ("900000K", 900_000 << 10),
        ("1073741824", GIB),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert memory(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1G", "2X", "1e9", "2G4", "all", "1..5G"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--max-memory wants a size"):
        memory(text)


def test_a_small_archive_needs_no_other_process(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(b"x" * 1000)
    assert processes([tmp_path]) == 0


def test_folders_in_folders_are_counted_at_any_depth(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    assert processes([tmp_path]) == 0
    subprocess.run(["rm", "-r", tmp_path / "d"], check=True)  # too deep for pytest


def test_a_large_archive_takes_every_core(large: list[Path]) -> None:
    assert processes(large) == cores()


def test_less_memory_means_fewer_processes_down_to_none(large: list[Path]) -> None:
    counts = [processes(large, None, most << 20) for most in range(450, 4000, 50)]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[-1] == cores()


def test_too_little_memory_is_refused_with_what_is_needed(large: list[Path]) -> None:
    with pytest.raises(UsageError, match=r"--max-memory is 100 MB.*allow at least"):
        processes(large, None, 100 << 20)


def test_jobs_that_do_not_fit_are_refused(large: list[Path]) -> None:
    with pytest.raises(UsageError, match=r"--jobs 64 takes up to .*fewer"):
        processes(large, 64, 2 * GIB)


def test_jobs_below_none_are_refused(large: list[Path]) -> None:
    with pytest.raises(UsageError, match="--jobs wants 0 to 1024, not -1"):
        processes(large, -1)


@pytest.mark.parametrize("command", [["analyze", "."], ["info", "."]])
def test_too_few_addresses_are_told_and_nothing_aborts(
    command: list[str], tmp_path: Path
) -> None:
    """T48: polars ends a process that gets no addresses; this one ends before."""
    assert too_few_addresses() is None
    code = (
        "import resource, sys; from forensic.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
        f"sys.argv = ['forensic', *{command}]; main()"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5
    assert done.stderr.startswith("forensic: a process may have 1,024 MB of addresses")
    assert not [*tmp_path.iterdir()]
