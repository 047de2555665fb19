"""Rows that can be recognised elsewhere: requests, and ids that carry an epoch."""

import polars as pl

from forensic.clock.cells import GROUP
from forensic.clock.names import series

__all__ = ["Sample", "marks"]

#: Rows kept of one series: beyond, those with the smallest hashes, which are the same
#: in every log, so that partners stay partners.
SAMPLE = 30_000
#: Rows kept of one request (a health check) in one series: the latest, because logs of
#: one archive mostly end together.
_REPEATS = 4_000
_EPOCH = r"^(?:Root=)?1-([0-9a-fA-F]{8})-[0-9a-fA-F]{24}"


def marks(frame: pl.DataFrame) -> pl.DataFrame:
    """Pick the useful rows of a chunk with the stamp that they carry."""
    own = pl.col("own")
    local = pl.when(own).then("local_time").otherwise("envelope_local")
    offset = pl.when(own).then("utc_offset").otherwise("envelope_offset")
    stamp = pl.when(own).then(pl.lit("event")).otherwise(pl.lit("envelope"))
    identifier = pl.coalesce("trace_id", "request_id")
    epoch = identifier.str.extract(_EPOCH, 1).str.to_integer(base=16, strict=False)
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
    """Keeps at most SAMPLE rows a series, in bounded memory."""

    def __init__(self) -> None:
        schema = {"series": pl.String(), "limit": pl.UInt64()}
        self._limits = pl.DataFrame(schema=schema)
        self._parts: list[pl.DataFrame] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Take the rows of a chunk."""
        rank = pl.coalesce("key", pl.col("epoch").hash(seed=17))
        rows = rows.with_columns(rank.alias("rank"))
        self._parts.append(self._below(rows))
        if sum(part.height for part in self._parts) > 8 * SAMPLE:
            self._parts = [self._thinned()]

    def all(self) -> pl.DataFrame:
        """Rows of all chunks as one table, in the order of source and line."""
        rows = self._thinned().drop("rank")
        return rows.sort("source", "line", "stamp", "key", nulls_last=True)

    def _below(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows whose hash may still be among the smallest of their series."""
        if self._limits.is_empty():
            return rows
        rows = rows.join(self._limits, on="series", how="left", maintain_order="left")
        may = pl.col("limit").is_null() | (pl.col("rank") <= pl.col("limit"))
        return rows.filter(may).drop("limit")

    def _thinned(self) -> pl.DataFrame:
        """Rows with the SAMPLE smallest hashes of each series."""
        rows = _latest(pl.concat(self._parts))
        counts = rows.group_by("series").agg(
            pl.len().alias("n"), pl.col("rank").bottom_k(SAMPLE).max().alias("limit")
        )
        self._limits = counts.filter(pl.col("n") >= SAMPLE).select("series", "limit")
        return self._below(rows)


def _latest(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows without the older ones of requests that are repeated too often."""
    counts = rows.group_by("series", "key").len()
    often = counts.filter(pl.col("len") > _REPEATS).select("series", "key").drop_nulls()
    if often.is_empty():
        return rows
    seldom = rows.join(often, on=["series", "key"], how="anti")
    frequent = rows.join(often, on=["series", "key"], how="semi")
    oldest = frequent.group_by("series", "key").agg(
        pl.col("local").top_k(_REPEATS).min().alias("oldest")
    )
    frequent = frequent.join(oldest, on=["series", "key"], maintain_order="left")
    latest = frequent.filter(pl.col("local") >= pl.col("oldest")).drop("oldest")
    return pl.concat([seldom, latest])
