"""The stages in a row: what `analyze` does, and each stage alone on a case."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from forensic import __version__, events, findings, gaps, hops
from forensic.archive import hash_archives, input_hash, spans_reader
from forensic.case import Case
from forensic.clock import Overrides
from forensic.code import code
from forensic.errors import EvidenceMismatch, UsageError
from forensic.frames import frames_of, telling_of
from forensic.place import SPILL, case_folder
from forensic.plan import processes
from forensic.reports import html, markdown
from forensic.reports.excerpt import archives_of
from forensic.reports.words import speaker
from forensic.sandbox import Held
from forensic.schema import LEVELS, NOT_WHOLE, SCHEMA_VERSION
from forensic.telling import kept
from forensic.visible import visible_json
from forensic.workers import Workers

__all__ = [
    "Request",
    "analyze",
    "correlate",
    "detect",
    "exit_code",
    "levels",
    "parse",
    "report",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asked for."""

    archives: tuple[Path, ...]
    case: Path
    zones: tuple[tuple[str, str], ...] = ()
    years: tuple[tuple[str, str], ...] = ()
    log_formats: tuple[tuple[str, str], ...] = ()
    jobs: int | None = None
    question: Mapping[str, Any] = field(default_factory=dict)
    lang: str = "en"
    #: What the kernel holds this process and its workers to; nothing, in a library.
    held: Held = field(default_factory=Held)


Tell = Callable[[str, int], None]


def parse(request: Request, tell: Tell, workers: Workers | None = None) -> Case:
    """Archives ▶ a case with events, unparsed, sources, clocks.

    Without `workers` it starts as many as the request and its size ask for.
    """
    case = Case(case_folder(request.archives, request.case))
    _refuse(request)
    with case.locked():
        began = datetime.now(UTC)
        _parse(request, case, tell, workers)
        record = _record(case, request, began)
        case.publish_json("case.json", record)
        case.publish_sums()
    return case


def analyze(request: Request, tell: Tell, workers: Workers | None = None) -> Case:
    """Archives ▶ a case with everything; for `workers` see `parse`."""
    case = Case(case_folder(request.archives, request.case))
    _refuse(request)
    with case.locked():
        began = datetime.now(UTC)
        _parse(request, case, tell, workers)
        tell("correlating", 0)
        frames = frames_of(case, {})  # what both ask of all events is found once
        with ThreadPoolExecutor(1) as beside:  # much of a stage is one long step
            told = beside.submit(telling_of, case)
            if frames.many:
                told.result()
            _correlate(case)
            told.result()
        tell("looking for findings", 0)
        _detect(case, request.question, list(request.archives))
        record = _record(case, request, began)
        case.hold_json("case.json", record)  # the report tells how to reproduce it
        _report(case, request.lang)
        case.publish_json("case.json", record)
        case.publish_sums()
    return case


def correlate(case: Case) -> Case:
    """A parsed case ▶ requests and gaps."""
    return _again(case, lambda: _correlate(case))


def detect(case: Case, question: Mapping[str, Any], moved: Sequence[Path] = ()) -> Case:
    """A correlated case ▶ findings, which quote the evidence, wherever it is now.

    Raises EvidenceMismatch where that which was moved is no longer the same.
    """
    case.require()
    record = case.read_json("case.json")
    archives = archives_of(case, moved)
    if moved and record["input_sha256"] != hash_archives(archives):
        message = f"what is at {archives[0]} is not what this case was made of"
        raise EvidenceMismatch(message)
    asked = question or record["arguments"]["question"]

    def stage() -> None:
        _detect(case, asked, archives)
        record["arguments"]["question"] = dict(asked)
        record["verdict"] = case.read_json("findings.json")["verdict"]
        case.publish_json("case.json", record)

    return _again(case, stage)


def report(case: Case, lang: str) -> Case:
    """A finished case ▶ report.html and report.md."""
    return _again(case, lambda: _report(case, lang))


def levels(fail_on: str | None) -> list[str]:
    """The levels of findings for which a run fails; raises UsageError."""
    if fail_on is None:
        return []
    if fail_on not in LEVELS:
        message = f"--fail-on wants one of {', '.join(LEVELS)}"
        raise UsageError(message)
    return LEVELS[: LEVELS.index(fail_on) + 1]


def exit_code(case: Case, fail_on: str | None) -> int:
    """3 where evidence could not be read whole, 1 for `fail_on`, else 0."""
    serious = levels(fail_on)
    hurt = case.table("sources").filter(pl.col("verdict").is_in(NOT_WHOLE))
    if hurt.select(pl.len()).collect().item():
        return 3
    found = case.read_json("findings.json").get("findings", [])
    return 1 if any(one["level"] in serious for one in found) else 0


# -- stages ---------------------------------------------------------------------
def _parse(request: Request, case: Case, tell: Tell, workers: Workers | None) -> None:
    if _is_unchanged(request, case):
        return
    options = events.ParseOptions(
        jobs=workers.jobs if workers else processes(request.archives, request.jobs),
        overrides=_corrections(request),
        log_formats=request.log_formats,
        progress=tell,
    )
    events.parse(request.archives, case, options, workers)


def _refuse(request: Request) -> None:
    """Raise UsageError for what would end the run after the work."""
    hops.Question.parse(**_asked(request.question))
    _corrections(request)
    speaker(request.lang)
    for _, text in request.log_formats:
        if "$" not in text:
            message = f"--log-format wants variables such as $remote_addr, not {text}"
            raise UsageError(message)


def _corrections(request: Request) -> Overrides:
    """What the request says of clocks; raises UsageError."""
    years = tuple((glob, _year(text)) for glob, text in request.years)
    return Overrides(tz=request.zones, year=years)


def _year(text: str) -> int:
    if not (text.isdecimal() and len(text) == 4):
        message = f"--year wants GLOB=YYYY, not {text}"
        raise UsageError(message)
    return int(text)


def _correlate(case: Case) -> None:
    frames = frames_of(case, {})
    sources = frames.sources.collect()
    clocks = frames.clocks.collect()

    def keep(name: str, rows: pl.LazyFrame) -> pl.LazyFrame:
        return kept(rows, case.path(SPILL) / f"{name}.parquet", part=4)

    requests = hops.correlated(frames.events, clocks, sources, frames.counts, keep=keep)
    case.publish_table("requests", requests)
    case.publish_table("gaps", gaps.find(frames.counts, sources, clocks))


def _detect(case: Case, question: Mapping[str, Any], archives: list[Path]) -> None:
    found = findings.detect(case, question, spans_reader(archives))
    case.publish_json("findings.json", found)


def _report(case: Case, lang: str) -> None:
    case.publish("report.md", markdown.render(case, lang).encode())
    case.publish("report.html", html.render(case, lang))


def _again(case: Case, stage: Callable[[], None]) -> Case:
    """Run one stage on a finished case, whose files must be as they were written."""
    case.require_intact()
    with case.locked():
        stage()
        case.publish_sums()
    return case


# -- the case --------------------------------------------------------------------
def _record(case: Case, request: Request, began: datetime) -> dict[str, Any]:
    """What case.json says of the run; the manifest is written on the way."""
    sources = case.table("sources").collect()
    case.publish("manifest.jsonl", _manifest(sources))
    return {
        "tool": {
            "name": "forensic",
            "version": __version__,
            "schema": SCHEMA_VERSION,
            "code": code(),
        },
        "libraries": {"python": platform.python_version(), "polars": pl.__version__},
        "input_sha256": input_hash(sources.select("source", "sha256").rows()),
        "arguments": {
            "archives": [os.path.realpath(archive) for archive in request.archives],
            **_overrides(request),
            "question": dict(request.question),
        },
        "counts": {
            "files": sources.height,
            "lines": int(sources["lines"].sum()),
            "events": int(sources["events"].sum()),
            "unparsed": int(sources["unparsed_lines"].sum()),
        },
        "verdict": case.read_json("findings.json").get("verdict", {}),
        "run": {
            "began": began.isoformat(),
            "ended": datetime.now(UTC).isoformat(),
            "held": request.held._asdict(),
        },
    }


def _overrides(request: Request) -> dict[str, Any]:
    return {
        "zones": [list(pair) for pair in request.zones],
        "years": [list(pair) for pair in request.years],
        "log_formats": [list(pair) for pair in request.log_formats],
    }


def _is_unchanged(request: Request, case: Case) -> bool:
    """Whether the case holds what this code makes of this evidence already."""
    record = case.read_json("case.json")
    arguments = record.get("arguments", {})
    same = record.get("tool", {}).get("code") == code() and all(
        arguments.get(name) == value for name, value in _overrides(request).items()
    )
    if not same or case.check_sums():
        return False
    return bool(record["input_sha256"] == hash_archives(request.archives))


def _manifest(sources: pl.DataFrame) -> bytes:
    """One JSON line a file: what was handed over, by hash."""
    columns = [
        "source",
        "path_bytes",
        "size",
        "mtime",
        "sha256",
        "stream_sha256",
        "verdict",
    ]
    return visible_json(sources.select(columns).write_ndjson()).encode()


def _asked(question: Mapping[str, Any]) -> dict[str, Any]:
    return {name: question.get(name) for name in ("at", "status", "path")}
