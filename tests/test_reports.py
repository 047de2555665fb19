"""The terminal and the ticket say the answer first, safely, at any width."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from rich.cells import cell_len

from forensic import hops
from forensic.case import Case
from forensic.errors import UsageError
from forensic.reports import (
    digest,
    html,
    markdown,
    stack,
    terminal,
    times,
    titles,
    words,
)
from forensic.reports.words import speaker
from forensic.rules import all_rules
from forensic.schema import CAUSES, CONFIDENCE, HOPS, LEVELS, VERDICTS

HOSTILE = (
    "\x1b]0;x\x07\x1b[2J\r\x9b\u202e\u200b\U000e0041[/red]`<b>:boom: Cookie: a=CANARY"
)


@pytest.fixture
def hostile_case(
    make_case: Callable[..., Case],
    story: tuple[dict[str, Any], dict[str, Any]],
    poison: Callable[..., Any],
) -> Case:
    tables, answer = story
    free = {"sources", "events", "unparsed", "gaps", "clocks", "requests"}
    fixed = {
        "hop", "verdict", "basis", "time_basis", "confidence", "stamp", "client_scope",
        "kind", "answered_by", "level",
    }  # fmt: skip
    dirty = {
        name: [
            {k: v if k in fixed else poison(v, HOSTILE) for k, v in row.items()}
            for row in rows
        ]
        for name, rows in tables.items()
        if name in free
    }
    verdict = answer["findings"]["verdict"]
    answer["findings"]["verdict"] = poison(verdict, HOSTILE)
    for finding in answer["findings"]["findings"]:
        finding.update(poison({**finding, "level": None}, HOSTILE), level="high")
    return make_case(dirty, answer)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_terminal_keeps_its_width(story_case: Case, width: int) -> None:
    text = terminal.render(story_case, width, colour=False)
    assert "\x1b" not in text
    copied = re.compile(r" *(?:\S+:\d+|forensic |open |\[)")  # never folded
    folded = [line for line in text.splitlines() if not copied.match(line)]
    assert max(cell_len(line) for line in folded) <= width
    assert len(folded) > 30
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_what_was_not_read_whole_stands_beside_the_answer(
    make_case: Callable[..., Case], story: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    tables, answer = story
    cut, rest = {**tables["sources"][0], "verdict": "truncated"}, tables["sources"][1:]
    whole = [{**row, "verdict": "complete"} for row in rest]
    case = make_case({**tables, "sources": [cut, *whole]}, answer)
    told = f"{cut['source']} (cut short)"
    assert digest.broken(case, words.speaker("en")) == told
    screen = terminal.render(case, 200, colour=False)
    assert screen.index(told) < screen.index("EVIDENCE")
    report = markdown.render(case, "en")
    assert report.index(told) < report.index("### Evidence")


def test_of_two_clocks_in_one_file_it_is_said_which_is_which(
    make_case: Callable[..., Case], story: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    tables, answer = story
    clock = {**tables["clocks"][0], "source": "syslog", "basis": "inferred"}
    rows = [{**clock, "stamp": stamp} for stamp in ("event", "envelope")]
    case = make_case({**tables, "clocks": rows}, answer)
    screen = terminal.render(case, 200, colour=False)
    assert re.findall(r"^  (syslog(?: \(.*?\))?) {2}", screen, re.MULTILINE) == [
        "syslog",
        "syslog (envelope)",
    ]
    assert "`syslog (envelope)`" in markdown.render(case, "en")
    assert b"syslog (envelope)" in html.render(case, "en")


def test_the_answer_comes_first(story_case: Case) -> None:
    lines = terminal.render(story_case, 80, colour=False).splitlines()
    assert lines[0].startswith("The WAF answered 403 on GET /app/admin")
    text = "\n".join(lines)
    order = [
        "confidence      certain",
        "not read whole  old.log.gz",
        "waf/waf.jsonl:3 @400",
        "ASK FOR",
        "WHAT WAS GIVEN",
    ]
    order += ["HIGH  A WAF rule", "HOPS", "CLOCKS", "forensic show"]
    places = [text.index(piece) for piece in order]
    assert places == sorted(places)


def test_colour_is_only_colour(story_case: Case) -> None:
    plain = terminal.render(story_case, 80, colour=False)
    coloured = terminal.render(story_case, 80, colour=True)
    assert re.search(r"\x1b\[[0-9;]+m", coloured)
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in bare.splitlines()] == plain.splitlines()


def test_nothing_hostile_reaches_the_terminal(hostile_case: Case) -> None:
    coloured = terminal.render(hostile_case, 100, colour=True)
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert all(c.isprintable() for c in bare.replace("\n", ""))
    assert "CANARY" not in bare
    assert "\\x1b]0;" in bare.replace("\n", "")


@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_nothing_hostile_reaches_the_ticket(hostile_case: Case, lang: str) -> None:
    text = markdown.render(hostile_case, lang)
    assert all(c.isprintable() for c in text.replace("\n", ""))
    assert "CANARY" not in text
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    kinds = {child.type for token in tokens for child in token.children or [token]}
    assert "code_inline" in kinds
    assert not kinds & {"html_inline", "html_block", "link_open", "image", "fence"}


def test_the_ticket_speaks_japanese(story_case: Case) -> None:
    text = markdown.render(story_case, "ja")
    assert "WAFが 403 を返しました" in text
    assert "## 検出事項" in text
    assert "nginx logged all along" in text  # evidence and the tool's own reasons stay


def test_japanese_titles_belong_to_rules() -> None:
    assert speaker("ja")("record of the request") == "このリクエストの記録"
    assert titles.JAPANESE.keys() <= {rule.id for rule in all_rules()}
    rule = {"id": "waf-terminating-rule", "title": "A WAF rule refused requests"}
    assert titles.title(rule, "en") == "A WAF rule refused requests"
    assert titles.title(rule, "ja") == "WAF のルールがリクエストを拒否"
    assert titles.title({"id": "own-rule", "title": "Mine"}, "ja") == "Mine"


def test_an_empty_case_says_so(make_case: Callable[..., Case]) -> None:
    case = make_case({}, {"findings": {"findings": [], "verdict": {}}, "case": {}})
    assert terminal.render(case, 80, colour=False).startswith("No error response")
    assert "No error response was found" in markdown.render(case, "en")


def test_unknown_languages_are_refused() -> None:
    with pytest.raises(UsageError, match="en and ja"):
        words.speaker("xx")


@pytest.mark.parametrize("key", [*HOPS, *CAUSES, *CONFIDENCE, *LEVELS, *VERDICTS])
def test_the_schema_has_words(key: str) -> None:
    assert words.speaker("ja")(key) != key.replace("_", " ") or key == "cdn"


def test_what_a_line_shows_has_words() -> None:
    """Each role that a verdict gives to a line as it stands in the code."""
    files = Path(hops.__file__).parent.rglob("*.py")
    code = "".join(path.read_text("utf-8") for path in files)
    roles = {*re.findall(r'"role": "([^"{]+)"', code)}
    assert "about that moment" in roles
    assert {role for role in roles if words.speaker("ja")(role) == role} == set()


@pytest.mark.parametrize(
    ("value", "offset", "text"),
    [
        ("2025-02-06T05:32:07Z", 32400, "2025-02-06 14:32:07 +09:00"),
        ("2025-02-06T05:32:07Z", None, "2025-02-06 05:32:07Z"),
        ("2025-02-06T05:32:07+09:00", -12600, "2025-02-05 17:02:07 -03:30"),
        ("9999-12-31T23:59:59Z", 32400, "9999-12-31 23:59:59Z"),
        ("yesterday", 0, "yesterday"),
        (None, 0, ""),
    ],
)
def test_stamps(value: str | None, offset: int | None, text: str) -> None:
    assert times.stamp(value, offset) == text


def test_a_sure_answer_asks_for_little_else(
    make_case: Callable[..., Case], story: tuple[Any, Any]
) -> None:
    tables, answer = story
    verdict = answer["findings"]["verdict"]
    others = [f"thing {number}" for number in range(9)]
    answer["findings"]["findings"][0]["ask_for"] = others

    def asked() -> str:
        text = terminal.render(make_case(tables, answer), 100, colour=False)
        return text.split("ASK FOR\n")[1].split("\n\n")[0]

    # What was asked wants no more than its own; without a question a little more.
    assert [line[:9] for line in asked().splitlines()] == ["  - ALB a", "  9 more:"]
    verdict["question"] = None
    assert [line[:9] for line in asked().splitlines()] == [
        f"  - {name}" for name in ("ALB a", "thing", "thing", "thing")
    ] + ["  6 more:"]
    assert asked().index(verdict["ask_for"][0]) < asked().index("thing 0 [waf-block]")
    case = make_case(tables, answer)
    ticket = markdown.render(case, "en").split("### Ask for")[1].split("##")[0]
    assert "thing 2" in ticket
    assert "thing 3" not in ticket
    assert "6 more: forensic coverage" in ticket


def test_lines_of_files_that_are_no_logs_stand_apart(
    make_case: Callable[..., Case], story: tuple[Any, Any]
) -> None:
    tables, answer = story
    image = next(row for row in tables["sources"] if row["source"] == "notes.bin")
    image |= {"lines": 900, "unparsed_lines": 900}
    tables["unparsed"].append({"source": "notes.bin", "line": 1, "offset": 0,
                               "reason": "no format", "text": "PNG"})  # fmt: skip
    case = make_case(tables, answer)
    for lang, sentence in (
        ("en", "+ 2 not parsed + 900 in files that are no logs"),
        ("ja", "+ 解釈不能 2 + ログでないファイル内 900"),
    ):
        assert sentence in terminal.ledger(digest.totals(case), lang)
        assert sentence in re.sub(r"\\", "", markdown.render(case, lang))
    assert {row["source"] for row in digest.unparsed(case, 9)} == {"syslog"}


def _enveloped(answer: Any) -> None:
    """Put the WAF record into an envelope that is longer than what is shown."""
    filler = ", ".join(f'"field{number}": "{number:08}"' for number in range(60))
    cookie = '"name":"Cookie","value":"sid=' + "CANARY" * 40 + '"'
    line = (
        "{" + filler + "," + cookie + ',"message":"terminatingRuleId '
        "AdminProtection_URIPATH of " + "x" * 900 + '"}'
    )
    answer["findings"]["verdict"]["evidence"][0]["text"] = line


def test_the_decisive_word_is_shown_wherever_it_stands(
    make_case: Callable[..., Case], story: tuple[Any, Any]
) -> None:
    tables, answer = story
    _enveloped(answer)
    case = make_case(tables, answer)
    part = "terminatingRuleId AdminProtection_URIPATH of x"
    pages = {
        "terminal": terminal.render(case, 4000, colour=False),
        "markdown": markdown.render(case, "en"),
        "html": html.render(case, "en").decode(),
    }
    for page in pages.values():
        line = next(line for line in page.splitlines() if part in line)
        assert line.count("…") == 2
        assert "CANARY" not in page
        assert "field0" not in line


def test_a_waf_rule_counts_the_clients_it_also_let_in(story_case: Case) -> None:
    (rule,) = digest.waf_rules(story_case, 5)
    assert (rule["count"], rule["clients"], rule["also_allowed"]) == (1, 1, 1)


def test_a_clock_is_set_right_only_where_it_was_off() -> None:
    written = "2025-02-06T05:32:07+00:00"
    near = {"time": written, "corrected": "2025-02-06T05:32:06.771+00:00"}
    ahead = {"time": written, "corrected": "2025-02-06T05:28:00+00:00"}
    assert times.set_right(near) is None
    assert times.set_right({"time": written}) is None
    assert times.stamp(times.set_right(ahead)) == "2025-02-06 05:28:00Z"


def test_what_several_findings_ask_for_is_asked_once(
    make_case: Callable[..., Case], story: tuple[Any, Any]
) -> None:
    tables, answer = story
    first = answer["findings"]["findings"][0]
    other = first | {"id": "slow-requests"}
    answer["findings"]["findings"] = [first | {"ask_for": ["that"]}, other]
    other["ask_for"] = ["that", "more"]
    asked = digest.to_ask(make_case(tables, answer))
    assert asked[-2:] == [
        f"that [{first['id']}, slow-requests]",
        "more [slow-requests]",
    ]


def test_a_hop_that_logs_no_status_counts_no_errors(
    make_case: Callable[..., Case], story: tuple[Any, Any]
) -> None:
    tables, answer = story
    rows = tables["events"]
    rows.append(rows[-1] | {"hop": "host", "status": None, "line": 999})
    counts = {
        row["hop"]: row.get("errors") for row in stack.hops(make_case(tables, answer))
    }
    assert counts["host"] is None
    assert counts["waf"]
