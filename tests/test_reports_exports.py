"""What is exported reads back as what the case holds, and is safe to open."""

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import typer
from typer.testing import CliRunner

from forensic.case import Case
from forensic.cli.export import COMMANDS
from forensic.errors import OutputError, UsageError
from forensic.reports import exports

EVENTS = 363
NASTY = "=1+1|\x1b[2J\u202e,\"'\n token=CANARY"
plain = exports.Options(secrets=True, raw=True)


def streamed(case: Case, target: str, options: exports.Options = plain) -> bytes:
    sink = io.BytesIO()
    exports.STREAMS[target](case, sink, options)
    return sink.getvalue()


def lines(case: Case, target: str, options: exports.Options = plain) -> list[Any]:
    return [json.loads(line) for line in streamed(case, target, options).splitlines()]


@pytest.fixture
def nasty_case(
    make_case: Callable[..., Case], story: tuple[dict[str, Any], dict[str, Any]]
) -> Case:
    tables, answer = story
    for name in ("message", "path", "user_agent", "extra"):
        tables["events"][0][name] = NASTY
    tables["events"][1]["time"] = None
    proof = answer["findings"]["findings"][0]["evidence"][0]
    proof |= {"text": NASTY, "source": "a b/ü%#?.log"}
    answer["findings"]["findings"][0]["summary"] = NASTY
    return make_case(tables, answer)


def test_jsonl_reads_back_to_the_same_events(nasty_case: Case) -> None:
    found = lines(nasty_case, "jsonl")
    assert len(found) == EVENTS
    rows = nasty_case.events().collect().to_dicts()
    for row, record in zip(rows, found, strict=True):
        for name, value in row.items():
            if isinstance(value, datetime):
                assert datetime.fromisoformat(record[name]) == value
            elif value is not None and value != []:
                assert record[name] == value
            else:
                assert name not in record


def test_timesketch_has_its_three_columns(nasty_case: Case) -> None:
    found = lines(nasty_case, "timesketch")
    assert len(found) == EVENTS - 1  # one event has no time
    for record in found:
        when = datetime.fromisoformat(record["datetime"])
        assert record["timestamp"] == round(when.timestamp() * 1e6)
        assert record["timestamp_desc"]
        assert record["message"]
    block = next(r for r in found if r.get("action") == "BLOCK")
    assert block["message"] == (
        "[waf] GET /app/admin 403 BLOCK AdminProtection_URIPATH"
    )


def test_ecs_puts_values_where_elastic_looks(story_case: Case) -> None:
    found = lines(story_case, "ecs")
    block = next(r for r in found if r.get("event", {}).get("action") == "BLOCK")
    assert block["@timestamp"] == "2025-02-06T05:32:07Z"
    assert block["url"]["path"] == "/app/admin"
    assert block["http"]["response"]["status_code"] == 403
    assert block["source"]["ip"] == "203.0.113.7"
    assert block["log"] == {"file": {"path": "waf/waf.jsonl"}, "offset": 400}
    assert block["forensic"]["line"] == 3


def test_csv_reads_back(nasty_case: Case) -> None:
    found = list(csv.DictReader(io.StringIO(streamed(nasty_case, "csv").decode())))
    assert len(found) == EVENTS
    assert found[0]["path"] == NASTY
    assert found[0]["source"] == "nginx/access.log"
    assert int(found[0]["offset"]) == 0


@pytest.mark.parametrize("target", ["csv", "l2tcsv"])
def test_csv_is_safe_to_open(nasty_case: Case, target: str) -> None:
    text = streamed(nasty_case, target, exports.Options()).decode()
    assert "CANARY" not in text
    assert all(c.isprintable() for c in text.replace("\n", ""))
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not [
        cell for cell in cells if cell.startswith(tuple("=+@-")) and cell != "-"
    ]


def test_l2tcsv_has_its_seventeen_columns(story_case: Case) -> None:
    rows = list(csv.reader(io.StringIO(streamed(story_case, "l2tcsv").decode())))
    assert {len(row) for row in rows} == {17}
    assert rows[0][:4] == ["date", "time", "timezone", "MACB"]
    assert rows[1][:3] == ["02/06/2025", "05:02:07", "UTC"]


@pytest.mark.parametrize("target", sorted(exports.STREAMS))
def test_no_export_shows_credentials_or_acts_in_a_terminal(
    nasty_case: Case, target: str
) -> None:
    text = streamed(nasty_case, target, exports.Options()).decode()
    assert "CANARY" not in text
    assert all(c.isprintable() for c in text.replace("\n", ""))


def test_sarif_names_rules_artifacts_and_bytes(nasty_case: Case) -> None:
    log = json.loads(streamed(nasty_case, "sarif"))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in run["results"]} == rules
    (place,) = run["results"][0]["locations"]
    physical = place["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "a%20b/%C3%BC%25%23%3F.log"
    assert physical["region"] | {"snippet": {}} == {
        "startLine": 3,
        "byteOffset": 400,
        "byteLength": 200,
        "snippet": {},
    }
    artifact = run["artifacts"][physical["artifactLocation"]["index"]]
    assert artifact["location"]["uri"] == physical["artifactLocation"]["uri"]


def test_sqlite_holds_every_table(nasty_case: Case, tmp_path: Path) -> None:
    path = tmp_path / "case.db"
    exports.FILES["sqlite"](nasty_case, path, plain)
    with closing(sqlite3.connect(path)) as link:
        counts = {
            name: link.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608 (literal names)
            for name in ("events", "requests", "gaps", "findings", "unparsed")
        }
        row = link.execute(
            "SELECT path, status, time FROM events ORDER BY source, offset"
        ).fetchone()
        evidence = link.execute(
            "SELECT evidence FROM requests ORDER BY time"
        ).fetchone()
    assert counts == {
        "events": EVENTS,
        "requests": 2,
        "gaps": 2,
        "findings": 2,
        "unparsed": 2,
    }
    assert row[:2] == (NASTY, 200)
    assert datetime.fromisoformat(row[2]).tzinfo
    assert json.loads(evidence[0])[0]["line"] == 3


def test_duckdb_holds_every_table_with_its_types(
    nasty_case: Case, tmp_path: Path
) -> None:
    path = tmp_path / "case.duckdb"
    exports.FILES["duckdb"](nasty_case, path, plain)
    with duckdb.connect(str(path), read_only=True) as link:
        count = "SELECT count(*), count(time), min(status) FROM events"
        assert link.execute(count).fetchone() == (EVENTS, EVENTS - 1, 200)
        nested = "SELECT evidence[1].line FROM requests WHERE status = 403"
        assert link.execute(nested).fetchone() == (3,)


# -- the command --------------------------------------------------------------
@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command("other")(lambda: None)
    for name, command in COMMANDS:
        app.command(name)(command)
    return app


@pytest.mark.parametrize("target", exports.TIMELINES)
def test_what_a_timeline_has_no_place_for_is_told(
    nasty_case: Case, app: typer.Typer, target: str
) -> None:
    arguments = ["export", str(nasty_case.folder), "--to", target]
    told = CliRunner().invoke(app, arguments).stderr
    assert "left out: 1 event without a time" in told


@pytest.mark.parametrize("target", sorted({*exports.STREAMS, *exports.FILES}))
def test_files_appear_whole_and_are_never_replaced(
    story_case: Case, app: typer.Typer, tmp_path: Path, target: str
) -> None:
    path = tmp_path / f"out.{target}"
    arguments = ["export", str(story_case.folder), "--to", target, "-o", str(path)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert path.stat().st_size > 1000
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
    again = CliRunner().invoke(app, arguments)
    assert isinstance(again.exception, UsageError)


def test_stdout_is_the_default_of_texts(story_case: Case, app: typer.Typer) -> None:
    arguments = ["export", str(story_case.folder), "--to", "jsonl"]
    result = CliRunner().invoke(app, arguments)
    assert len(result.stdout.splitlines()) == EVENTS
    assert "CANARY" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--to", "xlsx"], UsageError),
        (["--to", "sqlite"], UsageError),
        (["--to", "csv", "-o", "/nowhere/at/all.csv"], OutputError),
    ],
)
def test_refusals(
    story_case: Case, app: typer.Typer, arguments: list[str], error: type
) -> None:
    result = CliRunner().invoke(app, ["export", str(story_case.folder), *arguments])
    assert type(result.exception) is error
