"""Rows that can be recognised elsewhere: requests, and ids that carry an epoch."""

import polars as pl

from forensic.clock.cells import GROUP
from forensic.clock.names import series
from forensic.clock.turns import yearless

__all__ = ["REPEATS", "Sample", "marks"]

#: Rows kept of one series (see Sample).
SAMPLE = 16_000
#: Rows held before they are thinned.
_HELD = 240_000
#: Rows kept of one request (a health check) in one series: the latest, because logs of
#: one archive mostly end together.
REPEATS = 2_000
_EPOCH = r"^(?:Root=)?1-([0-9a-fA-F]{8})-[0-9a-fA-F]{24}"


def marks(frame: pl.DataFrame) -> pl.DataFrame:
    """Pick the useful rows of a chunk with the stamp that they carry."""
    own = pl.col("own")
    local = pl.when(own).then("local_time").otherwise("envelope_local")
    offset = pl.when(own).then("utc_offset").otherwise("envelope_offset")
    stamp = pl.when(own).then(pl.lit("event")).otherwise(pl.lit("envelope"))
    identifier = pl.coalesce("trace_id", "request_id")
    # Epochs are for stamps that lack something; to search all of them takes long.
    lacking = pl.when(
        offset.is_null() | yearless("local_time") | yearless("envelope_local")
    )
    epoch = lacking.then(identifier).str.extract(_EPOCH, 1)
    epoch = epoch.str.to_integer(base=16, strict=False)
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
        pl.when("ends").then("duration").alias("duration"),
        pl.when(wanted).then(key).alias("key"),
        epoch.cast(pl.Int64).alias("epoch"),
    )
    useful = pl.col("key").is_not_null() | pl.col("epoch").is_not_null()
    rows = rows.filter(useful & pl.col("local").is_not_null())
    return rows.with_columns(_series(rows["source"]))


def _series(sources: pl.Series) -> pl.Series:
    distinct = sources.unique()
    names = pl.Series([series(name) for name in distinct], dtype=pl.String)
    found = sources.replace_strict(distinct, names, return_dtype=pl.String)
    return found.alias("series")


class Sample:
    """Keeps about SAMPLE rows a series, in bounded memory.

    Those with the smallest hashes, which are the same in every log, so that partners
    stay partners. (The latest of each log would gather wrong pairs where one ends
    earlier than the other.)
    """

    def __init__(self) -> None:
        schema = {"series": pl.String(), "limit": pl.UInt64()}
        self._limits = pl.DataFrame(schema=schema)
        self._parts: list[pl.DataFrame] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Take the rows of a chunk."""
        rank = pl.coalesce("key", pl.col("epoch").hash(seed=17))
        rows = rows.with_columns(rank.alias("rank"))
        self._parts.append(self._below(rows))
        if sum(part.height for part in self._parts) > _HELD:
            self._parts = [self._thinned()]

    def all(self) -> pl.DataFrame:
        """Rows of all chunks as one table, in the order of source and line."""
        rows = self._thinned().drop("rank")
        return rows.sort("source", "line", "stamp", "key", nulls_last=True)

    def _below(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows that may still be among those that are kept of their series."""
        if self._limits.is_empty():
            return rows
        rows = rows.join(self._limits, on="series", how="left", maintain_order="left")
        may = pl.col("limit").is_null() | (pl.col("rank") <= pl.col("limit"))
        return rows.filter(may).drop("limit")

    def _thinned(self) -> pl.DataFrame:
        """Rows that are kept of each series, of all that were taken in."""
        rows = _latest(pl.concat(self._parts))
        counts = rows.group_by("series").agg(
            pl.len().alias("n"), pl.col("rank").bottom_k(SAMPLE).max().alias("limit")
        )
        self._limits = counts.filter(pl.col("n") >= SAMPLE).drop("n")
        return self._below(rows)


def _latest(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows without the older ones of requests that are repeated too often."""
    who = rows.select(pl.struct("series", "key").hash(seed=17)).to_series()
    counts = who.value_counts(name="n")
    often = counts.filter(pl.col("n") > REPEATS).to_series(0)
    frequent = who.is_in(often.implode()) & rows["key"].is_not_null()
    if not frequent.any():
        return rows
    oldest = pl.col("local").top_k(REPEATS).min().over("series", "key")
    latest = rows.filter(frequent).filter(pl.col("local") >= oldest)
    return pl.concat([rows.filter(~frequent), latest])
