"""What a stage says when it is done: its result on stdout, and the exit code."""

import re
import shlex
import sys

from forensic import pipeline
from forensic.archive import means
from forensic.case import Case
from forensic.cli import screen
from forensic.reports import digest, terminal

__all__ = ["answered", "told"]


def _unmet(case: Case) -> None:
    """Say which corrections of a run name no file of the archive."""
    arguments = case.read_json("case.json").get("arguments") or {}
    known = [row["source"] for row in digest.sources(case)]
    options = {"--tz": "zones", "--year": "years", "--log-format": "log_formats"}
    for option, key in options.items():
        for glob, _ in arguments.get(key) or []:
            if not any(means(glob, source) for source in known):
                screen.note(f"{option} {glob}: no file of the archive has such a name")


def answered(case: Case, fail_on: str | None, as_json: bool) -> int:
    """Print the findings or the report; the exit code."""
    _unmet(case)
    found = case.read_json("findings.json")
    if as_json:
        screen.put_json(found)
    else:
        screen.put_text(terminal.render(case, screen.width(), screen.has_colour()))
    return pipeline.exit_code(case, fail_on)


def told(case: Case, as_json: bool, verb: str) -> int:
    """Print the counts; the exit code."""
    _unmet(case)
    counts = case.read_json("case.json").get("counts", {})
    if as_json:
        screen.put_json(counts)
    else:
        counted = [f"{value:,} {name}" for name, value in sorted(counts.items())]
        words = ", ".join(re.sub(r"^(1 \w+)s$", r"\1", count) for count in counted)
        screen.put_text(f"{verb} into {shlex.quote(str(case.folder))}: {words}\n")
    sys.stdout.flush()
    return pipeline.exit_code(case, None)
