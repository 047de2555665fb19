"""The page in a real browser: nothing runs, nothing leaves, everyone can read it.

Needs Debian's Chromium; the accessibility test also needs axe-core from npm.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from playwright.sync_api import Request as Asked

from forensic.case import Case
from forensic.pipeline import Request, analyze
from forensic.reports import html

pytestmark = pytest.mark.browser

CASES = sorted((Path(__file__).parent.parent / "fixtures" / "cases").glob("*/archive"))
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BEACON = "http://beacon.invalid/"
PAYLOADS = [
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "</style><script>document.title='owned'</script>",
    "</title><script>document.title='owned'</script>",
    "<!--<script>",
    "--><script>document.title='owned'</script>",
    f"<img src={BEACON}x onerror=document.title='owned'>",
    f"'\"><img src='{BEACON}'>",
    f"<link rel=stylesheet href={BEACON}>",
    f"<iframe src={BEACON}></iframe>",
    f"<meta http-equiv=refresh content='0;url={BEACON}'>",
    f"<svg><script href={BEACON} /></svg>",
    f"<svg onload=document.title='owned'><use href='{BEACON}#a'>",
    f"<base href={BEACON}>",
    f"<form action={BEACON}><button autofocus>",
    f"<style>@import '{BEACON}'; *{{background:url({BEACON})}}</style>",
    f'" style="background:url({BEACON})" onmouseover="document.title=1',
    "javascript:document.title='owned'",
    f"<details open ontoggle=fetch('{BEACON}')>",
    "{{ 7*7 }}{% for x in y %}${7*7}#{7*7}",
    "\u2028\u2029</code>\u202e<b>gnp.exe",
    "&lt;script&gt;&#60;script&#62;",
    "]]><script>document.title='owned'</script>",
    "\x00<scr\x00ipt>document.title='owned'</scr\x00ipt>",
]
#: Columns that are not text, or whose values our own code fixes.
FIXED = {
    "hop", "verdict", "basis", "time_basis", "confidence", "stamp", "client_scope",
    "kind", "answered_by", "level",
}  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


class Watched:
    """A page, what it asked for, and what its console said."""

    def __init__(self, context: BrowserContext, file: Path) -> None:
        self.requests: list[str] = []
        self.console: list[str] = []
        self.page: Page = context.new_page()
        self.blocked: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", self._failed)
        self.page.on("console", lambda message: self.console.append(message.text))
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.goto(file.as_uri())
        self.own = file.as_uri()

    def _failed(self, request: Asked) -> None:
        if request.failure == "csp":
            self.blocked.append(request.url)


@pytest.fixture
def watch(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    contexts: list[BrowserContext] = []

    def start(page: bytes, **options: Any) -> Watched:
        file = tmp_path / "report.html"
        file.write_bytes(page)
        contexts.append(browser.new_context(**options))
        return Watched(contexts[-1], file)

    yield start
    for context in contexts:
        context.close()


@pytest.fixture
def hostile_case(
    make_case: Callable[..., Case],
    story: tuple[dict[str, Any], dict[str, Any]],
    poison: Callable[..., Any],
) -> Case:
    """Every text of every table holds each of the payloads somewhere."""
    tables, answer = story
    spread = {}
    for name, rows in tables.items():
        count = max(len(rows), 2 * len(PAYLOADS))
        spread[name] = [
            {
                k: v if k in FIXED else poison(v, PAYLOADS[number % len(PAYLOADS)])
                for k, v in rows[number % len(rows)].items()
            }
            for number in range(count)
        ]
    first, _ = answer["findings"]["findings"]
    findings = [
        {**poison({**first, "level": None}, p), "level": "low"} for p in PAYLOADS
    ]
    answer["findings"]["findings"] = findings
    verdict = answer["findings"]["verdict"]
    answer["findings"]["verdict"] = poison(verdict, "".join(PAYLOADS))
    answer["case"] = poison(answer["case"], "".join(PAYLOADS))
    return make_case(spread, answer)


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_nothing_hostile_runs_or_leaves(
    watch: Callable[..., Watched], hostile_case: Case, lang: str
) -> None:
    seen = watch(html.render(hostile_case, lang))
    page = seen.page
    page.wait_for_timeout(300)
    for details in page.query_selector_all("details"):
        details.evaluate("element => { element.open = true }")
    page.mouse.move(300, 300)
    assert "owned" not in page.title().split("<")[0]
    assert page.evaluate("document.title") == page.title()
    assert seen.requests == [seen.own]
    assert seen.console == []
    counts = "tag => document.querySelectorAll(tag).length"
    assert page.evaluate(counts, "script") == 1
    for tag in ("img", "iframe", "form", "base", "link", "object", "use", "b"):
        assert page.evaluate(counts, tag) == 0
    assert "document.title='owned'" in page.inner_text("main")


def test_the_policy_would_refuse_what_slips_through(
    watch: Callable[..., Watched], story_case: Case
) -> None:
    """A template without escaping: the policy alone must hold the payloads."""
    held = [p for p in PAYLOADS if "refresh" not in p]  # no policy stops a redirect
    injected = "".join(held).encode()
    page = html.render(story_case, "en").replace(b"</main>", injected + b"</main>")
    seen = watch(page)
    seen.page.wait_for_timeout(300)
    assert seen.page.title() != "owned"
    assert set(seen.requests) == {seen.own, *seen.blocked}
    assert [text for text in seen.console if "Content Security Policy" in text]


def test_everything_can_be_read_without_script(
    watch: Callable[..., Watched], story_case: Case
) -> None:
    page = watch(html.render(story_case, "en"), java_script_enabled=False).page
    for part in ("#answer", "#findings", ".finding", "svg", "#reproduce"):
        assert page.locator(part).first.is_visible()
    assert not page.locator("button").first.is_visible()


@pytest.mark.parametrize("width", [360, 768, 1280, 2560])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_every_screen(
    watch: Callable[..., Watched], story_case: Case, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 800}
    page = watch(html.render(story_case, "ja"), viewport=size, color_scheme=scheme).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")


def test_the_keyboard_reaches_the_answer_the_charts_and_the_filter(
    watch: Callable[..., Watched], story_case: Case
) -> None:
    page = watch(html.render(story_case, "en")).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#answer"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.className"))
    assert "chart" in reached
    page.locator("button[data-level=high]").focus()
    page.keyboard.press("Enter")
    shown = page.locator(".finding:visible")
    assert shown.count() == 1
    assert shown.get_attribute("data-level") == "high"


def test_it_prints_with_everything_open(
    watch: Callable[..., Watched], story_case: Case, tmp_path: Path
) -> None:
    page = watch(html.render(story_case, "en")).page
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    closed = page.locator("details:not([open]):not(.twin)")
    assert closed.count() == 0
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert closed.count() > 0


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, from npm."""
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("npm is not installed: axe-core cannot be had")
    folder = tmp_path_factory.mktemp("axe")
    command = [npm, "install", "--no-save", "--ignore-scripts", "axe-core@4"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, check=False, timeout=120
    )
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    if done.returncode or not script.exists():
        if os.environ.get("CI"):
            pytest.fail("axe-core could not be installed")
        pytest.skip("axe-core could not be installed from npm")
    return script.read_text("utf-8")


@pytest.mark.parametrize("archive", CASES, ids=lambda path: path.parent.name)
def test_shipped_cases_are_quiet_narrow_and_without_barrier(
    watch: Callable[..., Watched], archive: Path, axe: str, tmp_path: Path
) -> None:
    request = Request(archives=(archive,), case=tmp_path / "made.case", jobs=0)
    page = html.render(analyze(request, lambda _stage, _done: None), "en")
    assert len(page) < 1_000_000
    seen = watch(page, viewport={"width": 360, "height": 800})
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert seen.page.locator("#headline").is_visible()
    assert (seen.requests, seen.console) == ([seen.own], [])
    assert_no_barrier(watch(page, bypass_csp=True), axe)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["en", "ja"])
def test_axe_finds_no_barrier(
    watch: Callable[..., Watched], story_case: Case, axe: str, lang: str, scheme: str
) -> None:
    page = html.render(story_case, lang)
    assert_no_barrier(watch(page, color_scheme=scheme, bypass_csp=True), axe)


def assert_no_barrier(seen: Watched, axe: str) -> None:
    seen.page.evaluate(
        "for (const d of document.querySelectorAll('details')) d.open = 1"
    )
    seen.page.evaluate(axe)
    found = seen.page.evaluate("axe.run(document)")
    told = [
        (v["id"], v["nodes"][0]["target"], v["nodes"][0]["failureSummary"])
        for v in found["violations"]
    ]
    assert told == [], json.dumps(told, indent=1)
