"""The stories of fixtures/cases from end to end: each verdict is the expected one."""

import hashlib
from pathlib import Path
from typing import Any

import orjson
import pytest

from forensic import pipeline
from forensic.archive import spans_reader
from forensic.case import Case
from forensic.schema import CONFIDENCE

CASES = Path(__file__).parent.parent / "fixtures" / "cases"
STORIES = sorted(path.parent.name for path in CASES.glob("*/expected.json"))
LAWS = ["findings", "confidence", "missing", "candidates", "ask_for"]


def _analyze(story: str, folder: Path) -> tuple[dict[str, Any], Case]:
    expected = orjson.loads((CASES / story / "expected.json").read_bytes())
    request = pipeline.Request(
        archives=(CASES / story / "archive",),
        case=folder / f"{story}.case",
        jobs=0,
        question=expected["question"],
    )
    case = pipeline.analyze(request, lambda _stage, _size: None)
    wanted: dict[str, Any] = expected["verdict"]
    return wanted, case


@pytest.mark.parametrize("story", STORIES)
def test_story(story: str, tmp_path: Path) -> None:
    wanted, case = _analyze(story, tmp_path)
    result = case.read_json("findings.json")
    verdict = result["verdict"]
    for name in wanted.keys() - set(LAWS):
        assert verdict[name] == wanted[name], name
    if "confidence" in wanted:
        worst = CONFIDENCE.index(wanted["confidence"])
        assert CONFIDENCE.index(verdict["confidence"]) <= worst
    assert set(wanted.get("missing", [])) <= set(verdict["missing"])
    best = verdict["candidates"][: len(wanted.get("candidates", []))]
    assert best == wanted.get("candidates", [])
    for phrase in wanted.get("ask_for", []):
        assert any(phrase.lower() in text.lower() for text in verdict["ask_for"])
    ids = {finding["id"] for finding in result["findings"]}
    assert set(wanted["findings"]) <= ids


@pytest.mark.parametrize("story", STORIES)
def test_evidence_is_what_the_archive_holds(story: str, tmp_path: Path) -> None:
    _, case = _analyze(story, tmp_path)
    result = case.read_json("findings.json")
    read = spans_reader([CASES / story / "archive"])
    rows = [e for f in result["findings"] for e in f["evidence"]]
    rows += result["verdict"]["evidence"]
    assert rows
    for row in rows:
        data = read(row["source"], row["offset"], row["length"])
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
        assert data.rstrip(b"\r\n").decode().startswith(row["text"])
        raw = (CASES / story / "archive" / row["source"]).read_bytes()
        assert raw[: row["offset"]].count(b"\n") == row["line"] - 1


def test_no_rule_cries_wolf(tmp_path: Path) -> None:
    """What is high in a story is about that story's error."""
    allowed = {
        "waf_403_admin": {"waf-terminating-rule", "waf-false-positive"},
        "outer_hop_no_waf_log": set[str](),
        "nginx_403": set[str](),
        "worker_timeout_502": {"gunicorn-worker-timeout", "upstream-closed"},
    }
    for story, expected in allowed.items():
        _, case = _analyze(story, tmp_path)
        findings = case.read_json("findings.json")["findings"]
        serious = {f["id"] for f in findings if f["level"] in ("critical", "high")}
        assert serious == expected, story
