"""The ledger: one row a file, in which every line and every byte has its place."""

import base64
from collections.abc import Sequence

import polars as pl

from forensic.events.reading import Reading
from forensic.events.tasks import Part
from forensic.events.unit import LEDGER, Segment
from forensic.formats import load
from forensic.schema import SOURCE

__all__ = ["source_rows"]


def source_rows(
    readings: Sequence[Reading],
    parts: Sequence[Part],
    failed: Sequence[tuple[Segment, str]],
) -> pl.DataFrame:
    """The SOURCE rows of all files, sorted by source."""
    files = pl.DataFrame([_file(reading) for reading in readings], _FILE)
    counted = [row for part in parts for row in part.ledger]
    counts = [name for name in LEDGER if name != "source"]
    ledger = pl.DataFrame(
        [*counted, *_outside(readings, failed)], schema=LEDGER, orient="row"
    )
    ledger = ledger.group_by("source").agg(pl.col(counts).sum())
    rows = files.join(ledger, "source", how="left").with_columns(
        pl.col(counts).fill_null(0)
    )
    rows = _damaged(rows, failed)
    same = pl.col("stream_size") > 0
    first = pl.col("source").min().over("stream_sha256", "framing")
    twin = pl.when(same & (first != pl.col("source")) & (pl.col("stream_sha256") != ""))
    rows = rows.with_columns(
        twin.then(first).alias("duplicate_of"),
        *(pl.lit(None, SOURCE[c]).alias(c) for c in ("first_time", "last_time")),
    )
    return rows.select(pl.col(c).cast(d) for c, d in SOURCE.items()).sort("source")


_FILE = {
    name: dtype
    for name, dtype in SOURCE.items()
    if name not in {*LEDGER, "first_time", "last_time", "duplicate_of"}
} | {"source": pl.String()}


def _file(reading: Reading) -> dict[str, object]:
    """What reading brought to light about one file."""
    entry, sniffed = reading.entry, reading.sniffed
    verdict, detail = reading.problem or ("complete", reading.note)
    stream = entry.stream
    first = load(sniffed.formats[0]) if sniffed else None
    try:
        entry.raw_name.decode()
        path_bytes = None
    except UnicodeDecodeError:
        path_bytes = base64.b64encode(entry.raw_name).decode("ascii")
    others = [*sniffed.formats[1:], *sniffed.payloads] if sniffed else []
    return {
        "source": entry.source,
        "path_bytes": path_bytes,
        "size": reading.stored if stream else entry.size,
        "mtime": entry.mtime_us,
        "sha256": reading.sha256 if stream else None,
        "codec": stream.codec if stream else None,
        "stream_size": reading.size,
        "stream_sha256": reading.stream_sha256 if stream else None,
        "encoding": reading.encoding,
        "format": sniffed.formats[0].partition(":")[0] if sniffed else None,
        "payloads": [key.partition(":")[0] for key in others],
        "hop": first.hop if first else None,
        "framing": sniffed.framing if sniffed else None,
        "verdict": verdict,
        "detail": detail,
    }


def _outside(
    readings: Sequence[Reading], failed: Sequence[tuple[Segment, str]]
) -> list[tuple[object, ...]]:
    """Ledger rows of lines that no worker counted: all of them unparsed."""
    rows = []
    for reading in readings:
        if reading.unread:
            size = sum(row[2] for row in reading.unread)
            rows.append(_unparsed(reading.entry.source, reading.unread_lines, size))
    for segment, _ in failed:
        size = segment.end - segment.start
        rows.append(_unparsed(segment.source, segment.lines, size))
    return rows


def _unparsed(source: str, lines: int, size: int) -> tuple[object, ...]:
    values = {"source": source, "lines": lines, "unparsed_lines": lines}
    values["unparsed_bytes"] = size
    return tuple(values.get(name, 0) for name in LEDGER)


def _damaged(rows: pl.DataFrame, failed: Sequence[tuple[Segment, str]]) -> pl.DataFrame:
    """The rows with the verdict `unreadable` where a block could not be parsed."""
    reasons = {segment.source: reason for segment, reason in failed}
    if not reasons:
        return rows
    hurt = pl.col("source").is_in(list(reasons))
    sentence = pl.lit("a block could not be parsed: ") + pl.col("source").replace(
        reasons
    )
    return rows.with_columns(
        pl.when(hurt).then(pl.lit("unreadable")).otherwise("verdict").alias("verdict"),
        pl.when(hurt).then(sentence).otherwise("detail").alias("detail"),
    )
