"""The command line from outside: help, refusals, what is loaded when."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from forensic import __version__
from forensic.case import Case
from forensic.cli import app, catalogue, explore, export, stages


def _forensic(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "forensic", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_without_a_command_it_says_what_there_is() -> None:
    done = _forensic()
    assert done.returncode == 0
    groups = [stages.COMMANDS, explore.COMMANDS, export.COMMANDS, catalogue.COMMANDS]
    for name in [name for group in groups for name, _ in group]:
        assert f"  {name} " in done.stdout
    assert "..." not in done.stdout.replace("[ARGS]...", "")


@pytest.mark.parametrize("command", ["analyze", "parse", "coverage", "export", "rules"])
def test_a_command_has_its_own_help(command: str) -> None:
    done = _forensic(command, "--help")
    assert done.returncode == 0
    assert f"forensic {command} [OPTIONS]" in done.stdout
    assert "Example: forensic" in done.stdout


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_told(option: str) -> None:
    done = _forensic(option)
    assert (done.returncode, done.stdout) == (0, f"forensic {__version__}\n")


def test_a_command_that_there_is_not_is_refused() -> None:
    done = _forensic("analyse")
    assert done.returncode == 2
    assert "No such command" in done.stderr


def test_what_is_left_out_is_named_with_where_help_is() -> None:
    done = _forensic("show")
    assert done.returncode == 2
    assert "'SOURCE:LINE'" in done.stderr
    assert "forensic show --help" in done.stderr


def test_one_file_is_no_files(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"no log\n")
    case = ["--case", str(tmp_path / "x.case"), "--jobs", "0"]
    done = _forensic("parse", str(tmp_path / "a.log"), *case)
    assert done.stdout.endswith(": 0 events, 1 file, 1 line, 1 unparsed\n")


def test_stages_load_nothing_heavy_before_they_run() -> None:
    assert [name for name, _ in stages.COMMANDS] == app._STAGES  # noqa: SLF001
    code = (
        "import sys; from forensic.cli import app; app.app(['parse']);"
        "print({'polars', 'numpy', 'pyarrow'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_too_little_memory_is_told_without_loading_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def starved(_arguments: list[str]) -> None:
        monkeypatch.setitem(sys.modules, "forensic.case", None)
        raise MemoryError

    monkeypatch.setattr(app, "app", starved)
    with pytest.raises(SystemExit) as ended:
        app.run()
    assert ended.value.code == 5
    assert capsys.readouterr().err == "forensic: there is too little memory\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_error_and_no_file_takes_its_place(
    closed: str, tmp_path: Path
) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "a.log").write_bytes(b"no log\n")
    command = '"$0" -m forensic parse export --case x.case --jobs 0 '
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(
        ["sh", "-c", command + closed, sys.executable],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not Case(tmp_path / "x.case").check_sums()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--max-memory", "100M"], "--max-memory is 100 MB, and parsing takes up to"),
        (["--max-memory", "much"], "--max-memory wants a size like 2G or 800M"),
        (["--year", "*=20"], "--year wants GLOB=YYYY"),
        (["--tz", "UTC"], "--tz wants GLOB=ZONE, not UTC"),
        (["--tz", "*=Nowhere/X"], "'Nowhere/X' is no zone"),
        (["--log-format", "*=nope"], "--log-format wants variables"),
        (["--jobs", "-2"], "--jobs wants 0 to 1024"),
        (["--jobs", "1000000"], "--jobs wants 0 to 1024"),
        (["--jobs", "99", "--max-memory", "1G"], "--jobs 99 takes up to"),
    ],
)
@pytest.mark.parametrize("command", ["parse", "analyze"])
def test_what_cannot_be_is_refused_before_the_work(
    command: str, options: list[str], sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "export").mkdir()
    case = tmp_path / "x.case"
    done = _forensic(command, str(tmp_path / "export"), "--case", str(case), *options)
    assert done.returncode == 2
    assert done.stderr.startswith(f"forensic: {sentence}")
    assert not case.exists()


@pytest.mark.parametrize("name", ["findings.json", "clocks.parquet"])
def test_a_changed_case_is_no_bug(story_case: Case, name: str) -> None:
    story_case.path(name).write_bytes(b"xx{")
    done = _forensic("timeline", str(story_case.folder))
    assert done.returncode == 4
    assert f"changed after it was written: {name} has other bytes" in done.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--fail-on", "much"], "--fail-on wants one of"),
        (["--lang", "xx"], "the report speaks en and ja"),
        (["--path", ""], "--path is empty"),
    ],
)
def test_what_the_report_cannot_be_is_refused_before_the_work(
    options: list[str], sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "export").mkdir()
    case = tmp_path / "x.case"
    done = _forensic("analyze", str(tmp_path / "export"), "--case", str(case), *options)
    assert done.returncode == 2
    assert done.stderr.startswith(f"forensic: {sentence}")
    assert not case.exists()


def test_a_full_disk_is_no_bug() -> None:
    command = [sys.executable, "-m", "forensic", "rules", "--json"]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (
        5,
        b"forensic: cannot write: No space left on device\n",
    )


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    command = [sys.executable, "-m", "forensic", "rules", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (141, b"")


def test_a_correction_of_no_file_is_told(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "web" / "access.log"
    log.parent.mkdir(parents=True)
    stamp = "[06/Feb/2025:14:32:07 +0900]"
    log.write_text(f'192.0.2.7 - - {stamp} "GET / HTTP/1.1" 200 17 "-" "-"\n' * 3)
    case = ["--case", str(tmp_path / "x.case"), "--jobs", "0"]
    globs = ["--tz", "acces.log=UTC", "--log-format", "access.log=$remote_addr $status"]
    done = _forensic("parse", str(log.parents[1]), *case, *globs)
    assert done.returncode == 0
    assert "--tz acces.log: no file" in done.stderr
    assert "--log-format" not in done.stderr


def test_a_status_that_is_none_is_refused_in_words(tmp_path: Path) -> None:
    for command in (["analyze", str(tmp_path)], ["why", str(tmp_path)]):
        done = _forensic(*command, "--status", "4xx")
        assert done.returncode == 2
        assert "'4xx' is no HTTP status: write a number" in done.stderr
