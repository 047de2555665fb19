"""detect: order, evidence, what could not run, copies, the moment that was asked."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from forensic import findings, pipeline
from forensic.case import Case
from forensic.rules import all_rules
from forensic.schema import LEVELS

Tables = dict[str, list[dict[str, Any]]]
Story = tuple[Tables, dict[str, Any]]
Detect = Callable[[dict[str, Any]], dict[str, Any]]
ROOT = Path(__file__).parent.parent
ASKED = {"at": "2025-02-06 14:32 +09:00", "status": 403, "path": "/app/admin"}


@pytest.fixture
def tables(story: Story) -> Tables:
    """Tables of the WAF block; every request is as whole as hops makes them."""
    found, _ = story
    whole = {"evidence": [], "missing": [], "explanation": "It was answered."}
    found["requests"] = [whole | row for row in found["requests"]]
    return found


@pytest.fixture
def detect(story: Story, tables: Tables, make_case: Callable[..., Case]) -> Detect:
    """Make the function that detects, for a question, in a case of these tables."""

    def run(question: dict[str, Any]) -> dict[str, Any]:
        return findings.detect(make_case(tables, story[1]), question, read_span)

    return run


def read_span(source: str, offset: int, length: int) -> bytes:
    """Bytes that name their own place, so that a wrong place shows."""
    return f"{source}@{offset}\xff".encode("latin-1").ljust(length - 1) + b"\n"


def test_evidence_is_read_back(detect: Detect) -> None:
    result = detect(ASKED)
    assert result["findings"]
    for row in [e for f in result["findings"] for e in f["evidence"]]:
        data = read_span(row["source"], row["offset"], row["length"])
        assert row["sha256"] == hashlib.sha256(data).hexdigest()
        assert row["text"].startswith(f"{row['source']}@{row['offset']}\\xff")
        assert not row["text"].endswith("\n")
        assert row["time"] is None or row["time"].endswith("Z")


def test_most_serious_first_and_repeatable(detect: Detect) -> None:
    first = detect(ASKED)
    ranks = [LEVELS.index(finding["level"]) for finding in first["findings"]]
    assert ranks == sorted(ranks)
    assert detect(ASKED) == first


def test_rules_without_evidence_say_so(detect: Detect) -> None:
    result = detect({})
    refused = {entry["id"]: entry["reason"] for entry in result["not_run"]}
    assert refused["lb-no-target"] == "the archive holds no events of load_balancer"
    assert "private-clients" not in refused
    known = {rule.id for rule in all_rules()}
    assert refused.keys() <= known
    assert not refused.keys() & {finding["id"] for finding in result["findings"]}


def test_a_copied_file_counts_once(tables: Tables, detect: Detect) -> None:
    original = [e for e in tables["events"] if e["source"] == "nginx/access.log"]
    tables["events"] += [event | {"source": "zz/copy.log"} for event in original]
    source = next(s for s in tables["sources"] if s["source"] == "nginx/access.log")
    copy = {"source": "zz/copy.log", "duplicate_of": "nginx/access.log"}
    tables["sources"].append(source | copy)
    result = detect({})
    by_id = {finding["id"]: finding for finding in result["findings"]}
    assert by_id["private-clients"]["count"] == len(original)
    assert "zz/copy.log" in by_id["duplicate-source"]["summary"]


def test_an_extract_of_a_log_counts_once(tables: Tables, detect: Detect) -> None:
    own = next(e for e in tables["events"] if e["source"] == "nginx/access.log")
    log = [own | {"path": f"/{n}", "line": n + 1, "offset": 99 * n} for n in range(9)]
    rest = [e for e in tables["events"] if e["source"] != "nginx/access.log"]
    tables["events"] = [*rest, *log, *(e | {"source": "tail.txt"} for e in log[3:8])]
    by_id = {finding["id"]: finding for finding in detect({})["findings"]}
    assert by_id["private-clients"]["count"] == len(log)
    told = by_id["copied-lines"]
    assert told["summary"].startswith("nginx/access.log holds every request of 1 other")
    assert "tail.txt" in told["summary"]


def test_evidence_near_the_question_comes_first(detect: Detect) -> None:
    near = detect(ASKED)
    early = detect({})
    by_id = [
        next(f for f in result["findings"] if f["id"] == "private-clients")
        for result in (near, early)
    ]
    assert by_id[0]["evidence"][0]["time"].startswith("2025-02-06T05:32")
    assert by_id[1]["evidence"][0]["time"] == by_id[1]["first_seen"]


def test_events_without_time_keep_their_order(tables: Tables, detect: Detect) -> None:
    tables["events"] = [event | {"time": None} for event in tables["events"]]
    result = detect({})
    found = next(f for f in result["findings"] if f["id"] == "private-clients")
    assert [e["line"] for e in found["evidence"]] == [1, 2, 3, 4, 5]
    assert found["first_seen"] is None


@pytest.mark.parametrize("micros", [0, 1, 123000])
def test_times_are_iso_with_a_z(tables: Tables, detect: Detect, micros: int) -> None:
    shift = timedelta(microseconds=micros)
    tables["events"] = [e | {"time": e["time"] + shift} for e in tables["events"]]
    result = detect({})
    moment = next(f for f in result["findings"] if f["id"] == "private-clients")
    fraction = f".{micros:06}" if micros else ""
    assert moment["first_seen"] == f"2025-02-06T05:02:07{fraction}Z"


def test_evidence_shows_the_time_that_its_line_says(tmp_path: Path) -> None:
    archive = ROOT / "fixtures" / "cases" / "waf_403_admin" / "archive"
    request = pipeline.Request(
        archives=(archive,), case=tmp_path / "x.case", jobs=0, question=ASKED
    )
    done = pipeline.analyze(request, lambda _stage, _bytes: None)
    shown = [
        place
        for place in done.read_json("findings.json")["verdict"]["evidence"]
        if place["source"] == "nginx/access.log"
    ]
    assert shown
    for place in shown:
        stamp = datetime.fromisoformat(place["time"]) + timedelta(hours=9)
        assert f"{stamp:[%d/%b/%Y:%H:%M:%S +0900]}" in place["text"]


def test_a_log_is_asked_for_once_on_whatever_clock(tmp_path: Path) -> None:
    """The verdict says the window on its owner's clock too, and a rule does not."""
    archive = tmp_path / "export"
    archive.mkdir()
    (archive / "access.log").write_text(
        "".join(
            f"10.1.1.{n} - - [06/Feb/2025:14:{n:02}:07 +0900]"
            ' "GET /api/ping HTTP/1.1" 200 17 "-" "curl/8.5.0"\n'
            for n in range(60)
        )
    )
    (archive / "alb.log").write_text(
        "h2 2025-02-06T05:32:07.131000Z app/prod/50dc6c495c0c9188 203.0.113.9:51234 -"
        ' -1 -1 -1 403 - 812 227 "GET https://example.com:443/app/admin HTTP/2.0"'
        ' "curl/8.5.0" TLS_AES_128_GCM_SHA256 TLSv1.3 -'
        ' "Root=1-67a44957-0123456789abcdef01234567" "example.com" "arn:aws:acm:x" 0'
        ' 2025-02-06T05:32:07.121000Z "waf" "-" "-" "-" "-" "-" "-"\n'
    )
    request = pipeline.Request(
        archives=(archive,),
        case=tmp_path / "x.case",
        jobs=0,
        question={"at": "2025-02-06 14:32 +09:00", "status": 403},
    )
    done = pipeline.analyze(request, lambda _stage, _bytes: None)
    wishes = done.read_json("findings.json")["verdict"]["ask_for"]
    assert len([wish for wish in wishes if wish.startswith("AWS WAF log")]) == 1


def test_an_answer_asks_for_what_findings_about_its_own_lines_want(
    tmp_path: Path,
) -> None:
    archive = tmp_path / "export"
    archive.mkdir()
    (archive / "error.log").write_text(
        "2025/02/06 14:32:07 [error] 9#9: *1 upstream prematurely closed connection"
        " while reading response header from upstream, client: 10.0.0.1, server: ,"
        ' request: "GET /pay HTTP/1.1", upstream: "http://127.0.0.1:8000/pay"\n'
        "2025/02/06 14:40:00 [error] 9#9: *2 limiting requests, excess: 1.9 by zone"
        ' "api", client: 10.0.0.1, server: , request: "GET /list HTTP/1.1"\n'
    )
    request = pipeline.Request(
        archives=(archive,), case=tmp_path / "x.case", jobs=0, question={"path": "/pay"}
    )
    done = pipeline.analyze(request, lambda _stage, _bytes: None)
    wishes = done.read_json("findings.json")["verdict"]["ask_for"]
    assert "log of the kernel, same seconds" in wishes
    assert not [wish for wish in wishes if "limit" in wish]


def test_an_answer_asks_for_nothing_that_a_hop_behind_it_lacks(tmp_path: Path) -> None:
    archive = tmp_path / "export"
    archive.mkdir()
    (archive / "access.log").write_text(
        "".join(
            f"10.0.1.{n % 2} - - [06/Feb/2025:05:{minute}:{n:02} +0000]"
            ' "GET /health HTTP/1.1" 200 17 "-" "ELB-HealthChecker/2.0"\n'
            for minute in range(30, 35)
            for n in range(0, 60, 5)
        )
    )
    (archive / "alb.log").write_text(
        "h2 2025-02-06T05:32:07.131000Z app/prod/50dc6c495c0c9188 203.0.113.9:51234 -"
        ' 0.000 0.000 0.000 403 - 812 227 "GET https://example.com:443/in HTTP/2.0"'
        ' "curl/8.5.0" TLS_AES_128_GCM_SHA256 TLSv1.3 -'
        ' "Root=1-67a44957-0123456789abcdef01234567" "example.com" "arn:aws:acm:x" 5'
        ' 2025-02-06T05:32:07.121000Z "fixed-response" "-" "-" "-" "-" "-" "-"\n'
    )
    request = pipeline.Request(
        archives=(archive,),
        case=tmp_path / "x.case",
        jobs=0,
        question={"at": "2025-02-06 05:32Z", "status": 403},
    )
    done = pipeline.analyze(request, lambda _stage, _bytes: None)
    found = done.read_json("findings.json")
    wishes = found["verdict"]["ask_for"]
    assert "it never came that far" in found["verdict"]["sentence"]
    assert wishes == ["listener rules and when they last changed"]
