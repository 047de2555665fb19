"""Drill-down on a finished case.

Commands: why, timeline, show, coverage, clocks, findings, query.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from forensic import hops
from forensic.case import Case
from forensic.census import of_case
from forensic.cli.options import (
    AsJson,
    At,
    CaseFolder,
    Moved,
    PathGlob,
    Secrets,
    Status,
)
from forensic.cli.screen import note, paper, put_frame, put_json, put_text
from forensic.clock.names import series
from forensic.errors import NothingFound, UsageError
from forensic.findings import inquiry_of
from forensic.frames import frames_of
from forensic.reports import (
    digest,
    evidence,
    excerpt,
    merged,
    sql,
    stack,
    terminal,
    times,
)
from forensic.reports.times import stamp, zone_name
from forensic.reports.words import speaker
from forensic.rules import all_rules
from forensic.schema import HOPS, LEVELS

__all__ = ["COMMANDS", "opened"]

#: Characters of a place that leave room for what happened there.
_BRIEF = 30


def opened(folder: Path) -> Case:
    """The case, whose bytes are those that were written: only then are they read.

    Readers of Parquet tell some changes as other values, and not as errors.
    """
    case = Case(folder)
    case.require_intact()
    return case


def _moment(text: str, case: Case) -> datetime | None:
    """The moment that a person typed; what it lacks is that of the case."""
    tables = case.table("clocks").collect(), case.table("requests").collect()
    asked, notes = hops.meant(
        hops.Question.parse(at=text), case.events(), of_case(case), *tables
    )
    for sentence in notes:
        note(sentence.strip())
    return asked.start


def why(
    folder: CaseFolder,
    *,
    at: At = None,
    status: Status = None,
    path: PathGlob = None,
    as_json: AsJson = False,
) -> None:
    """Explain one response: who answered, why, and what else may be.

    Example: forensic why export.case --at "2025-02-06 14:32 +09:00" --status 403
    """
    case = opened(folder)
    question = {"at": at, "status": status, "path": path}
    inquiry = inquiry_of(frames_of(case, question), excerpt.configuration(case))
    verdict = excerpt.quoted(case, hops.answer(inquiry))
    if as_json:
        put_json(verdict)
        return
    sheet = paper()
    wishes = list(verdict.get("ask_for") or [])
    broken = digest.broken(case, speaker("en"))
    terminal.answer(sheet, verdict, wishes, times.local_offset(case), broken)
    put_text(sheet.text())


def timeline(
    folder: CaseFolder,
    *,
    around: Annotated[
        str | None,
        typer.Option(
            help="The moment in the middle; default the answer's.", metavar="TIME"
        ),
    ] = None,
    window: Annotated[
        int, typer.Option(min=0, help="Seconds before and after.", metavar="N")
    ] = 300,
    hop: Annotated[
        str | None,
        typer.Option(
            help=f"Only these, comma-separated: {', '.join(HOPS)}.", metavar="HOPS"
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="Most events to print.", metavar="N")
    ] = 100,
    as_json: AsJson = False,
    secrets: Secrets = False,
) -> None:
    """Print the events of all hops in one order, around the answer.

    Example: forensic timeline export.case --around 2025-02-06T05:32Z --hop waf
    """
    case = opened(folder)
    lanes = [name for name in (hop or "").split(",") if name]
    wrong = sorted(set(lanes) - set(HOPS))
    if wrong:
        message = f"{wrong[0]} is no hop: {', '.join(HOPS)}"
        raise UsageError(message)
    middle = _moment(around, case) if around else merged.incident(case)
    found, more = merged.events(case, middle, window, lanes=lanes, most=limit)
    if not found:
        message = "no event in that window"
        raise NothingFound(message)
    if as_json:
        put_json(found, secrets=secrets)
    else:
        offset = times.local_offset(case)
        sheet = paper()
        table = [merged.cells(row, offset) for row in found]
        days = {when[:10] for when, *_ in table}
        day = days.pop() if len(days) == 1 else ""
        table = [
            (when.removeprefix(f"{day} "), lane, what, place)
            for when, lane, what, place in table
        ]
        zone = zone_name(offset)
        names = [f"{day} ({zone})" if day else f"time ({zone})", "hop", "what", "line"]
        brief = max(len(place) for *_, place in table) <= _BRIEF
        whole = [*names[:2], names[3]] if brief else names[:2]
        sheet.table(names, table, whole=whole, indent=0)
        put_text(sheet.text())
    if more:
        note(f"{more} more events in this window: --limit {limit + more}")


def show(
    place: Annotated[
        str,
        typer.Argument(
            help="A file of the archive and a line in it, as reports name them.",
            metavar="SOURCE:LINE",
        ),
    ],
    *,
    context: Annotated[
        int,
        typer.Option(
            "-C",
            "--context",
            min=0,
            help="Lines before and after as well.",
            metavar="N",
        ),
    ] = 0,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--case",
            help="The case folder; default the one NAME.case here.",
            metavar="DIR",
        ),
    ] = None,
    archives: Moved = None,
    as_json: AsJson = False,
    secrets: Secrets = False,
) -> None:
    """Print a line of the evidence, its hash, and its columns.

    Example: forensic show nginx/access.log:146 -C 3 --case export.case
    """
    case = opened(folder or _beside())
    source, colon, line = place.rpartition(":")
    if not colon or not line.isascii() or not line.isdigit():
        message = f"{place} is no SOURCE:LINE, such as nginx/access.log:150"
        raise UsageError(message)
    where = excerpt.archives_of(case, archives or [])
    spot = (source, int(line))
    lines = excerpt.lines_around(case, where, spot, context)
    records = excerpt.records_at(case, where, spot)
    if as_json:
        put_json(evidence.as_json(source, lines, records), secrets=secrets)
        return
    sheet = paper()
    evidence.put(sheet, spot, lines, records, secrets=secrets)
    put_text(sheet.text())


def _beside() -> Path:
    """The working directory where it is a case, or the one finished case in it."""
    here, below = Path().glob("case.json"), Path().glob("*/case.json")
    found = sorted(path.parent for path in [*here] or below)
    if len(found) != 1:
        number_found = "no case" if not found else f"{len(found)} cases"
        message = f"{number_found} in this folder: say which with --case DIR"
        raise UsageError(message)
    return found[0]


def coverage(folder: CaseFolder, as_json: AsJson = False) -> None:
    """Print what each hop's logs cover, and what to ask for.

    Example: forensic coverage export.case
    """
    case = opened(folder)
    gaps = digest.gaps(case)
    if as_json:
        put_json(
            {"hops": stack.hops(case), "gaps": gaps, "ask_for": digest.to_ask(case)}
        )
        return
    offset = times.local_offset(case)
    say = speaker("en")
    sheet = paper()
    terminal.hops(sheet, case, offset)
    sheet.heading(f"gaps ({len(gaps)})")
    for row in gaps:
        span = f"{stamp(row['start'], offset)} to {stamp(row['end'], offset)}"
        where = f"{say(row['hop'] or 'unknown')}: {row['source'] or 'no log at all'}"
        sheet.line(f"{row['kind']}  {where}  {span if row['start'] else ''}".rstrip())
        sheet.line(row["detail"] or "", indent=4)
    wishes = digest.to_ask(case)
    if wishes:
        sheet.heading("ask for")
        sheet.bullets(wishes)
    put_text(sheet.text())


def clocks(folder: CaseFolder, as_json: AsJson = False) -> None:
    """Print the zone, year and skew of each source, and why.

    Example: forensic clocks export.case
    """
    rows = digest.clocks(opened(folder))
    if as_json:
        put_json(rows)
        return
    sheet = paper()
    logs = Counter(
        name for name, _ in {(series(r["source"]), r["source"]) for r in rows}
    )
    for row in rows:
        parts = (row["source"], row["hostname"], row["process"], row["stamp"])
        sheet.line(
            "  ".join(str(part) for part in parts if part), indent=0, style="bold"
        )
        zone = row["zone"] or ("as written" if row["basis"] == "written" else None)
        skew = f"{row['skew']:+.3f} s" if row["skew"] is not None else None
        votes = f"{row['votes_for'] or 0} for, {row['votes_against'] or 0} against"
        # A log is judged as a whole, and its files have one row each.
        files = logs[series(row["source"])]
        votes += f" (of the whole log, {files} files)" if files > 1 else ""
        sheet.fields(
            [
                ("zone", zone),
                ("year", row["year"]),
                ("skew", skew),
                ("basis", row["basis"]),
                ("confidence", row["confidence"]),
                ("votes", votes),
                ("because", row["detail"]),
            ]
        )
    put_text(sheet.text())


def findings(
    folder: CaseFolder,
    wanted: Annotated[
        str | None, typer.Argument(help="One rule's findings, in full.", metavar="ID")
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(
            help=f"This level and over: {', '.join(LEVELS)}.", metavar="LEVEL"
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the findings, or those of one rule in full.

    Example: forensic findings export.case waf-terminating-rule
    """
    case = opened(folder)
    if level and level not in LEVELS:
        message = f"the levels are {', '.join(LEVELS)}"
        raise UsageError(message)
    kept = LEVELS[: LEVELS.index(level) + 1] if level else LEVELS
    found = [f for f in digest.findings(case) if f["level"] in kept]
    if wanted:
        found = [f for f in found if f["id"] == wanted]
    if not found:
        message = f"no finding {wanted or ''} in {folder}".replace("  ", " ")
        if wanted and wanted not in {rule.id for rule in all_rules()}:
            message = f"no rule {wanted}; `forensic rules` lists them"
        raise NothingFound(message)
    if as_json:
        put_json(found)
        return
    sheet = paper()
    for finding in found:
        terminal.finding(sheet, finding, times.local_offset(case), full=bool(wanted))
    put_text(sheet.text())


def query(
    folder: CaseFolder,
    text: Annotated[str, typer.Argument(help="One SELECT.", metavar="SQL")],
    *,
    engine: Annotated[
        str, typer.Option(help="What runs it.", metavar="polars|duckdb")
    ] = "polars",
    limit: Annotated[
        int, typer.Option(min=0, help="Most rows to print; 0 for all.", metavar="N")
    ] = 1000,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    secrets: Secrets = False,
) -> None:
    """Run SQL over the tables of the case.

    They are events, requests, sources, clocks, gaps, unparsed and findings.

    Example: forensic query export.case "SELECT hop, count(*) FROM events GROUP BY hop"
    """
    if as_json and as_csv:
        message = "--json or --csv, not both"
        raise UsageError(message)
    frame = sql.run(opened(folder), text, engine)
    kept = frame.head(limit) if limit else frame
    put_frame(kept, as_csv=as_csv, as_json=as_json, secrets=secrets)
    if kept.height < frame.height:
        note(f"{frame.height - kept.height} more rows: --limit 0")


COMMANDS: list[tuple[str, Callable[..., None]]] = [
    ("why", why),
    ("timeline", timeline),
    ("show", show),
    ("coverage", coverage),
    ("clocks", clocks),
    ("findings", findings),
    ("query", query),
]
