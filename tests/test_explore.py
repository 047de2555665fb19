"""The drill-down commands on a case made by hand, with its evidence beside it."""

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from typer.testing import CliRunner, Result

from forensic.case import Case
from forensic.cli import custody, explore
from forensic.errors import (
    EvidenceMismatch,
    ForensicError,
    NothingFound,
    OutputError,
    UsageError,
)
from forensic.pipeline import Request, analyze, parse
from forensic.reports import sql
from tests.conftest import write_case

Run = Callable[..., Result]
LINES = [
    b'{"a":1}\n',
    b"caf\xe9 \x1b[31m\xe2\x80\xae Cookie: a=CANARY\r\n",
    b"\n",
    b"two\nlines\n",
    b"last without an end",
]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run one command as a person would, 80 columns wide and without colour."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    app = typer.Typer()
    for name, command in [*explore.COMMANDS, *custody.COMMANDS]:
        app.command(name)(command)

    def go(*arguments: object) -> Result:
        texts = [str(argument) for argument in arguments]
        return CliRunner().invoke(app, texts, catch_exceptions=True)

    return go


@pytest.fixture
def proven(tmp_path: Path, make_case: Callable[..., Case]) -> Case:
    """A case whose evidence exists: an event, an odd line, a blank, a long event."""
    evidence = tmp_path / "export"
    evidence.mkdir()
    (evidence / "app.log").write_bytes(b"".join(LINES))
    offsets = [sum(map(len, LINES[:n])) for n in range(len(LINES))]
    shared = {"source": "app.log", "format": "plain", "hop": "application"}
    spans = [(1, 1, 0), (4, 2, 3), (6, 1, 4)]
    events = [
        {
            **shared,
            "line": line,
            "lines": lines,
            "offset": offsets[number],
            "length": len(LINES[number]),
            "message": f"token=CANARY {number}",
        }
        for line, lines, number in spans
    ]
    odd = {
        "source": "app.log",
        "line": 2,
        "offset": offsets[1],
        "length": len(LINES[1]),
        "reason": "no format claims the line",
        "text": "odd",
    }
    digest = hashlib.sha256(b"".join(LINES)).hexdigest()
    source = {"source": "app.log", "sha256": digest, "verdict": "complete", "size": 60}
    tables = {"events": events, "unparsed": [odd], "sources": [source]}
    case_file = {"arguments": {"archives": [str(evidence)]}}
    answer = {"findings": {"findings": []}, "case": case_file}
    return make_case(tables, answer)


def failure(result: Result) -> ForensicError:
    assert isinstance(result.exception, ForensicError), result.output
    return result.exception


# -- show ---------------------------------------------------------------------
def test_show_prints_place_hash_and_columns(run: Run, proven: Case) -> None:
    result = run("show", "app.log:1", "--case", proven.folder)
    assert result.exit_code == 0, result.output
    assert '> 1  {"a":1}' in result.stdout
    assert hashlib.sha256(LINES[0]).hexdigest() in result.stdout
    assert re.search(r"length +8\b", result.stdout)
    assert re.search(r"hop +application", result.stdout)
    assert "CANARY" not in result.stdout


def test_show_takes_the_case_where_one_stands(
    proven: Case, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a report shows to copy names no folder."""
    for place in (proven.folder, proven.folder.parent):
        monkeypatch.chdir(place)
        assert "app.log:1" in run("show", "app.log:1").stdout


def test_show_spells_out_what_is_hidden(run: Run, proven: Case) -> None:
    result = run("show", "app.log:2", "--case", proven.folder, "-C", "9")
    assert r"caf\xe9 \x1b[31m\u202e Cookie: [redacted, 8 chars]" in result.stdout
    assert "not parsed: no format claims the line" in result.stdout
    assert "> 2" in result.stdout
    assert "  6  last without an end" in result.stdout
    assert all(c.isprintable() for c in result.stdout.replace("\n", ""))


def test_show_counts_a_hole_and_what_nobody_reads(run: Run, tmp_path: Path) -> None:
    """A hole of 5 MB took minutes, and twenty megabytes of the terminal."""
    log = b"2025-02-06 14:32:07,216 ERROR app: x\n"
    tail = b"2025-02-06 14:32:08,216 ERROR app: " + b"y" * 100_000
    (tmp_path / "app.log").write_bytes(log + b"\0" * 5_000_000 + tail + b"\n")
    case = tmp_path / "x.case"
    request = Request(archives=(tmp_path / "app.log",), case=case, jobs=0)
    parse(request, lambda *_: None)
    told = " ".join(run("show", "app.log:2", "--case", case).stdout.split())
    assert "> 2 …5000000 zeros…2025-02-06 14:32:08,216 ERROR app: yyy" in told
    assert "chars: --json has more)" in told
    assert len(told) < 300_000


def test_show_has_the_secrets_on_demand(run: Run, proven: Case) -> None:
    result = run("show", "app.log:2", "--case", proven.folder, "--secrets")
    assert "a=CANARY" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(("line", "number"), [(4, 3), (5, 3), (6, 4)])
def test_show_finds_the_record_of_a_line(
    run: Run, proven: Case, line: int, number: int
) -> None:
    result = run("show", f"app.log:{line}", "--case", proven.folder, "--json")
    (record,) = orjson.loads(result.stdout)["records"]
    assert record["sha256"] == hashlib.sha256(LINES[number]).hexdigest()


def test_show_of_a_blank_line_has_no_record(run: Run, proven: Case) -> None:
    found = orjson.loads(
        run("show", "app.log:3", "--case", proven.folder, "--json").stdout
    )
    assert found["records"] == []
    assert found["lines"] == [
        {"line": 3, "offset": len(LINES[0] + LINES[1]), "text": ""}
    ]


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("app.log:7", NothingFound),
        ("app.log:99", NothingFound),
        ("other.log:1", UsageError),
        ("app.log", UsageError),
        ("app.log:-1", UsageError),
        ("app.log:x", UsageError),
    ],
)
def test_show_refuses(run: Run, proven: Case, place: str, error: type) -> None:
    assert type(failure(run("show", place, "--case", proven.folder))) is error


def test_show_says_what_may_be_meant(
    run: Run, story_case: Case, tmp_path: Path
) -> None:
    case = ["--case", story_case.folder, "--archive"]
    said = str(failure(run("show", "access.log:1", *case, tmp_path)))
    assert said == "no file access.log in the archive: nginx/access.log?"
    said = str(failure(run("show", "nginx/access.log:1", *case, "/nowhere")))
    assert said == "/nowhere: no such file or folder"


def test_show_uses_the_only_case_beside(
    run: Run, proven: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(proven.folder.parent)
    assert run("show", "app.log:1").exit_code == 0
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    assert "no case in this folder" in str(failure(run("show", "app.log:1")))


def test_show_does_not_hash_half_a_record(
    run: Run, proven: Case, tmp_path: Path
) -> None:
    log = tmp_path / "export" / "app.log"
    log.write_bytes(b"".join(LINES)[:-3])
    error = failure(run("show", "app.log:6", "--case", proven.folder))
    assert isinstance(error, EvidenceMismatch)
    assert "ends 3 bytes before" in str(error)


@pytest.mark.parametrize("kind", ["gztar", "zip", "tar"])
def test_show_reads_far_into_a_member(run: Run, tmp_path: Path, kind: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    lines = [
        f'192.0.2.7 - - [06/Feb/2025:14:32:{n:02} +0900] "GET /{n} HTTP/1.1" 404 0\n'
        for n in range(60)
    ]
    (inside / "access.log").write_text("".join(lines))
    packed = shutil.make_archive(str(tmp_path / "packed"), kind, inside)
    request = Request(archives=(Path(packed),), case=tmp_path / "p.case", jobs=0)
    case = analyze(request, lambda _stage, _done: None)
    (source,) = case.events().select("source").unique().collect()["source"]
    told = run("show", f"{source}:50", "--case", case.folder, "--json")
    (record,) = orjson.loads(told.stdout)["records"]
    assert record["sha256"] == hashlib.sha256(lines[49].encode()).hexdigest()


# -- verify -------------------------------------------------------------------
def test_verify_is_content_with_what_was_recorded(run: Run, proven: Case) -> None:
    result = run("verify", proven.folder)
    assert result.exit_code == 0
    assert "1 file of evidence as recorded" in result.stdout


def test_verify_sees_one_changed_byte_of_evidence(
    run: Run, proven: Case, tmp_path: Path
) -> None:
    log = tmp_path / "export" / "app.log"
    log.write_bytes(log.read_bytes().replace(b"last", b"lost"))
    result = run("verify", proven.folder, "--json")
    assert isinstance(failure(result), EvidenceMismatch)
    told = orjson.loads(result.stdout)
    assert told["problems"] == ["app.log has other bytes than were recorded"]
    assert run("verify", proven.folder, "--case-only").exit_code == 0


def test_verify_sees_added_and_missing_files(
    run: Run, proven: Case, tmp_path: Path
) -> None:
    (tmp_path / "export" / "app.log").rename(tmp_path / "export" / "b.log")
    result = run("verify", proven.folder)
    assert str(failure(result)).endswith(", and 1 more")
    assert "app.log is missing\n" in result.stdout
    assert "b.log was not there" in result.stdout


def test_verify_sees_a_changed_case(run: Run, story_case: Case) -> None:
    with story_case.path("gaps.parquet").open("ab") as file:
        file.write(b"x")
    error = failure(run("verify", story_case.folder, "--case-only"))
    assert "gaps.parquet has other bytes" in str(error)


@pytest.mark.parametrize("name", ["case.json", "sources.parquet", "SHA256SUMS"])
def test_verify_does_not_read_what_was_changed(
    run: Run, story_case: Case, name: str
) -> None:
    story_case.path(name).write_bytes(b"xx{")
    assert isinstance(failure(run("verify", story_case.folder)), EvidenceMismatch)


@pytest.mark.parametrize(
    "words",
    [
        "why CASE --status 403",
        "timeline CASE",
        "show syslog:7 --case CASE",
        "coverage CASE",
        "clocks CASE",
        "findings CASE",
        "query CASE SELECT",
        "info CASE",
    ],
)
def test_no_command_reads_a_case_of_other_bytes(
    run: Run, story_case: Case, words: str
) -> None:
    path = story_case.path("events/00000.parquet")
    changed = bytearray(path.read_bytes())
    changed[len(changed) // 2] ^= 1
    path.write_bytes(changed)
    asked = words.replace("CASE", str(story_case.folder)).split()
    assert "00000.parquet has other bytes" in str(failure(run(*asked)))


def test_verify_sees_any_bit_of_the_list_of_hashes(story_case: Case) -> None:
    path = story_case.path("SHA256SUMS")
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        if bit % 7 == 0 or whole[bit // 8] in b"\n ":
            assert story_case.check_sums(), bit
    path.write_bytes(whole)
    assert not story_case.check_sums()


def test_what_reads_back_as_other_bytes_is_no_case(story_case: Case) -> None:
    with story_case.path("findings.json").open("r+b") as file:
        file.write(b"?")
    with pytest.raises(OutputError, match="reads back as other bytes"):
        story_case.publish_sums()


# -- why ----------------------------------------------------------------------
def test_why_answers_what_was_seen(run: Run, story_case: Case) -> None:
    seen = ["--at", "2025-02-06 14:32 +09:00", "--status", "403", "--path", "/app/*"]
    told = orjson.loads(run("why", story_case.folder, *seen, "--json").stdout)
    assert (told["answered_by"], told["cause"]) == ("waf", "waf_rule")
    text = run("why", story_case.folder, *seen).stdout
    assert "answered by WAF" in " ".join(text.split())
    assert "waf/waf.jsonl:3 @400" in text


def test_why_says_where_nobody_logged_it(run: Run, story_case: Case) -> None:
    seen = ["--at", "2025-02-06 14:45 +09:00", "--status", "403", "--path", "/none"]
    text = run("why", story_case.folder, *seen).stdout
    assert "answered by unknown" in " ".join(text.split())
    assert "FOR AND AGAINST" in text
    assert "ASK FOR" in text


def test_why_counts_what_an_editor_left_beside_a_log_once(
    run: Run, tmp_path: Path
) -> None:
    """As `analyze` does: both say the same."""
    archive = tmp_path / "export"
    archive.mkdir()
    lines = [
        f"10.0.1.{n % 2} - - [06/Feb/2025:05:{minute}:{n:02} +0000]"
        f' "GET /health?{n} HTTP/1.1" 200 17 "-" "ELB-HealthChecker/2.0"\n'
        for minute in range(30, 35)
        for n in range(0, 60, 5)
    ]
    (archive / "access.log").write_text("".join(lines))
    (archive / "access.log~").write_text("".join(lines[:-9]))
    (archive / "alb.log").write_text(
        "h2 2025-02-06T05:32:07.131000Z app/prod/50dc6c495c0c9188 203.0.113.9:51234 -"
        ' 0.000 0.000 0.000 403 - 812 227 "GET https://example.com:443/in HTTP/2.0"'
        ' "curl/8.5.0" TLS_AES_128_GCM_SHA256 TLSv1.3 -'
        ' "Root=1-67a44957-0123456789abcdef01234567" "example.com" "arn:aws:acm:x" 5'
        ' 2025-02-06T05:32:07.121000Z "fixed-response" "-" "-" "-" "-" "-" "-"\n'
    )
    case = tmp_path / "x.case"
    question = {"at": "2025-02-06 05:32Z", "status": 403}
    asked = Request(archives=(archive,), case=case, jobs=0, question=question)
    done = analyze(asked, lambda _stage, _bytes: None)
    seen = ["--at", "2025-02-06 05:32Z", "--status", "403", "--json"]
    told = orjson.loads(run("why", case, *seen).stdout)
    assert "The web server logged 12 other requests in that time" in told["sentence"]
    assert told["sentence"] == done.read_json("findings.json")["verdict"]["sentence"]
    assert "access.log~" not in {line["source"] for line in told["evidence"]}


def test_why_refuses_what_is_no_time(run: Run, story_case: Case) -> None:
    assert isinstance(
        failure(run("why", story_case.folder, "--at", "noon")), UsageError
    )


# -- the tables ---------------------------------------------------------------
def test_timeline_merges_the_hops_around_the_answer(run: Run, story_case: Case) -> None:
    result = run("timeline", story_case.folder, "--window", "30", "--json")
    found = orjson.loads(result.stdout)
    assert {row["hop"] for row in found} == {"waf", "web_server", "app_server"}
    times = [row["time"] for row in found]
    assert times == sorted(times)
    text = run("timeline", story_case.folder, "--window", "30").stdout
    assert text.startswith("2025-02-06 (+09:00)  hop")
    assert "\n14:32:07 " in text
    assert "BLOCK" in text.replace("\n", " ")


def test_timeline_keeps_to_a_hop_and_a_limit(run: Run, story_case: Case) -> None:
    around = "2025-02-06 14:32 +09:00"
    arguments = ["timeline", story_case.folder, "--around", around, "--json"]
    result = run(*arguments, "--hop", "web_server", "--limit", "3")
    found = orjson.loads(result.stdout)
    assert [row["hop"] for row in found] == ["web_server"] * 3
    assert "more events in this window" in result.stderr


def test_times_without_a_zone_are_those_of_the_logs(run: Run, story_case: Case) -> None:
    arguments = ["timeline", story_case.folder, "--json", "--window", "60", "--around"]
    guessed = run(*arguments, "2025-02-06 14:32")
    assert "read as" in guessed.stderr
    assert guessed.stdout == run(*arguments, "2025-02-06T05:32Z").stdout


@pytest.mark.parametrize(
    "arguments",
    [["--around", "noon"], ["--hop", "proxy"]],
)
def test_timeline_refuses(run: Run, story_case: Case, arguments: list[str]) -> None:
    assert isinstance(
        failure(run("timeline", story_case.folder, *arguments)), UsageError
    )


def test_an_empty_window_is_nothing_found(run: Run, story_case: Case) -> None:
    result = run("timeline", story_case.folder, "--around", "2020-01-01T00:00Z")
    assert isinstance(failure(result), NothingFound)


def test_coverage_names_gaps_and_wishes(run: Run, story_case: Case) -> None:
    text = run("coverage", story_case.folder).stdout
    for piece in ("no log", "gap  web server: nginx/access.log", "ASK FOR"):
        assert piece in text
    told = orjson.loads(run("coverage", story_case.folder, "--json").stdout)
    assert [gap["kind"] for gap in told["gaps"]] == ["absent", "gap"]


def test_clocks_show_their_votes(run: Run, story_case: Case) -> None:
    text = run("clocks", story_case.folder).stdout
    assert "172 for, 3 against\n" in text
    assert orjson.loads(run("clocks", story_case.folder, "--json").stdout)


def test_clocks_of_rotated_files_are_those_of_the_log(run: Run, tmp_path: Path) -> None:
    row: dict[str, Any] = {
        "stamp": "event",
        "basis": "written",
        "confidence": "certain",
    }
    rows = [row | {"source": n, "votes_for": 9} for n in ("a.log", "a.log.1", "b.log")]
    answer: dict[str, dict[str, Any]] = {"findings": {}, "case": {}}
    write_case(tmp_path / "a.case", {"clocks": rows}, answer)
    text = run("clocks", tmp_path / "a.case").stdout
    assert text.count("9 for, 0 against (of the whole log, 2 files)\n") == 2
    assert text.count("9 for, 0 against\n") == 1


def test_findings_by_level_and_by_name(run: Run, story_case: Case) -> None:
    folder = story_case.folder
    high = orjson.loads(run("findings", folder, "--level", "high", "--json").stdout)
    assert [finding["id"] for finding in high] == ["waf-block"]
    text = run("findings", folder, "waf-block").stdout
    assert "an attack is blocked as it should" in text
    assert "CANARY" not in text
    nothing = failure(run("findings", folder, "waf-challenge-failed"))
    assert "no finding waf-challenge-failed in" in str(nothing)
    assert "no rule none-such" in str(failure(run("findings", folder, "none-such")))


def test_info_lists_every_file(run: Run, story_case: Case) -> None:
    text = run("info", story_case.folder).stdout
    for name in ("nginx/access.log", "old.log.gz", "notes.bin", "0.1.0"):
        assert name in text


def test_a_folder_that_is_no_case_is_refused(run: Run, tmp_path: Path) -> None:
    for name in ("clocks", "coverage", "findings", "info", "timeline", "verify"):
        assert "no finished case" in str(failure(run(name, tmp_path)))


# -- query --------------------------------------------------------------------
@pytest.mark.parametrize("engine", sql.ENGINES)
def test_query_counts(run: Run, story_case: Case, engine: str) -> None:
    text = "SELECT status, count(*) AS n FROM events GROUP BY status"
    result = run("query", story_case.folder, text, "--engine", engine, "--json")
    assert orjson.loads(result.stdout) == [
        {"status": 200, "n": 360},
        {"status": 403, "n": 1},
        {"status": None, "n": 2},
    ]


def test_a_table_that_is_too_wide_is_told_row_by_row(run: Run, proven: Case) -> None:
    """Of forty columns in eighty, `SELECT *` showed pieces of names and no values."""
    told = run("query", proven.folder, "SELECT * FROM events").stdout
    assert re.search(r"^row 3$", told, re.MULTILINE)
    assert re.search(r"^  source +app.log$", told, re.MULTILINE)
    assert "utc_offset" not in told


@pytest.mark.parametrize("text", ["SELECT message FROM events", "SELECT * FROM events"])
def test_query_shows_credentials_where_it_is_asked_to(
    run: Run, proven: Case, text: str
) -> None:
    assert "CANARY" not in run("query", proven.folder, text).stdout
    assert "CANARY" in run("query", proven.folder, text, "--secrets").stdout


@pytest.mark.parametrize("engine", sql.ENGINES)
@pytest.mark.parametrize("name", sql.TABLES)
def test_every_table_can_be_asked(story_case: Case, engine: str, name: str) -> None:
    assert sql.run(story_case, f"SELECT * FROM {name}", engine).height  # noqa: S608 (our own names)


@pytest.mark.parametrize("engine", sql.ENGINES)
@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT * FROM '/etc/hostname.csv'",
        "COPY events TO '/tmp/forensic-copy.csv'",
        "ATTACH '/tmp/forensic.db' AS x",
        "SET lock_configuration = false",
        "INSTALL httpfs",
        "SELECT nonsense FROM events",
        "DROP TABLE events",
        "",
    ],
)
def test_query_refuses(story_case: Case, engine: str, text: str) -> None:
    with pytest.raises(UsageError):
        sql.run(story_case, text, engine)


def test_csv_has_no_formula_and_no_credential(
    run: Run, make_case: Callable[..., Case], story: tuple[Any, Any]
) -> None:
    tables, answer = story
    tables["events"][0] |= {"path": "=cmd|' /C calc'!A0", "query": "token=CANARY"}
    case = make_case(tables, answer)
    text = "SELECT path, query, labels FROM events WHERE query IS NOT NULL"
    result = run("query", case.folder, text, "--csv")
    assert result.stdout.splitlines()[1].startswith("'=cmd|")
    assert "CANARY" not in result.stdout
    raw = run("query", case.folder, text, "--csv", "--secrets")
    assert "CANARY" in raw.stdout


def test_csv_has_stamps_with_and_without_a_zone(run: Run, story_case: Case) -> None:
    text = "SELECT time, local_time FROM events LIMIT 1"
    row = run("query", story_case.folder, text, "--csv").stdout.splitlines()[1]
    assert [len(cell) for cell in row.split(",")] == [32, 26]
    assert row.split(",")[0].endswith("+00:00")


def test_long_results_say_how_much_is_left(run: Run, story_case: Case) -> None:
    result = run("query", story_case.folder, "SELECT line FROM events", "--limit", "5")
    assert "358 more rows" in result.stderr
