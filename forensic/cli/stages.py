"""analyze, parse, correlate, detect, report: the pipeline and its stages alone."""

# ruff: noqa: PLC0415 (the worker processes start before anything heavy is loaded)
import atexit
import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from forensic.cli.options import AsJson, At, CaseFolder, Moved, PathGlob, Status
from forensic.cli.progress import progress
from forensic.errors import UsageError
from forensic.nursery import loading
from forensic.place import SPILL, case_folder, made, vanishing
from forensic.plan import memory, processes
from forensic.sandbox import Held, confine
from forensic.workers import Workers

__all__ = ["COMMANDS"]

#: Where the tasks of the worker processes are.
_TASKS = "forensic.events.tasks"

Archives = Annotated[
    list[Path],
    typer.Argument(
        help="Folders, files, tars or zips: the evidence, only ever read.",
        metavar="ARCHIVE",
    ),
]
NewCase = Annotated[
    Path | None,
    typer.Option("--case", help="Case folder; default NAME.case here.", metavar="DIR"),
]
Zones = Annotated[
    list[str] | None,
    typer.Option(
        "--tz",
        help="Read the stamps of these files in this zone, as in"
        " 'syslog*=Asia/Tokyo' or 'error.log*=+09:00'; may be repeated.",
        metavar="GLOB=ZONE",
    ),
]
Years = Annotated[
    list[str] | None,
    typer.Option(
        "--year",
        help="The year of these files' stamps where they write none, as in"
        " 'syslog*=2025'; may be repeated.",
        metavar="GLOB=YYYY",
    ),
]
LogFormats = Annotated[
    list[str] | None,
    typer.Option(
        "--log-format",
        help="The nginx log_format of these files, as in"
        " 'access*=$remote_addr [$time_local] \"$request\" $status'; may be repeated.",
        metavar="GLOB=FORMAT",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Worker processes; 0 runs everything in this one. Default: one a core.",
        metavar="N",
    ),
]
MaxMemory = Annotated[
    str | None,
    typer.Option(
        help="Memory that parsing may take, like 2G: fewer processes if need be.",
        metavar="SIZE",
    ),
]
Lang = Annotated[
    str, typer.Option(help="Language of the report's words.", metavar="en|ja")
]
FailOn = Annotated[
    str | None,
    typer.Option(
        help="Exit 1 for a finding of this level or above: critical, high, medium, low"
        " or informational.",
        metavar="LEVEL",
    ),
]


def _hired(
    asked: dict[str, Any], jobs: int | None, max_memory: str | None
) -> tuple[Workers, Held]:
    """The worker processes of a run, and what the kernel holds all of it to.

    They load what they need while this one does. What is no run at all is refused
    before the case folder is made.
    """
    most = memory(max_memory) if max_memory is not None else None
    count = processes(asked["archives"], jobs, most)
    folder = case_folder(asked["archives"], asked["case"])
    if not folder.exists():
        with contextlib.suppress(OSError):  # no more processes: it stays, empty
            atexit.register(vanishing(folder))
    made(folder)
    return Workers(count, _TASKS, folder), _confined(folder)


def _confined(folder: Path) -> Held:
    """Let this process write beneath the case folder only; what holds it to that.

    What polars has no memory for goes there too, and not where others may read it.
    """
    if not folder.is_dir():
        return Held()  # what comes next refuses it
    spill = folder / SPILL
    os.environ["POLARS_OOC_SPILL_DIR"] = str(spill)
    atexit.register(shutil.rmtree, spill, ignore_errors=True)
    return confine(folder)


def _requested(
    archives: list[Path],
    case: Path | None,
    tz: list[str] | None,
    year: list[str] | None,
    log_format: list[str] | None,
) -> dict[str, Any]:
    """What parse and analyze ask of the pipeline."""
    folder = case or Path(f"{(archives[0].resolve().name or 'archive')}.case")
    return {
        "archives": tuple(archives),
        "case": folder,
        "zones": _pairs(tz, "--tz GLOB=ZONE"),
        "years": _pairs(year, "--year GLOB=YYYY"),
        "log_formats": _pairs(log_format, "--log-format GLOB=FORMAT"),
    }


def _pairs(values: list[str] | None, shape: str) -> tuple[tuple[str, str], ...]:
    """Texts of the shape that an option wants, `--tz GLOB=ZONE`, as pairs."""
    pairs = []
    for value in values or []:
        glob, equals, rest = value.partition("=")
        if not equals or not glob or not rest:
            message = f"{shape.replace(' ', ' wants ')}, not {value}"
            raise UsageError(message)
        pairs.append((glob, rest))
    return tuple(pairs)


def _question(at: str | None, status: int | None, path: str | None) -> dict[str, Any]:
    asked = {"at": at, "status": status, "path": path}
    return {name: value for name, value in asked.items() if value is not None}


def analyze(
    archives: Archives,
    case: NewCase = None,
    at: At = None,
    status: Status = None,
    path: PathGlob = None,
    tz: Zones = None,
    year: Years = None,
    log_format: LogFormats = None,
    jobs: Jobs = None,
    max_memory: MaxMemory = None,
    lang: Lang = "en",
    fail_on: FailOn = None,
    as_json: AsJson = False,
) -> int:
    """Do the whole job: parse, correlate, detect, report.

    Example: forensic analyze ./export --at "2025-02-06 14:32 +09:00" --status 403
    --path /app/admin
    """
    asked = _requested(archives, case, tz, year, log_format)
    question = _question(at, status, path)
    workers, held = _hired(asked, jobs, max_memory)
    with workers, progress() as tell:
        with loading():
            from forensic import pipeline
            from forensic.cli.outcome import answered
        pipeline.levels(fail_on)  # refused before the work
        request = pipeline.Request(**asked, question=question, lang=lang, held=held)
        done = pipeline.analyze(request, tell, workers)
    return answered(done, fail_on, as_json)


def parse(
    archives: Archives,
    case: NewCase = None,
    tz: Zones = None,
    year: Years = None,
    log_format: LogFormats = None,
    jobs: Jobs = None,
    max_memory: MaxMemory = None,
    as_json: AsJson = False,
) -> int:
    """Turn the archive into tables: events, sources and more.

    Example: forensic parse ./export --tz "syslog*=Asia/Tokyo"
    """
    asked = _requested(archives, case, tz, year, log_format)
    workers, held = _hired(asked, jobs, max_memory)
    with workers, progress() as tell:
        with loading():
            from forensic import pipeline
            from forensic.cli.outcome import told
        done = pipeline.parse(pipeline.Request(**asked, held=held), tell, workers)
    return told(done, as_json, "parsed")


def correlate(case: CaseFolder, as_json: AsJson = False) -> int:
    """Reconstruct the requests of a parsed case, and find the gaps.

    Example: forensic correlate export.case
    """
    _confined(case)
    from forensic import pipeline
    from forensic.case import Case
    from forensic.cli.outcome import told

    return told(pipeline.correlate(Case(case)), as_json, "correlated")


def detect(
    case: CaseFolder,
    at: At = None,
    status: Status = None,
    path: PathGlob = None,
    archives: Moved = None,
    fail_on: FailOn = None,
    as_json: AsJson = False,
) -> int:
    """Run the rules over a correlated case and answer what was asked.

    Example: forensic detect export.case --at "2025-02-06 14:32 +09:00"
    """
    _confined(case)
    from forensic import pipeline
    from forensic.case import Case
    from forensic.cli.outcome import answered

    pipeline.levels(fail_on)  # refused before the work
    asked = _question(at, status, path)
    done = pipeline.detect(Case(case), asked, archives or [])
    return answered(done, fail_on, as_json)


def report(case: CaseFolder, lang: Lang = "en", as_json: AsJson = False) -> int:
    """Render the report of a case again, in all its forms.

    Example: forensic report export.case --lang ja
    """
    _confined(case)
    from forensic import pipeline
    from forensic.case import Case
    from forensic.cli.outcome import answered

    found = Case(case)
    pipeline.report(found, lang)
    return answered(found, None, as_json)


COMMANDS: list[tuple[str, Callable[..., Any]]] = [
    ("analyze", analyze),
    ("parse", parse),
    ("correlate", correlate),
    ("detect", detect),
    ("report", report),
]
