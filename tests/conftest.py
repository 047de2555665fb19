"""Cases made by hand, for tests of what shows a case and not of what makes one."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import settings

from forensic.case import Case
from forensic.parquet import parquet_bytes
from forensic.schema import CLOCK, EVENT, GAP, REQUEST, SOURCE, UNPARSED

# How long an example takes says more about the machine than about the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

Rows = Sequence[Mapping[str, Any]]
NOON = datetime(2025, 2, 6, 5, 32, 7, tzinfo=UTC)
WAF_LINE = (
    '{"timestamp":1738819927000,"action":"BLOCK","terminatingRuleId":"core",'
    '"httpRequest":{"clientIp":"203.0.113.7","headers":[{"name":"Cookie",'
    '"value":"sid=CANARYCANARY"}],"uri":"/app/admin","httpMethod":"GET"}}'
)


def frame(rows: Rows, schema: Mapping[str, Any]) -> pl.DataFrame:
    """The rows with every column of the schema, absent ones as null."""
    whole = [{name: row.get(name) for name in schema} for row in rows]
    return pl.DataFrame(whole, schema=dict(schema), orient="row")


def write_case(
    folder: Path, tables: Mapping[str, Rows], answer: Mapping[str, Any]
) -> Case:
    """A finished case with these rows."""
    case = Case(folder)
    schemas = {"sources": SOURCE, "clocks": CLOCK, "requests": REQUEST, "gaps": GAP}
    with case.locked():
        events = frame(tables.get("events", ()), EVENT)
        case.publish("events/00000.parquet", parquet_bytes(events))
        for name, schema in {**schemas, "unparsed": UNPARSED}.items():
            case.publish_table(name, frame(tables.get(name, ()), schema))
        case.publish_json("findings.json", answer["findings"])
        case.publish_json("case.json", answer["case"])
        case.publish_sums()
    return case


def _events() -> list[dict[str, Any]]:
    """A ping every 20 s at the web server and application, one block at the WAF."""
    events: list[dict[str, Any]] = []
    for number in range(180):
        when = NOON - timedelta(minutes=30) + timedelta(seconds=20 * number)
        common = {
            "lines": 1,
            "length": 90,
            "time_basis": "written",
            "offset": 90 * number,
        }
        common |= {"line": number + 1, "time": when, "method": "GET", "status": 200}
        shared = {
            "path": "/api/ping",
            "client_ip": "10.1.1.210",
            "client_scope": "private",
        }
        events.append(
            {
                **common,
                **shared,
                "source": "nginx/access.log",
                "format": "nginx_access",
                "hop": "web_server",
                "local_time": when.replace(tzinfo=None) + timedelta(hours=9),
                "utc_offset": 32400,
            }
        )
        events.append(
            {
                **common,
                "source": "syslog",
                "format": "gunicorn_error",
                "hop": "app_server",
                "hostname": "app-1",
                "process": "gunicorn",
                "time_basis": "inferred",
                "message": "Request: GET http://app-1:443/api/ping",
            }
        )
    for number, action in enumerate(["ALLOW", "ALLOW", "BLOCK"]):
        events.append(
            {
                "source": "waf/waf.jsonl",
                "line": number + 1,
                "lines": 1,
                "offset": number * 200,
                "length": 200,
                "time": NOON - timedelta(minutes=2 - number),
                "time_basis": "written",
                "format": "aws_waf",
                "hop": "waf",
                "client_ip": "203.0.113.7",
                "client_scope": "public",
                "method": "GET",
                "path": "/app/admin" if action == "BLOCK" else "/",
                "status": 403 if action == "BLOCK" else None,
                "action": action,
                "rule": "AdminProtection_URIPATH" if action == "BLOCK" else None,
                "rule_group": "AWSManagedRulesAdminProtectionRuleSet",
                "extra": '{"webaclId":"arn:aws:wafv2:ap-northeast-1:123456789012:'
                'regional/webacl/front-acl/0aa1"}',
            }
        )
    return sorted(events, key=lambda e: (e["source"], e["offset"]))


def _source(name: str, lines: int, **more: Any) -> dict[str, Any]:
    ledger = {
        f"{kind}_lines": 0 for kind in ("continuation", "blank", "header", "unparsed")
    }
    whole = {
        "verdict": "complete",
        "events": lines,
        "events_lines": lines,
        "lines": lines,
    }
    bytes_ = {"size": lines * 90, "stream_size": lines * 90, "codec": "plain"}
    times = {
        "first_time": NOON - timedelta(minutes=30),
        "last_time": NOON + timedelta(minutes=30),
    }
    digest = hashlib.sha256(name.encode()).hexdigest()
    return {
        "source": name,
        "sha256": digest,
        **ledger,
        **whole,
        **bytes_,
        **times,
        **more,
    }


def story_tables() -> dict[str, list[dict[str, Any]]]:
    """The tables of a WAF block that neither web server nor application saw."""
    evidence = {"hop": "waf", "source": "waf/waf.jsonl", "line": 3, "offset": 400}
    return {
        "events": _events(),
        "sources": [
            _source("nginx/access.log", 180, format="nginx_access", hop="web_server"),
            _source("syslog", 182, format="syslog", events=180, events_lines=180,
                    unparsed_lines=2, hop="app_server"),
            _source("waf/waf.jsonl", 3, format="aws_waf", hop="waf"),
            _source("notes.bin", 0, verdict="unsupported", detail="no format fits"),
            _source("old.log.gz", 40, verdict="truncated", codec="gzip",
                    detail="the gzip data ends early, at byte 1203"),
        ],
        "clocks": [
            {"source": "nginx/access.log", "stamp": "event", "basis": "written",
             "confidence": "certain", "votes_for": 180, "votes_against": 0},
            {"source": "syslog", "stamp": "envelope", "utc_offset": 0, "zone": "UTC",
             "year": 2025, "basis": "inferred", "confidence": "strong", "skew": 0.4,
             "votes_for": 172, "votes_against": 3, "method": "inner stamps",
             "detail": "172 inner stamps differ from the outer by 9 hours"},
        ],
        "requests": [
            {"time": NOON, "status": 403, "method": "GET", "path": "/app/admin",
             "client_ip": "203.0.113.7", "answered_by": "waf", "cause": "waf_rule",
             "rule": "AdminProtection_URIPATH", "confidence": "certain",
             "evidence": [evidence], "missing": ["load_balancer"],
             "explanation": "The WAF blocked it."},
            {"time": NOON + timedelta(minutes=9), "status": 502, "method": "GET",
             "path": "/report?x", "answered_by": "web_server", "confidence": "weak",
             "cause": "upstream_closed", "client_ip": "10.1.1.210"},
        ],
        "gaps": [
            {"hop": "load_balancer", "kind": "absent",
             "start": NOON - timedelta(hours=1), "end": NOON + timedelta(hours=1),
             "detail": "only private clients",
             "ask_for": "ALB access logs 05:00-06:00Z from the AWS account's owner"},
            {"hop": "web_server", "source": "nginx/access.log", "kind": "gap",
             "start": NOON + timedelta(minutes=11), "end": NOON + timedelta(minutes=14),
             "expected": 9.0, "detail": "quiet for 180 s", "ask_for": ""},
        ],
        "unparsed": [
            {"source": "syslog", "line": number, "offset": number * 90, "length": 20,
             "reason": "no format claims the line", "sha256": "0" * 64,
             "text": "-- cut here --"}
            for number in (7, 9)
        ],
    }  # fmt: skip


def story_answer() -> dict[str, Any]:
    """findings.json and case.json of the same story."""
    proof = {
        "source": "waf/waf.jsonl",
        "line": 3,
        "offset": 400,
        "length": 200,
        "sha256": hashlib.sha256(WAF_LINE.encode()).hexdigest(),
        "time": "2025-02-06T05:32:07Z",
        "text": WAF_LINE,
        "hop": "waf",
    }
    verdict = {
        "question": {"at": "2025-02-06T14:32:00+09:00", "status": 403,
                     "path": "/app/admin"},
        "answered_by": "waf",
        "candidates": [],
        "cause": "waf_rule",
        "rule": "AdminProtection_URIPATH",
        "confidence": "certain",
        "sentence": "The WAF answered 403 on GET /app/admin: rule "
        "AdminProtection_URIPATH blocked it.",
        "evidence": [proof],
        "missing": ["load_balancer"],
        "ask_for": ["ALB access logs 05:00-06:00Z from the AWS account's owner"],
        "hypotheses": [
            {"hop": "waf", "cause": "waf_rule", "confidence": "certain",
             "for": ["action BLOCK at the minute"], "against": [],
             "settled_by": "nothing"},
            {"hop": "web_server", "cause": "access_forbidden", "confidence": "none",
             "for": [], "against": ["nginx logged all along and has no such request"],
             "settled_by": "nginx configuration"},
        ],
        "path": [{"hop": "waf", "time": "2025-02-06T05:32:07Z", "duration": None,
                  "source": "waf/waf.jsonl", "line": 3, "status": 403}],
    }  # fmt: skip
    finding = {
        "id": "waf-block",
        "title": "A WAF rule blocked requests",
        "level": "high",
        "summary": "AdminProtection_URIPATH blocked 1 request of 1 client.",
        "count": 1,
        "first_seen": "2025-02-06T05:32:07Z",
        "last_seen": "2025-02-06T05:32:07Z",
        "hop": "waf",
        "evidence": [proof],
        "ask_for": ["the web ACL's configuration"],
        "confidence": "certain",
        "falsepositives": ["an attack is blocked as it should"],
        "references": ["https://example.com/waf"],
    }
    quiet = {**finding, "id": "private-clients", "level": "informational", "hop": None,
             "title": "Only private clients", "evidence": [], "ask_for": [],
             "summary": "180 of 180 clients are private."}  # fmt: skip
    return {
        "findings": {
            "schema_version": 1,
            "verdict": verdict,
            "findings": [finding, quiet],
            "not_run": [{"id": "alb-502", "title": "502 of the load balancer",
                         "reason": "the archive holds no events of load_balancer"}],
        },
        "case": {
            "tool": {"name": "forensic", "version": "0.1.0", "schema": 1},
            "arguments": {
                "archives": ["/nowhere/export"],
                "question": {"at": "2025-02-06 14:32 +09:00", "status": 403},
            },
            "run": {"began": "2026-01-01T00:00:00Z"},
            "verdict": verdict,
        },
    }  # fmt: skip


@pytest.fixture
def story_case(tmp_path: Path) -> Case:
    """The case of a WAF block."""
    return write_case(tmp_path / "story.case", story_tables(), story_answer())


@pytest.fixture
def make_case(tmp_path: Path) -> Callable[..., Case]:
    """A function of tables and answer that writes a case."""

    def make(tables: Mapping[str, Rows], answer: Mapping[str, Any]) -> Case:
        return write_case(tmp_path / "made.case", tables, answer)

    return make


@pytest.fixture
def story() -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """Tables and answer of the WAF block, to be changed at will."""
    return story_tables(), story_answer()


@pytest.fixture
def poison() -> Callable[[Any, str], Any]:
    """The function that puts a payload into every text of a value."""
    return poisoned


def poisoned(value: Any, payload: str) -> Any:
    """The value with the payload in every text, at every depth."""
    if isinstance(value, str):
        return value + payload
    if isinstance(value, Mapping):
        return {name: poisoned(inner, payload) for name, inner in value.items()}
    if isinstance(value, list):
        return [poisoned(inner, payload) for inner in value]
    return value


@pytest.fixture(scope="session", autouse=True)
def evidence_is_left_as_it_was() -> Iterator[None]:
    """T01: no test and no run of the tool changes a file of the fixtures."""

    def state() -> dict[str, tuple[int, ...]]:
        found = {}
        for path in (Path(__file__).parent.parent / "fixtures").rglob("*"):
            if "__pycache__" not in path.parts:
                told = path.lstat()
                times = () if path.is_dir() else (told.st_mtime_ns, told.st_ctime_ns)
                found[str(path)] = (told.st_mode, told.st_size, told.st_ino, *times)
        return found

    before = state()
    yield
    assert before == state()
