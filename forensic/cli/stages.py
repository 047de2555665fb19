"""analyze, parse, correlate, detect, report: the pipeline and its stages alone."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from forensic import pipeline
from forensic.case import Case
from forensic.cli import screen
from forensic.cli.progress import progress
from forensic.errors import UsageError
from forensic.reports import terminal

__all__ = ["COMMANDS"]

Archives = Annotated[
    list[Path],
    typer.Argument(help="Folders, files, tars or zips: the evidence, only ever read."),
]
CaseFolder = Annotated[
    Path | None,
    typer.Option("--case", help="Case folder; default NAME.case here.", metavar="DIR"),
]
Finished = Annotated[Path, typer.Argument(help="A case folder.", metavar="CASE")]
At = Annotated[
    str | None,
    typer.Option(help='When the user saw it: "2025-02-06 14:32 +09:00".'),
]
Status = Annotated[int | None, typer.Option(help="The status the user saw.")]
PathGlob = Annotated[str | None, typer.Option("--path", help="The path, or a glob.")]
Zones = Annotated[
    list[str] | None,
    typer.Option(
        "--tz", help="GLOB=ZONE: overrule a source's zone.", metavar="GLOB=ZONE"
    ),
]
Years = Annotated[
    list[str] | None,
    typer.Option("--year", help="GLOB=YYYY: overrule a year.", metavar="GLOB=YYYY"),
]
LogFormats = Annotated[
    list[str] | None,
    typer.Option(
        "--log-format",
        help="GLOB='…': nginx log_format of sources.",
        metavar="GLOB=FORMAT",
    ),
]
Jobs = Annotated[
    int | None, typer.Option(help="Worker processes; 0 runs everything in this one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Lang = Annotated[str, typer.Option(help="Language of the report's words: en, ja.")]
FailOn = Annotated[
    str | None,
    typer.Option(help="Exit 1 for a finding of this level or above.", metavar="LEVEL"),
]


def _request(
    archives: list[Path],
    case: Path | None,
    tz: list[str] | None,
    year: list[str] | None,
    log_format: list[str] | None,
    jobs: int | None,
    question: dict[str, Any] | None = None,
    lang: str = "en",
) -> pipeline.Request:
    folder = case or Path(f"{(archives[0].resolve().name or 'archive')}.case")
    return pipeline.Request(
        archives=tuple(archives),
        case=folder,
        zones=_pairs(tz, "--tz"),
        years=_pairs(year, "--year"),
        log_formats=_pairs(log_format, "--log-format"),
        jobs=jobs,
        question=question or {},
        lang=lang,
    )


def _pairs(values: list[str] | None, option: str) -> tuple[tuple[str, str], ...]:
    """GLOB=VALUE texts as pairs."""
    pairs = []
    for value in values or []:
        glob, equals, rest = value.partition("=")
        if not equals or not glob or not rest:
            message = f"{option} wants GLOB=VALUE, not {value}"
            raise UsageError(message)
        pairs.append((glob, rest))
    return tuple(pairs)


def _question(at: str | None, status: int | None, path: str | None) -> dict[str, Any]:
    asked = {"at": at, "status": status, "path": path}
    return {name: value for name, value in asked.items() if value is not None}


def analyze(
    archives: Archives,
    case: CaseFolder = None,
    at: At = None,
    status: Status = None,
    path: PathGlob = None,
    tz: Zones = None,
    year: Years = None,
    log_format: LogFormats = None,
    jobs: Jobs = None,
    lang: Lang = "en",
    fail_on: FailOn = None,
    as_json: AsJson = False,
) -> int:
    """Do the whole job: parse, correlate, detect, report.

    Example: forensic analyze ./export --at "2025-02-06 14:32 +09:00" --status 403
    --path /app/admin
    """
    question = _question(at, status, path)
    request = _request(archives, case, tz, year, log_format, jobs, question, lang)
    with progress() as tell:
        done = pipeline.analyze(request, tell)
    return _answer(done, fail_on, as_json)


def parse(
    archives: Archives,
    case: CaseFolder = None,
    tz: Zones = None,
    year: Years = None,
    log_format: LogFormats = None,
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> int:
    """Turn the archive into the tables events, unparsed, sources, clocks."""
    request = _request(archives, case, tz, year, log_format, jobs)
    with progress() as tell:
        done = pipeline.parse(request, tell)
    return _tell(done, as_json, "parsed")


def correlate(case: Finished, as_json: AsJson = False) -> int:
    """Reconstruct the requests of a parsed case, and find the gaps."""
    return _tell(pipeline.correlate(Case(case)), as_json, "correlated")


def detect(
    case: Finished,
    at: At = None,
    status: Status = None,
    path: PathGlob = None,
    fail_on: FailOn = None,
    as_json: AsJson = False,
) -> int:
    """Run the rules over a correlated case and answer what was asked."""
    done = pipeline.detect(Case(case), _question(at, status, path))
    return _answer(done, fail_on, as_json)


def report(case: Finished, lang: Lang = "en", as_json: AsJson = False) -> int:
    """Render the report of a case again: terminal, report.md, report.html."""
    found = Case(case)
    pipeline.report(found, lang)
    return _answer(found, None, as_json)


def _answer(case: Case, fail_on: str | None, as_json: bool) -> int:
    """Print the findings or the report; the exit code."""
    found = case.read_json("findings.json")
    if as_json:
        screen.put_json(found)
    else:
        screen.put_text(terminal.render(case, screen.width(), screen.has_colour()))
    return pipeline.exit_code(case, fail_on)


def _tell(case: Case, as_json: bool, verb: str) -> int:
    counts = case.read_json("case.json").get("counts", {})
    if as_json:
        screen.put_json(counts)
    else:
        words = ", ".join(f"{value:,} {name}" for name, value in sorted(counts.items()))
        screen.put_text(f"{verb} into {shlex.quote(str(case.folder))}: {words}\n")
    sys.stdout.flush()
    return pipeline.exit_code(case, None)


COMMANDS: list[tuple[str, Callable[..., Any]]] = [
    ("analyze", analyze),
    ("parse", parse),
    ("correlate", correlate),
    ("detect", detect),
    ("report", report),
]
