"""A case in the shapes that other tools read: one module a kind of target."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from forensic.case import Case
from forensic.reports.exports import databases, records, sarif, tables
from forensic.reports.exports.batches import Options

__all__ = ["FILES", "STREAMS", "TIMELINES", "Options"]

#: Target ▶ what writes it to an open file; each ends in a line end.
STREAMS: dict[str, Callable[[Case, BinaryIO, Options], None]] = {
    "csv": tables.csv,
    "ecs": records.ecs,
    "jsonl": records.jsonl,
    "l2tcsv": tables.l2tcsv,
    "sarif": sarif.sarif,
    "timesketch": records.timesketch,
}
#: Targets that have no place for an event without a time.
TIMELINES = ("l2tcsv", "timesketch")
#: Target ▶ what makes a file of its own at a path that does not exist yet.
FILES: dict[str, Callable[[Case, Path, Options], None]] = {
    "duckdb": databases.duckdb,
    "sqlite": databases.sqlite,
}
