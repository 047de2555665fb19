"""The events of a case in pieces that fit into memory, credentials redacted."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from forensic.case import Case
from forensic.reports.escape import guarded
from forensic.reports.sql import findings_table

__all__ = ["TABLES", "Options", "events", "table"]

TABLES = ("requests", "sources", "clocks", "gaps", "unparsed", "findings")
_ROWS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What an export may leave as it is."""

    #: Credentials stay readable.
    secrets: bool = False
    #: CSV cells that a spreadsheet would run, and hidden characters, stay.
    raw: bool = False


def events(case: Case, options: Options) -> Iterator[pl.DataFrame]:
    """The events by source and offset, a bounded number of rows at a time."""
    for part in sorted(case.path("events").glob("*.parquet")):
        lazy = pl.scan_parquet(part, glob=False)
        total = lazy.select(pl.len()).collect().item()
        for start in range(0, total, _ROWS):
            piece = lazy.slice(start, _ROWS).collect().sort("source", "offset")
            yield guarded(piece, secrets=options.secrets, formulas=True)


def table(case: Case, name: str, options: Options) -> pl.DataFrame:
    """One of the smaller tables."""
    found = findings_table(case) if name == "findings" else case.table(name).collect()
    return guarded(found, secrets=options.secrets, formulas=True)
