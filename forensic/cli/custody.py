"""What a case is made of, and whether that is what was written: info, verify."""

from collections.abc import Callable
from typing import Annotated

import typer

from forensic.case import Case
from forensic.cli.explore import opened
from forensic.cli.options import AsJson, CaseFolder, Moved
from forensic.cli.screen import paper, put_json, put_text
from forensic.counted import plural
from forensic.errors import EvidenceMismatch
from forensic.reports import digest, evidence, excerpt, terminal
from forensic.reports.escape import shown
from forensic.reports.paper import number, size

__all__ = ["COMMANDS"]

#: The files of a case that say what the evidence was: changed, they say nothing.
_TELLING = ("SHA256SUMS", "case.json", "sources.parquet")


def info(folder: CaseFolder, as_json: AsJson = False) -> None:
    """Print how a case was made, and every file of the archive.

    Example: forensic info export.case
    """
    case = opened(folder)
    made = case.read_json("case.json")
    rows = digest.sources(case)
    if as_json:
        put_json({"case": made, "sources": rows})
        return
    sheet = paper()
    plain = {k: v for k, v in made.items() if k not in {"verdict", "counts"}}
    sheet.fields((name, _brief(value)) for name, value in sorted(plain.items()))
    sheet.heading("files")
    names = ["source", "format", "events", "size", "state"]
    table = (
        (
            row["source"],
            row["format"],
            number(row["events"]),
            size(row["size"] or 0),
            row["detail"] or row["verdict"],
        )
        for row in rows
    )
    sheet.table(names, table, right=["events", "size"])
    sheet.blank()
    sheet.line(terminal.ledger(digest.totals(case), "en"))
    put_text(sheet.text())


def _brief(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}: {shown(v)}" for k, v in value.items() if v)
    return str(value)


def verify(
    folder: CaseFolder,
    archives: Moved = None,
    case_only: Annotated[
        bool, typer.Option("--case-only", help="Leave the evidence alone.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check the case and the evidence against their recorded hashes.

    Example: forensic verify export.case --archive ./export
    """
    case = Case(folder)
    case.require()
    wrong = case.check_sums()
    checked = 0
    if not case_only and not any(text.startswith(_TELLING) for text in wrong):
        places = excerpt.archives_of(case, archives or [])
        checked, changed = evidence.check(case, places)
        wrong += changed
    if as_json:
        put_json({"ok": not wrong, "evidence_files": checked, "problems": wrong})
    elif not wrong:
        files = f" and {plural(checked, 'file')} of evidence" if checked else ""
        put_text(f"{shown(folder)}: every file of the case{files} as recorded\n")
    else:
        put_text("".join(f"{shown(text)}\n" for text in wrong))
    if wrong:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        message = f"{wrong[0]}{more}"
        raise EvidenceMismatch(message)


COMMANDS: list[tuple[str, Callable[..., None]]] = [("info", info), ("verify", verify)]
