"""Rows that can be recognised elsewhere: requests, and ids that carry an epoch."""

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.clock.names import series
from forensic.clock.rows import GROUP, NONE, Ints, Mask, Rows
from forensic.clock.turns import without_year
from forensic.formats import all_formats
from forensic.schema import EVENT

__all__ = ["MARKS", "REPEATS", "Sample", "ending_formats", "marks"]

Hashes = npt.NDArray[np.uint64]
#: Rows of requests, and rows whose id carries a UTC epoch.
MARKS: dict[str, pl.DataType] = {
    **dict.fromkeys(GROUP, pl.String()),
    "line": pl.Int64(),
    "turn": pl.Int64(),
    "status": EVENT["status"],
    "stamp": pl.String(),
    "local": pl.Datetime("us"),
    "offset": pl.Int32(),
    "duration": pl.Float64(),
    "key": pl.UInt64(),
    "epoch": pl.Int64(),
    "rank": pl.UInt64(),
}
#: Rows kept of one series (see Sample).
SAMPLE = 16_000
#: Rows held before they are thinned.
_HELD = 240_000
#: Rows kept of one request (a health check) in one series: the latest, because logs of
#: one archive mostly end together.
REPEATS = 2_000
#: Rows kept of one series in one part, and at most where few requests repeat often.
_PART, _CROWD = 4_000, 16_000
#: As so many rows the repeats of one request count in a part, lest it crowd out others.
_OFTEN = 250
_EPOCH = r"^(?:Root=)?1-([0-9a-fA-F]{8})-[0-9a-fA-F]{24}"
_NUMBERS = ["offset", "turn", "epoch"]
_SEEDS = {"method": 17, "path": 18, "query": 19}


def ending_formats() -> list[str]:
    """Names of the formats that stamp the end of a request."""
    return [f.name for f in all_formats() if f.stamps_end]


def marks(rows: Rows) -> pl.DataFrame:
    """MARKS of a part: the useful rows, or a sample of them, as they stand."""
    own = rows.own
    local = np.where(own, rows.local, rows.envelope)
    offset = np.where(own, rows.offset, rows.envelope_offset)
    key, wanted = _keys(rows.frame)
    rank, known = key, wanted
    epoch = _epochs(rows, offset)
    if epoch is not None:
        rank = np.where(wanted, key, pl.Series(epoch).hash(17).to_numpy())
        known = wanted | (epoch != NONE)
    at = np.flatnonzero(known & (local != NONE))
    at = at[_sampled(rank[at], _series(rows, at))]
    names = [*GROUP, "line", "status", "duration", "format"]
    found = rows.frame.select(names)[at].with_columns(
        pl.Series("turn", np.where(without_year(local[at]), rows.turn[at], NONE)),
        pl.Series("local", local[at]),
        pl.Series("offset", offset[at]),
        pl.Series("key", key[at]),
        pl.Series("rank", rank[at]),
        pl.Series("epoch", np.full(len(at), NONE) if epoch is None else epoch[at]),
        pl.Series("own", own[at]),
        pl.Series("wanted", wanted[at]),
    )
    ends = pl.col("format").is_in(ending_formats())
    found = found.with_columns(
        pl.when("own")
        .then(pl.lit("event"))
        .otherwise(pl.lit("envelope"))
        .alias("stamp"),
        *(pl.when(pl.col(n) != NONE).then(n).alias(n) for n in _NUMBERS),
        pl.when(ends).then("duration").alias("duration"),
        pl.when("wanted").then("key").alias("key"),
    )
    return found.select(pl.col(name).cast(dtype) for name, dtype in MARKS.items())


def _keys(frame: pl.DataFrame) -> tuple[Hashes, Mask]:
    """A number a request, the same in every log, and which rows have one."""
    columns = {name: frame[name] for name in _SEEDS}
    columns["query"] = columns["query"].fill_null("")
    key = np.zeros(frame.height, np.uint64)
    for name, seed in _SEEDS.items():
        key = key ^ columns[name].hash(seed).to_numpy()
    has = columns["path"].is_not_null() & columns["method"].is_not_null()
    return key, has.to_numpy()


def _epochs(rows: Rows, offset: Ints) -> Ints | None:
    """UTC seconds that the request's id carries, for stamps that lack something.

    To search the ids of all the others would take long.
    """
    ids = rows.frame.select("trace_id", "request_id")
    if all(column.null_count() == len(column) for column in ids):
        return None
    lacking = (offset == NONE) | without_year(rows.local) | without_year(rows.envelope)
    if not lacking.any():
        return None
    identifier = pl.when(pl.lit(pl.Series(lacking))).then(
        pl.coalesce("trace_id", "request_id")
    )
    epoch = identifier.str.extract(_EPOCH, 1).str.to_integer(base=16, strict=False)
    found: Ints = ids.select(epoch.fill_null(NONE)).to_series().to_numpy()
    return found


def _series(rows: Rows, at: Ints) -> Ints:
    """The number of the series of each row."""
    owners = rows.group["source"][at]
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    names = [series(name) for name in rows.frame["source"].gather(at[starts])]
    numbers = {name: number for number, name in enumerate(names)}
    repeats = np.diff(starts, append=len(at))
    found: Ints = np.repeat(np.array([numbers[n] for n in names], np.int64), repeats)
    return found


def _sampled(rank: Hashes, groups: Ints) -> Mask:
    """Which rows are kept: of a large series the requests with the least hashes."""
    kept = np.ones(len(rank), np.bool_)
    if len(rank) <= _PART:
        return kept
    for group in np.flatnonzero(np.bincount(groups) > _PART):
        inside = groups == group
        kept[inside] = rank[inside] <= _limit(rank[inside])
    return kept


def _limit(rank: Hashes) -> np.uint64:
    """The greatest hash that is kept."""
    if len(rank) > _CROWD:
        rank = np.partition(rank, _CROWD)[:_CROWD]
    values, counts = np.unique(rank, return_counts=True)
    total = np.minimum(counts, _OFTEN).cumsum()
    at = int(np.searchsorted(total, _PART))
    return np.uint64(values[min(at, len(values) - 1)])


class Sample:
    """Keeps about SAMPLE rows a series, in bounded memory.

    Those with the smallest hashes, which are the same in every log, so that partners
    stay partners. (The latest of each log would gather wrong pairs where one ends
    earlier than the other.)
    """

    def __init__(self) -> None:
        schema = {"series": pl.String(), "limit": pl.UInt64()}
        self._limits = pl.DataFrame(schema=schema)
        empty = pl.DataFrame(schema=MARKS | {"part": pl.Int32(), "series": pl.String()})
        self._parts = [empty]

    def add(self, rows: pl.DataFrame) -> None:
        """Take the MARKS of a part, with its number as `part`."""
        self._parts.append(self._below(_named(rows)))
        if sum(part.height for part in self._parts) > _HELD:
            self._parts = [self._thinned()]

    def all(self) -> pl.DataFrame:
        """Rows of all parts as one table, in the order of source and line."""
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


def _named(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the series of their sources."""
    names = {name: series(name) for name in rows["source"].unique()}
    old, new = list(names), list(names.values())
    found = pl.col("source").replace_strict(old, new, return_dtype=pl.String)
    return rows.with_columns(found.alias("series"))


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
