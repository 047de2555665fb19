"""findings.json keeps to its published schema."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from forensic.case import Case
from forensic.pipeline import Request, analyze

CASES = sorted((Path(__file__).parent.parent / "fixtures" / "cases").glob("*/archive"))


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    text = (files("forensic.reports") / "findings.schema.json").read_text("utf-8")
    schema = json.loads(text)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_hand_made_case_is_valid(
    validator: Draft202012Validator, story_case: Case
) -> None:
    validator.validate(story_case.read_json("findings.json"))


def test_the_schema_refuses_what_is_no_answer(
    validator: Draft202012Validator, story_case: Case
) -> None:
    found = story_case.read_json("findings.json")
    found["verdict"]["answered_by"] = "somebody"
    assert not validator.is_valid(found)


@pytest.mark.parametrize("archive", CASES, ids=lambda path: path.parent.name)
def test_shipped_cases_are_valid(
    validator: Draft202012Validator, archive: Path, tmp_path: Path
) -> None:
    request = Request(archives=(archive,), case=tmp_path / "made.case", jobs=0)
    case = analyze(request, lambda _stage, _done: None)
    validator.validate(case.read_json("findings.json"))
