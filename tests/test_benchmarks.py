"""The benchmarks run: archives as asked for, results that agree."""

import gzip
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_FOLDER = Path(__file__).parent.parent / "benchmarks"


def _run(script: str, *arguments: str) -> str:
    command = [sys.executable, str(_FOLDER / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", ["nginx", "syslog", "waf", "alb", "mixed"])
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, kind: str) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        _run("generate.py", kind, str(folder), "--size", "0.5", "--seed", "3")
    files = [path.relative_to(first) for path in first.rglob("*") if path.is_file()]
    assert files
    for name in files:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_an_archive_has_the_size_asked_for(tmp_path: Path) -> None:
    _run("generate.py", "waf", str(tmp_path), "--size", "1")
    size = sum(len(gzip.decompress(p.read_bytes())) for p in tmp_path.rglob("*.gz"))
    assert 1_000_000 <= size < 1_010_000


def test_all_engines_agree(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    pytest.importorskip("chdb")
    printed = _run(
        "compare.py", "--size", "1", "--rounds", "1", "--scratch", str(tmp_path)
    )
    assert printed.count("chdb") == 4
    assert "another result" not in printed


def test_stages_sum_up(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    _run("generate.py", "nginx", str(archive), "--size", "1")
    rows = _run("stages.py", str(archive)).splitlines()[2:]
    spent = {row[:44].strip(): float(row[44:52]) for row in rows}
    assert spent["parse blocks"] >= spent["formats: lines to columns"] > 0


def test_tools_that_are_not_there_are_left_out_with_a_sentence(tmp_path: Path) -> None:
    options = ["--size", "0.5", "--rounds", "1", "--scratch", str(tmp_path)]
    printed = _run("compare.py", *options, "--engines", "lnav,goaccess", "nginx")
    for name in ("lnav", "goaccess"):
        told = f"{name} is not installed: its row is left out"
        rows = [line for line in printed.splitlines() if line.startswith(f"  {name} ")]
        assert len(rows) == (told not in printed)
        assert (told in printed) == (shutil.which(name) is None)
    assert "another result" not in printed


def test_the_whole_job_is_held_against_parse(tmp_path: Path) -> None:
    options = ["--size", "1", "--rounds", "1", "--scratch", str(tmp_path)]
    printed = _run("compare.py", *options, "mixed")
    assert "at most 1.6x" in printed


def test_the_bare_work_is_told_beside_ours() -> None:
    printed = _run("floor.py", "waf", "--size", "0.5", "--rounds", "1")
    row = next(line for line in printed.splitlines() if line.startswith("waf"))
    *parts, bare, ours = map(float, row.split()[1:-1])
    assert abs(sum(parts) - bare) < 0.05
    assert ours > 0


def test_formats_are_held_against_one_another() -> None:
    head, *rows = _run("formats.py", "iis", "redis", "--size", "0.2").splitlines()
    assert head.split() == ["format", "us", "a", "line", "MB/s"]
    assert {row.split()[0] for row in rows} == {"iis", "redis"}
    costs = [float(row.split()[1]) for row in rows]
    assert costs == sorted(costs, reverse=True)
    assert all(costs)
