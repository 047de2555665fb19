"""Events as CSV: our own columns, and the 17 of log2timeline."""

from typing import BinaryIO

import polars as pl

from forensic.case import Case
from forensic.reports.escape import guarded
from forensic.reports.exports.batches import Options, events
from forensic.reports.exports.records import described

__all__ = ["csv", "l2tcsv"]

_STAMP = "%Y-%m-%dT%H:%M:%S%.6f"
_L2T = [
    *("date", "time", "timezone", "MACB", "source", "sourcetype", "type", "user"),
    *("host", "short", "desc", "version", "filename", "inode", "notes", "format"),
    "extra",
]
_SHORT = 80


def csv(case: Case, sink: BinaryIO, options: Options) -> None:
    """Write every event with every column; lists are joined with `;`."""
    first = True
    for frame in events(case, options):
        lists = [n for n, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
        flat = frame.with_columns(pl.col(name).list.join(";") for name in lists)
        _put(flat, sink, options, header=first)
        first = False


def l2tcsv(case: Case, sink: BinaryIO, options: Options) -> None:
    """Write log2timeline's CSV, times in UTC; events without a time are left out."""
    first = True
    for frame in events(case, options):
        timed = frame.filter(pl.col("time").is_not_null())
        texts = [described(row) for row in timed.iter_rows(named=True)]
        _put(
            _timeline(timed, pl.Series("desc", texts, pl.String)), sink, options, first
        )
        first = False


def _timeline(frame: pl.DataFrame, desc: pl.Series) -> pl.DataFrame:
    known = {
        "date": pl.col("time").dt.strftime("%m/%d/%Y"),
        "time": pl.col("time").dt.strftime("%H:%M:%S"),
        "timezone": pl.lit("UTC"),
        "MACB": pl.lit("...."),
        "source": pl.lit("LOG"),
        "sourcetype": pl.col("hop").cast(pl.String),
        "type": pl.lit("Event Logged"),
        "user": pl.col("user"),
        "host": pl.coalesce("hostname", "host"),
        "short": pl.col("desc").str.slice(0, _SHORT),
        "desc": pl.col("desc"),
        "version": pl.lit("2"),
        "filename": pl.col("source"),
        "inode": pl.lit("-"),
        "notes": pl.format("line {} offset {}", "line", "offset"),
        "format": pl.col("format"),
        "extra": pl.col("extra"),
    }
    return frame.with_columns(desc).select(
        known[name].fill_null("-").alias(name) for name in _L2T
    )


def _put(frame: pl.DataFrame, sink: BinaryIO, options: Options, header: bool) -> None:
    safe = guarded(frame, secrets=True, formulas=options.raw)
    stamps = [n for n, dtype in safe.schema.items() if isinstance(dtype, pl.Datetime)]
    zoned = [n for n in stamps if getattr(safe.schema[n], "time_zone", None)]
    safe = safe.with_columns(
        pl.col(name).dt.strftime(_STAMP + ("Z" if name in zoned else ""))
        for name in stamps
    )
    sink.write(safe.write_csv(include_header=header).encode())
