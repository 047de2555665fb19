"""One line of evidence for a person or a program, and evidence against its hashes."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forensic import archive
from forensic.case import Case
from forensic.reports.digest import rows
from forensic.reports.escape import shown, visible
from forensic.reports.excerpt import Line, Record
from forensic.reports.paper import Paper

__all__ = ["as_json", "check", "put"]

#: Columns that the heading of a record says already.
_PLACE = {"source", "line", "lines", "offset", "length"}
#: Zeros that nobody wrote: a hole in the log.
_HOLE = re.compile(r"\0{16,}")
#: Characters of one text that a person is shown.
_MOST = 1 << 16


def put(
    sheet: Paper,
    place: tuple[str, int],
    lines: Sequence[Line],
    records: Sequence[Record],
    *,
    secrets: bool,
) -> None:
    """Put the line, its neighbours, and the records that it belongs to."""
    source, wanted = place
    safe = visible if secrets else shown
    sheet.line(f"{source}:{wanted}", indent=0, style="bold")
    for line in lines:
        mark = ">" if line.number == wanted else " "
        style = "" if line.number == wanted else "dim"
        sheet.safe(f"{mark} {line.number}  {safe(_brief(line.text))}", style=style)
    for record in records:
        sheet.blank()
        sheet.fields(
            [
                ("offset", record.offset),
                ("length", record.length),
                ("sha256", record.sha256),
            ]
        )
        if not record.parsed:
            sheet.line(f"not parsed: {record.columns.get('reason')}")
            continue
        columns = [(n, v) for n, v in record.columns.items() if n not in _PLACE]
        sheet.safe_fields(
            (name, safe(_brief(_plain(value)))) for name, value in columns
        )
    if not records:
        sheet.line("neither an event nor a line that failed: blank, or a header")


def _brief(text: str) -> str:
    """The text with its holes counted, and of a very long one its beginning."""
    text = _HOLE.sub(lambda hole: f"…{len(hole[0])} zeros…", text)
    more = len(text) - _MOST
    return text if more <= 0 else f"{text[:_MOST]}… (+{more} chars: --json has more)"


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def as_json(
    source: str, lines: Sequence[Line], records: Sequence[Record]
) -> dict[str, Any]:
    """The same as one JSON object."""
    return {
        "source": source,
        "lines": [
            {"line": one.number, "offset": one.offset, "text": one.text}
            for one in lines
        ],
        "records": [
            {
                "line": record.line,
                "offset": record.offset,
                "length": record.length,
                "sha256": record.sha256,
                "parsed": record.parsed,
                "columns": record.columns,
            }
            for record in records
        ],
    }


def check(case: Case, archives: Sequence[Path]) -> tuple[int, list[str]]:
    """How many files of evidence were hashed again, and what differs, in sentences."""
    recorded = {
        row["source"]: row["sha256"]
        for row in rows(case.table("sources").select("source", "sha256").sort("source"))
    }
    seen: set[str] = set()
    wrong = []
    checked = 0
    for entry in archive.entries(archives):
        seen.add(entry.source)
        if entry.source not in recorded:
            wrong.append(f"{entry.source} was not there when the case was made")
            continue
        known = recorded[entry.source]
        if entry.stream is None or known is None:
            continue
        checked += 1
        if entry.stream.sha256 != known:
            wrong.append(f"{entry.source} has other bytes than were recorded")
    missing = sorted(recorded.keys() - seen)
    return checked, [*wrong, *(f"{source} is missing" for source in missing)]
