"""The page is one safe file below a megabyte that says the same as the terminal."""

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from forensic.case import Case
from forensic.reports import html, lanes, svg, words

PAYLOADS = [
    "<script>document.title='owned'</script>",
    "</style><script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "<!--<script>",
    "{{ 7*7 }}{% raw %}",
    "\u2028</code>\u202e<b>",
]


class Elements(HTMLParser):
    """Counts elements and keeps their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one element."""
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value for name, value in attrs if name == "id" and value]


def elements(page: bytes) -> Elements:
    found = Elements()
    found.feed(page.decode())
    return found


@pytest.fixture
def poisoned_case(
    make_case: Callable[..., Case],
    story: tuple[dict[str, Any], dict[str, Any]],
    poison: Callable[..., Any],
    request: pytest.FixtureRequest,
) -> Case:
    tables, answer = story
    fixed = {
        "hop", "verdict", "basis", "time_basis", "confidence", "stamp", "client_scope",
        "kind", "answered_by", "level",
    }  # fmt: skip
    dirty = {
        name: [
            {k: v if k in fixed else poison(v, request.param) for k, v in row.items()}
            for row in rows
        ]
        for name, rows in tables.items()
    }
    verdict = answer["findings"]["verdict"]
    answer["findings"]["verdict"] = poison(verdict, request.param)
    for finding in answer["findings"]["findings"]:
        finding.update(poison({**finding, "level": None}, request.param), level="high")
    return make_case(dirty, answer)


@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_the_page_has_its_parts_in_reading_order(story_case: Case, lang: str) -> None:
    page = html.render(story_case, lang)
    parts = ["answer", "given", "stack", "timeline", "coverage", "findings", "requests"]
    parts += ["clocks", "unparsed", "reproduce"]
    ids = [name for name in elements(page).ids if name in parts]
    assert ids == parts
    assert f'<html lang="{lang}">' in page.decode()


def test_the_page_says_who_why_and_how_sure(story_case: Case) -> None:
    page = html.render(story_case, "en").decode()
    head = page[page.index("<main>") :][:2000]
    for piece in ("The WAF answered 403", "a WAF rule", "certain", "load balancer"):
        assert piece in head
    assert "2025-02-06 05:32:07Z · 2025-02-06 14:32:07 +09:00" in page
    assert "CANARY" not in page


def test_the_policy_allows_this_style_and_script_only(story_case: Case) -> None:
    page = html.render(story_case, "en").decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    rules = dict(
        rule.split(" ", 1) for rule in policy[1].replace("&#39;", "'").split("; ")
    )
    assert rules["default-src"] == "'none'"
    for tag in ("style", "script"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest())
        assert rules[f"{tag}-src"] == f"'sha256-{digest.decode()}'"
    assert not elements(page.encode()).attributes & {
        "style",
        "onclick",
        "onload",
        "src",
    }


@pytest.mark.parametrize("poisoned_case", PAYLOADS, indirect=True)
def test_evidence_never_becomes_an_element(
    poisoned_case: Case, story_case: Case
) -> None:
    plain, dirty = (elements(html.render(c, "en")) for c in (story_case, poisoned_case))
    assert set(dirty.tags) <= set(plain.tags)
    assert dirty.tags.count("script") == 1
    assert dirty.attributes <= plain.attributes
    assert len(dirty.ids) == len(set(dirty.ids))


def test_the_same_case_gives_the_same_bytes(story_case: Case) -> None:
    assert html.render(story_case, "ja") == html.render(story_case, "ja")


def test_neither_folder_nor_run_is_in_the_page(story_case: Case) -> None:
    page = html.render(story_case, "en").decode()
    assert str(story_case.folder) not in page
    assert "/nowhere" not in page
    assert "2026-01-01" not in page
    assert "forensic analyze export --at" in page


def test_a_flood_stays_below_a_megabyte(
    make_case: Callable[..., Case], story: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    tables, answer = story
    long = "<\U000e0041&" * 1300
    for name in ("sources", "gaps", "clocks", "requests", "unparsed"):
        row = tables[name][-1]
        texts = {
            k: v for k, v in row.items() if k in {"source", "detail", "path", "text"}
        }
        tables[name] = [
            {**row, **{k: f"{v}{n}{long}" for k, v in texts.items()}}
            for n in range(300)
        ]
    finding = answer["findings"]["findings"][0]
    proofs = [{**finding["evidence"][0], "text": long} for _ in range(20)]
    flood = {"evidence": proofs, "summary": long, "ask_for": [long] * 20}
    answer["findings"]["findings"] = [{**finding, **flood} for _ in range(150)]
    page = html.render(make_case(tables, answer), "en")
    assert len(page) < 1_000_000
    assert b"more; `forensic query` shows all" in page


def test_an_empty_case_has_a_page(make_case: Callable[..., Case]) -> None:
    case = make_case({}, {"findings": {"findings": [], "verdict": {}}, "case": {}})
    page = html.render(case, "en").decode()
    assert "No error response was found." in page
    assert "No event carries a time." in page


# -- the charts ---------------------------------------------------------------
def test_the_stack_shows_what_is_logged_and_what_is_not(story_case: Case) -> None:
    page = html.render(story_case, "en").decode()
    stack = page[page.index("<svg") : page.index("</svg>")]
    assert 'class="node here"' in stack
    assert 'class="node dashed"' in stack
    assert "front-acl" in stack


def test_lanes_count_events_and_the_errors_a_hop_made(story_case: Case) -> None:
    window = lanes.whole(story_case)
    assert window
    found = {lane.hop: lane for lane in lanes.lanes(story_case, window)}
    assert list(found) == ["waf", "web_server", "app_server"]
    totals = [(sum(lane.events), sum(lane.errors)) for lane in found.values()]
    assert totals == [(3, 1), (180, 1), (180, 0)]


def test_a_stray_stamp_does_not_hide_the_rest(
    make_case: Callable[..., Case], story: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    tables, answer = story
    tables["events"][0]["time"] = datetime(1970, 1, 1, tzinfo=UTC)
    window = lanes.whole(make_case(tables, answer))
    assert window
    assert window.outside == 1
    assert window.end - window.start < timedelta(hours=3)


@pytest.mark.parametrize("seconds", [0, 1, 59, 3600, 86400 * 400, 86400 * 40_000])
def test_windows_have_few_steps_and_hold_both_ends(seconds: int) -> None:
    low = datetime(1980, 2, 6, 5, 32, 7, tzinfo=UTC)
    high = low + timedelta(seconds=seconds)
    window = lanes._window(low, high)  # noqa: SLF001 (its bounds matter to every chart)
    assert window.start <= low
    assert high < window.end
    assert window.count <= 102


def test_windows_end_where_the_calendar_does() -> None:
    first, last = (
        datetime(1, 1, 1, 0, 5, tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
    )
    window = lanes._window(first, last)  # noqa: SLF001 (its bounds matter to every chart)
    assert window.start <= first < last <= window.end
    assert lanes.around(first).start.year == 1
    assert lanes.around(last + timedelta(hours=23.9)).end.year == 9999


def test_gaps_are_hatched_where_they_are(story_case: Case) -> None:
    window = lanes.whole(story_case)
    assert window
    covers = lanes.cover(story_case, window)
    holes = {(row.hop, row.format): len(row.gaps) for row in covers if row.gaps}
    assert holes == {("load_balancer", ""): 1, ("web_server", "nginx_access"): 1}
    image = svg.coverage(covers, window, None, 32400, words.speaker("en"))
    assert image.count('fill="url(#hatch)"') == 2
