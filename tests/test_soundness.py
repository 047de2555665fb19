"""The list of promises is true, and those that need no run of their own."""

import ast
import random
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import polars as pl
import pytest

from forensic.errors import UsageError
from forensic.formats import load
from forensic.place import case_folder

HERE = Path(__file__).parent
ROWS = re.findall(
    r"(?m)^\| (T\d\d) \| .* \| (.*) \|$", (HERE / "soundness.md").read_text("utf-8")
)
TREES = {path: ast.parse(path.read_text("utf-8")) for path in HERE.glob("*.py")}
DOCUMENTED = {
    f"{path.name}::{node.name}": ast.get_docstring(node) or ""
    for path, tree in TREES.items()
    for node in tree.body
    if isinstance(node, ast.FunctionDef)
}


def test_the_list_of_promises_is_true() -> None:
    assert [number for number, _ in ROWS] == [f"T{n:02}" for n in range(1, 61)]
    named = {number: tests.split(", ") for number, tests in ROWS}
    for number, tests in named.items():
        assert set(tests) <= DOCUMENTED.keys(), number
    for test, text in DOCUMENTED.items():
        begins = re.match(r"((?:T\d\d(?:, )?)+):", text)
        for number in begins[1].split(", ") if begins else []:
            assert test in named[number], (number, test)


def test_no_foreign_code_is_run() -> None:
    """T56, T60: nothing of the package runs text, loads objects or extracts files."""
    calls = {"eval", "exec", "compile", "__import__", "breakpoint"}
    attributes = {
        "system",
        "popen",
        "extractall",
        "extract",
        "unsafe_load",
        "loads_all",
    }
    modules = {"yaml", "pickle", "marshal", "shelve", "subprocess", "urllib", "socket"}
    for path in (HERE.parent / "forensic").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in calls, (path, node.lineno)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                owner = node.value.id
                evil = node.attr in attributes and owner not in {"pl", "text"}
                assert not evil, (path, node.lineno)
            if isinstance(node, ast.Import | ast.ImportFrom):
                first = getattr(node, "module", None) or node.names[0].name
                assert first.split(".")[0] not in modules, (path, node.lineno)
            if isinstance(node, ast.keyword):
                assert node.arg != "shell", path


@pytest.mark.parametrize(
    ("library", "floor"),
    [("orjson", "3.11.6"), ("pyarrow", "14.0.1"), ("jinja2", "3.1.6")],
)
def test_libraries_are_newer_than_their_known_holes(library: str, floor: str) -> None:
    """T60: CVE-2025-67221, CVE-2023-47248 and CVE-2025-27516 are mended there."""
    parts = [
        [int(n) for n in text.split(".")[:3]] for text in (version(library), floor)
    ]
    assert parts[0] >= parts[1]


@pytest.mark.parametrize("name", ["report.html", "case.json", "events", ".parts"])
def test_a_planted_link_is_refused(name: str, tmp_path: Path) -> None:
    """T57: a link in the case folder, under any name of a case, leads nowhere."""
    (tmp_path / "export").mkdir()
    (tmp_path / "x.case").mkdir()
    (tmp_path / "x.case" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=re.escape(name)):
        case_folder([tmp_path / "export"], tmp_path / "x.case")
    assert not (tmp_path / "elsewhere").exists()


# -- a slow reader, from nginx's documentation of `combined` and nothing else ---------
def _until(line: str, start: int, mark: str) -> tuple[str, int]:
    """The text up to a mark, and where what follows it begins."""
    end = line.index(mark, start)
    return line[start:end], end + len(mark)


def slowly(line: str) -> dict[str, object]:
    """What `$remote_addr - $remote_user [$time_local] "$request" …` says."""
    address, at = _until(line, 0, " - ")
    user, at = _until(line, at, " [")
    stamp, at = _until(line, at, '] "')
    request, at = _until(line, at, '" ')
    status, at = _until(line, at, " ")
    size, at = _until(line, at, ' "')
    referrer, at = _until(line, at, '" "')
    agent, at = _until(line, at, '"')
    method, _, rest = request.partition(" ")
    target, _, protocol = rest.rpartition(" ")
    path, question, query = target.partition("?")
    return {
        "client_ip": address,
        "user": None if user == "-" else user,
        "local_time": datetime.strptime(stamp[:20], "%d/%b/%Y:%H:%M:%S"),  # noqa: DTZ007
        "utc_offset": int(stamp[21:24]) * 3600 + int(stamp[21] + stamp[24:]) * 60,
        "method": method,
        "path": path,
        "query": query if question else None,
        "http_version": protocol.removeprefix("HTTP/"),
        "status": int(status),
        "bytes_sent": int(size),
        "referrer": None if referrer == "-" else referrer,
        "user_agent": None if agent == "-" else agent,
    }


def test_a_slow_reader_says_the_same() -> None:
    """T16: 4,000 lines of many shapes, read by two parsers that share nothing."""
    dice = random.Random(16)
    pick = dice.choice
    words = [
        "",
        "a",
        "%2e%2e",
        "\\x22",
        "\\x5C",
        "管理",
        "a=b",
        "c+d",
        "~",
        "[x]",
        "'",
        "|",
    ]

    def text(most: int) -> str:
        return "".join(pick(words) for _ in range(dice.randint(1, most)))

    def line() -> str:
        stamp = datetime.fromtimestamp(dice.randint(1 << 29, 1 << 31), UTC)
        query = pick(["", "?", "?" + text(4), "?a=1&b?c=2"])
        agent = pick(["-", "", "curl/8.5.0", "Mozilla/5.0 (" + text(9) + ")"])
        user = pick(["-", "-", "bob", "a b"])
        return (
            f"{pick(['192.0.2.7', '2001:db8::7', 'unix:'])} - {user} "
            f"[{stamp:%d/%b/%Y:%H:%M:%S} {pick(['+0000', '+0900', '-0330', '+0545'])}] "
            f'"{pick(["GET", "POST", "PROPFIND", "M-SEARCH"])} /{text(6)}{query} '
            f'HTTP/{pick(["1.0", "1.1", "2.0"])}" '
            f"{pick([200, 304, 403, 499, 502])} {pick([0, 7, 10**6, 2**40])} "
            f'"{pick(["-", "https://example.com/" + text(3)])}" "{agent}"'
        )

    lines = [line() for _ in range(4000)]
    found = load("nginx_access").parse(pl.Series(lines, dtype=pl.String))
    assert found["refused"].is_null().all()
    for written, row in zip(lines, found.to_dicts(), strict=True):
        said = slowly(written)
        assert {name: row[name] for name in said} == said, written
