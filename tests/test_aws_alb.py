"""ALB rows: what a client wrote never moves into the fields behind it."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forensic.formats.aws_alb import FORMAT

LEFT = (
    "https 2025-02-06T05:32:08.500000Z app/p/5 198.51.100.4:40001 10.0.1.23:80"
    " 0.001 0.120 0.000 200 201 412 5120 "
)
GROUP = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/web/7"
ROOT = "1-67a44958-aaaaaaaaaaaaaaaaaaaaaaaa"
RIGHT = f'- - {GROUP} "Root={ROOT}" "example.com" "session-reused" 10 '
RIGHT += (
    '2025-02-06T05:32:08.379000Z "waf,forward" "-" "-" "10.0.1.23:80" "201" "-" "-"'
)


def parse(line: str) -> dict[str, Any]:
    (found,) = FORMAT.parse(pl.Series([line])).to_dicts()
    return {key: value for key, value in found.items() if value is not None}


def line(
    request: str = "GET https://example.com:443/a?b HTTP/1.1", agent: str = "x"
) -> str:
    return f'{LEFT}"{request}" "{agent}" {RIGHT}'


def test_a_whole_row() -> None:
    found = parse(line())
    assert found["trace_id"] == ROOT
    assert (found["status"], found["upstream_status"]) == (200, 201)
    assert found["duration"] == pytest.approx(0.121)
    assert (found["path"], found["query"], found["action"]) == (
        "/a",
        "b",
        "waf,forward",
    )


@pytest.mark.parametrize("quotes", [0, 4, 6, 10, 16, 20, 24])
def test_every_age(quotes: int) -> None:
    parts = line().split('"')
    text = '"'.join(parts[: quotes + 1]).rstrip() if quotes else line()
    found = parse(text)
    assert "refused" not in found
    assert found["user_agent"] == "x"


@settings(deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_an_agent_moves_nothing(agent: str) -> None:
    found = parse(line(agent=agent))
    assert found["trace_id"] == ROOT
    assert (found["status"], found["action"]) == (200, "waf,forward")
    assert found["path"] == "/a"


@settings(deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_a_url_moves_nothing(url: str) -> None:
    found = parse(line(request=f"GET https://example.com:443/{url} HTTP/1.1"))
    assert found["trace_id"] == ROOT
    assert found["status"] == 200


def test_a_forged_row_inside_an_agent_is_doubtful() -> None:
    forged = f'x" - - - "Root=1-00000000-{"b" * 24}" "-" "-" 0 - "waf" "-" "-'
    found = parse(line(agent=forged))
    assert (found["trace_id"], found["action"]) == (ROOT, "waf,forward")
    assert found["flags"] == ["forgery_suspect"]


def test_a_cut_row_is_refused() -> None:
    assert set(parse(LEFT)) == {"refused"}


def test_only_rows_with_escapes_are_escaped() -> None:
    strange = line().replace("Root=", "Self=1-a\\b\nc;Root=")
    several = [line(), strange, line(agent="a\\x22b"), line()]
    found = FORMAT.parse(pl.Series(several)).to_dicts()
    assert found[0] == found[3]
    extra = [json.loads(row["extra"]) for row in found]
    assert extra[1] == extra[0] | {"trace_self": "1-a\\b\nc"}
    assert extra[2] == extra[0]
