"""One pass over the events ▶ the small tables that clocks are inferred from.

Memory is bounded by groups and days, and by a fixed number of sampled rows a series,
never by the number of events.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from forensic.clock.names import series
from forensic.formats import all_formats
from forensic.schema import YEARLESS

__all__ = ["GROUP", "Evidence", "collect", "own_stamp", "yearless"]

#: Who wrote a line; each may have its own clock.
GROUP = ["source", "hostname", "process"]
#: Kept request rows of one series: beyond, the rarest hashes stay, the same everywhere.
SAMPLE = 60_000
_CHUNK = 200_000
_COLUMNS = [
    *GROUP,
    *[
        "line",
        "local_time",
        "utc_offset",
        "envelope_local",
        "envelope_offset",
        "format",
        "hop",
    ],
    *["method", "path", "query", "status", "duration", "trace_id", "request_id"],
]
_STEP = 900 * 1_000_000
_FAR = pl.duration(days=180)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one pass over the events keeps."""

    #: Stamps a group, day, offset and relative year: how many, where, how fine.
    cells: pl.DataFrame
    #: Payload minus envelope stamp a group and day, in steps of 15 minutes.
    inner: pl.DataFrame
    #: Request rows, and (`kind` epoch) rows that carry a UTC epoch in an id.
    marks: pl.DataFrame
    #: (source, line, turn): where the count of New Years changes along a source.
    turns: pl.DataFrame


def yearless(column: str) -> pl.Expr:
    """Whether the stamp in that column was written without a year."""
    return pl.col(column).dt.year() == YEARLESS


def own_stamp() -> pl.Expr:
    """Whether `local_time` is more than a copy of the envelope's stamp."""
    local, envelope = pl.col("local_time"), pl.col("envelope_local")
    offset = pl.col("utc_offset")
    same_offset = offset.is_null() | offset.eq_missing(pl.col("envelope_offset"))
    copied = envelope.is_not_null() & (local == envelope) & same_offset
    return local.is_not_null() & ~copied.fill_null(value=False)


class _Years:
    """Counts New Years along each source, across the borders of chunks."""

    def __init__(self) -> None:
        self.last = pl.DataFrame(
            schema={
                "source": pl.String(),
                "moment": pl.Datetime("us"),
                "turn": pl.Int32(),
            }
        )

    def count(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add `turn`: how many New Years lie between the source's start and the row."""
        moment = (
            pl.when(yearless("envelope_local"))
            .then("envelope_local")
            .when(yearless("local_time"))
            .then("local_time")
        )
        frame = frame.with_columns(moment.alias("moment"))
        if frame["moment"].null_count() == frame.height:
            return frame.with_columns(pl.lit(0, pl.Int32).alias("turn"))
        rows = frame.select("source", "moment")
        rows = pl.concat([self.last.select("source", "moment"), rows])
        step = pl.col("moment").forward_fill().over("source")
        step = step.diff().over("source")
        toggle = (step < -_FAR).cast(pl.Int32) - (step > _FAR).cast(pl.Int32)
        rows = rows.with_columns(
            toggle.fill_null(0).cum_sum().over("source").alias("t")
        )
        base = self.last.select("source", pl.col("turn").alias("base"))
        rows = rows.slice(self.last.height)
        rows = rows.join(base, on="source", how="left", maintain_order="left")
        turn = pl.col("t") + pl.col("base").fill_null(0)
        frame = frame.with_columns(rows.select(turn.cast(pl.Int32).alias("turn")))
        source = frame["source"][-1]
        seen = frame.filter(
            (pl.col("source") == source) & pl.col("moment").is_not_null()
        )
        if seen.height:
            self.last = seen.select("source", "moment", "turn").tail(1)
        elif self.last.height and self.last["source"][0] != source:
            self.last = self.last.clear()
        return frame


def _stamps(frame: pl.DataFrame) -> pl.DataFrame:
    """One row a stamp: the payload's own, and the envelope's."""
    ids = [*GROUP, "line", "turn", "hop", "format"]
    event = frame.filter("own").select(
        *ids,
        pl.lit("event").alias("stamp"),
        pl.col("local_time").alias("local"),
        pl.col("utc_offset").alias("offset"),
    )
    envelope = frame.filter(pl.col("envelope_local").is_not_null()).select(
        *ids,
        pl.lit("envelope").alias("stamp"),
        pl.col("envelope_local").alias("local"),
        pl.col("envelope_offset").alias("offset"),
    )
    return pl.concat([event, envelope])


def _cells(stamps: pl.DataFrame) -> pl.DataFrame:
    dated = stamps.with_columns(
        pl.col("local").dt.date().alias("day"),
        (pl.col("local").dt.year() == YEARLESS).alias("yearless"),
    )
    keys = [*GROUP, "stamp", "day", "offset", "yearless", "turn"]
    return dated.group_by(keys).agg(
        pl.len().cast(pl.Int64).alias("n"),
        pl.col("line").min().alias("first_line"),
        pl.col("line").max().alias("last_line"),
        pl.col("local").min().alias("low"),
        pl.col("local").max().alias("high"),
        (pl.col("local").dt.microsecond() != 0).any().alias("fine"),
        pl.col("hop").drop_nulls().first().cast(pl.String).alias("hop"),
        pl.col("format").drop_nulls().min().alias("format"),
    )


def nearest_year(stamp: pl.Expr, reference: pl.Expr) -> pl.Expr:
    """The year that brings a yearless stamp nearest to a dated one."""
    naive = reference.dt.year()
    same = stamp.dt.offset_by(pl.format("{}y", naive - YEARLESS))
    gap = same - reference
    return (
        pl.when(gap > _FAR).then(naive - 1).when(gap < -_FAR).then(naive + 1)
    ).otherwise(naive)


def _inner(frame: pl.DataFrame) -> pl.DataFrame:
    """Payload minus envelope: the zone of one relative to the other, and the year."""
    both = frame.filter(
        pl.col("own")
        & pl.col("envelope_local").is_not_null()
        & ~yearless("local_time")
        & (pl.col("utc_offset").is_null() | pl.col("envelope_offset").is_null())
    )
    local, envelope = pl.col("local_time"), pl.col("envelope_local")
    year = pl.when(yearless("envelope_local")).then(nearest_year(envelope, local))
    both = both.with_columns(year.alias("year"))
    moved = pl.col("year").fill_null(envelope.dt.year()) - envelope.dt.year()
    aligned = envelope.dt.offset_by(pl.format("{}y", moved))
    gap = (local - aligned).dt.total_microseconds()
    step = ((gap + _STEP // 2) // _STEP * 900).cast(pl.Int32)
    both = both.with_columns(
        step.alias("step"),
        (pl.col("year") - pl.col("turn")).alias("base_year"),
        pl.col("local_time").dt.date().alias("day"),
    )
    keys = [*GROUP, "day", "step", "base_year", "utc_offset", "envelope_offset"]
    return both.group_by(keys).agg(
        pl.len().cast(pl.Int64).alias("n"),
        pl.col("line").min().alias("first_line"),
        pl.col("line").max().alias("last_line"),
    )


def _marks(frame: pl.DataFrame, ending: list[str]) -> pl.DataFrame:
    """Requests, and ids that carry an epoch, each with the stamp of its row."""
    own = pl.col("own")
    local = pl.when(own).then("local_time").otherwise("envelope_local")
    offset = pl.when(own).then("utc_offset").otherwise("envelope_offset")
    ends = pl.col("format").is_in(ending) & pl.col("duration").is_not_null()
    began = pl.when(ends).then(
        local
        - pl.duration(microseconds=(pl.col("duration") * 1e6).round().cast(pl.Int64))
    )
    stamp = pl.when(own).then(pl.lit("event")).otherwise(pl.lit("envelope"))
    identifier = pl.coalesce("trace_id", "request_id")
    epoch = identifier.str.extract(r"^(?:Root=)?1-([0-9a-fA-F]{8})-[0-9a-fA-F]{24}", 1)
    key = pl.struct("method", "path", pl.col("query").fill_null("")).hash(seed=17)
    wanted = pl.col("path").is_not_null() & pl.col("method").is_not_null()
    rows = frame.select(
        *GROUP,
        "line",
        "turn",
        "status",
        stamp.alias("stamp"),
        local.alias("local"),
        offset.alias("offset"),
        pl.coalesce(began, local).alias("began"),
        pl.when(wanted).then(key).alias("key"),
        epoch.str.to_integer(base=16, strict=False).cast(pl.Int64).alias("epoch"),
    )
    useful = pl.col("key").is_not_null() | pl.col("epoch").is_not_null()
    return rows.filter(useful & pl.col("local").is_not_null())


def _thin(rows: pl.DataFrame) -> pl.DataFrame:
    """At most SAMPLE rows a series, chosen by hash, so that partners stay partners."""
    rank = pl.coalesce("key", pl.col("epoch").hash(seed=17))
    return rows.filter(rank.rank("max").over("series") <= SAMPLE)


def _chunks(events: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    frames = events.select(_COLUMNS).collect_batches(
        chunk_size=_CHUNK, maintain_order=True
    )
    for frame in frames:
        if frame.height:
            yield frame


def collect(events: pl.LazyFrame) -> Evidence:
    """Evidence of all events, read once in the order of source and line."""
    ending = [f.name for f in all_formats() if f.stamps_end]
    years = _Years()
    cells: list[pl.DataFrame] = []
    inner: list[pl.DataFrame] = []
    marks: list[pl.DataFrame] = []
    turns: list[pl.DataFrame] = []
    for chunk in _chunks(events):
        frame = years.count(chunk.with_columns(own_stamp().alias("own")))
        turns.append(_turns(frame))
        cells.append(_cells(_stamps(frame)))
        inner.append(_inner(frame))
        rows = _marks(frame, ending)
        marks.append(rows.with_columns(_series_column(rows["source"])))
        if sum(part.height for part in marks) > 8 * SAMPLE:
            marks = [_thin(pl.concat(marks))]
    return Evidence(
        cells=_merge_cells(cells),
        inner=_merge_inner(inner),
        marks=_all_marks(marks),
        turns=_all_turns(turns),
    )


def _series_column(sources: pl.Series) -> pl.Series:
    distinct = sources.unique()
    names = pl.Series([series(name) for name in distinct], dtype=pl.String)
    found = sources.replace_strict(distinct, names, return_dtype=pl.String)
    return found.alias("series")


def _all_marks(parts: list[pl.DataFrame]) -> pl.DataFrame:
    if not parts:
        return pl.DataFrame(schema={"series": pl.String()})
    return _thin(pl.concat(parts)).sort("source", "line", "stamp")


def _merge_cells(parts: list[pl.DataFrame]) -> pl.DataFrame:
    if not parts:
        return pl.DataFrame()
    keys = [*GROUP, "stamp", "day", "offset", "yearless", "turn"]
    merged = (
        pl.concat(parts)
        .group_by(keys)
        .agg(
            pl.col("n").sum(),
            pl.col("first_line").min(),
            pl.col("last_line").max(),
            pl.col("low").min(),
            pl.col("high").max(),
            pl.col("fine").any(),
            pl.col("hop").drop_nulls().min(),
            pl.col("format").drop_nulls().min(),
        )
    )
    order = [*GROUP, "stamp", "first_line", "day", "offset", "turn"]
    return merged.sort(order, nulls_last=True)


def _merge_inner(parts: list[pl.DataFrame]) -> pl.DataFrame:
    if not parts:
        return pl.DataFrame()
    keys = [*GROUP, "day", "step", "base_year", "utc_offset", "envelope_offset"]
    merged = (
        pl.concat(parts)
        .group_by(keys)
        .agg(pl.col("n").sum(), pl.col("first_line").min(), pl.col("last_line").max())
    )
    return merged.sort([*GROUP, "first_line", *keys[3:]], nulls_last=True)


def _turns(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of a chunk at which the count of New Years changes."""
    changed = pl.col("turn") != pl.col("turn").shift(1).over("source")
    first = changed.fill_null(value=True)
    return frame.filter(first).select("source", "line", "turn")


def _all_turns(parts: list[pl.DataFrame]) -> pl.DataFrame:
    schema = {"source": pl.String(), "line": pl.Int64(), "turn": pl.Int32()}
    rows = pl.concat(parts) if parts else pl.DataFrame(schema=schema)
    return _turns(rows)
