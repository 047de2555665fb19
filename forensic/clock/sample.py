"""Marks of all parts ▶ a bounded number of them, chosen so that pairs survive."""

import polars as pl

from forensic.clock.marks import MARKS
from forensic.clock.names import series
from forensic.clock.rows import known
from forensic.slim import slim

__all__ = ["REPEATS", "Sample"]

#: Rows kept of one series, about.
SAMPLE = 16_000
#: Rows held before they are thinned.
_HELD = 240_000
#: Rows kept of one request (a health check) in one series: the latest, because logs of
#: one archive mostly end together.
REPEATS = 2_000
#: Two series whose samples share so many requests need no more of them.
_ENOUGH = 50
#: So often a request stands at most in a small series, and in a large one, where it
#: is looked for anew: more would tell nothing.
_RARE, _COMMON = 10, 100


class Sample:
    """Keeps about SAMPLE rows a series, in bounded memory.

    Those with the smallest hashes, which are the same in every log, so that partners
    stay partners. (The latest of each log would gather wrong pairs where one ends
    earlier than the other.) Of a small log beside a large one they are few: the large
    one's rows of just these requests are taken in another round.
    """

    def __init__(self) -> None:
        self._limits: dict[str, int] = {}
        empty = pl.DataFrame(schema=MARKS | {"part": pl.Int32(), "series": pl.String()})
        self._parts, self._found = [empty], [empty]
        self._missed = empty.select("series", "rank")

    def add(self, rows: pl.DataFrame) -> None:
        """Take the MARKS of a part, with its number as `part`."""
        self._parts.append(slim(self._below(_named(rows))))
        if sum(part.height for part in self._parts) > _HELD:
            self._parts = [self._thinned()]

    def misses(self) -> bool:
        """Whether a large series lacks requests that a smaller one's sample has."""
        self._parts = [self._thinned()]
        wanted = self._parts[0].filter("wanted")
        counts = wanted.group_by("series", "rank").agg(pl.len().alias("n"))
        lacking = [
            _lacking(counts, name, limit)
            for name, limit in sorted(self._limits.items())
        ]
        self._missed = pl.concat([self._missed, *lacking])
        return self._missed.height > 0

    def add_missed(self, rows: pl.DataFrame) -> None:
        """Take from a part, the same as before, the rows that were missed."""
        keys = ["series", "rank"]
        rows = _named(rows.filter("wanted"))
        self._found.append(slim(rows.join(self._missed, on=keys, how="semi")))
        if sum(part.height for part in self._found) > _HELD:
            held = pl.concat(self._found)
            self._found = [_rare(held)]
            often = held.join(self._found[0], on=keys, how="anti")
            self._missed = self._missed.join(often, on=keys, how="anti")

    def all(self) -> pl.DataFrame:
        """Rows of all parts as one table, in the order of source and line."""
        rows = _shown(pl.concat([self._thinned(), _rare(pl.concat(self._found))]))
        return rows.sort("source", "line", "stamp", "key", nulls_last=True)

    def _below(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows that may still be among those that are kept of their series."""
        for name in self._limits.keys() & set(rows["series"].unique()):
            other, limit = pl.col("series") != name, self._limits[name]
            rows = rows.filter(other | (pl.col("rank") <= limit))
        return rows

    def _thinned(self) -> pl.DataFrame:
        """Rows that are kept of each series, of all that were taken in."""
        rows = _latest(pl.concat(self._parts))
        counts = rows.group_by("series").agg(
            pl.len().alias("n"), pl.col("rank").bottom_k(SAMPLE).max().alias("limit")
        )
        full = counts.filter(pl.col("n") >= SAMPLE)
        self._limits = dict(full.select("series", "limit").iter_rows())
        return slim(self._below(rows))


def _shown(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with nulls, and stamps as such."""
    stamp = pl.when("own").then(pl.lit("event")).otherwise(pl.lit("envelope"))
    return (
        known(rows, "offset", "epoch")
        .with_columns(
            pl.col("local").cast(pl.Datetime("us")),
            stamp.alias("stamp"),
            pl.when("wanted").then("rank").alias("key"),
        )
        .drop("own", "wanted", "rank")
    )


def _named(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the series of their sources."""
    names = {name: series(name) for name in rows["source"].unique()}
    old, new = list(names), list(names.values())
    found = pl.col("source").replace_strict(old, new, return_dtype=pl.String)
    return rows.with_columns(found.alias("series"))


def _latest(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows without the older ones of requests that are repeated too often."""
    who = rows.select(pl.struct("series", "rank").hash(seed=17)).to_series()
    counts = who.value_counts(name="n")
    often = counts.filter(pl.col("n") > REPEATS).to_series(0)
    frequent = who.is_in(often.implode()) & rows["wanted"]
    if not frequent.any():
        return rows
    oldest = pl.col("local").top_k(REPEATS).min().over("series", "rank")
    latest = rows.filter(frequent).filter(pl.col("local") >= oldest)
    return pl.concat([rows.filter(~frequent), latest])


def _lacking(counts: pl.DataFrame, name: str, limit: int) -> pl.DataFrame:
    """Rare requests of other series that the sample of this large one left out.

    Only of those that share too few with it. `counts`: rows a series and request.
    """
    own, others = pl.col("series") == name, counts.filter(pl.col("series") != name)
    mine = counts.filter(own)["rank"]
    both = others.filter(pl.col("rank").is_in(mine.implode()))
    related = both.group_by("series").len().filter(pl.col("len") >= _ENOUGH)
    rare = others.filter((pl.col("n") <= _RARE) & (pl.col("rank") > limit))
    ranks = rare.join(related, on="series", how="anti").select("rank").unique()
    series_of = pl.lit(name).alias("series")
    return ranks.sort("rank").head(SAMPLE).select(series_of, "rank")


def _rare(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows without those of requests that are too common to tell anything."""
    return rows.filter(pl.len().over("series", "rank") <= _COMMON)
