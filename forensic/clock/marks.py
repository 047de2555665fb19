"""Rows that can be recognised elsewhere: requests, and ids that carry an epoch."""

import numpy as np
import polars as pl

from forensic.clock.names import series
from forensic.clock.rows import (
    GROUP,
    NONE,
    Hashes,
    Ints,
    Mask,
    Rows,
    Stamp,
    numbers,
    only,
)
from forensic.clock.turns import without_year
from forensic.formats import ending_formats, starting_formats
from forensic.schema import EVENT

__all__ = ["MARKS", "marks"]

#: Rows of requests, and rows whose id carries a UTC epoch; NONE stands for null.
MARKS: dict[str, pl.DataType] = {
    **dict.fromkeys(GROUP, pl.String()),
    "line": pl.Int64(),
    "status": EVENT["status"],
    "duration": pl.Float64(),  # where the stamp is of the end
    "took": pl.Float64(),  # where it is of the start
    "own": pl.Boolean(),  # the stamp is the event's own, not its envelope's
    "local": pl.Int64(),  # microseconds
    "offset": pl.Int64(),
    "turn": pl.Int64(),
    "epoch": pl.Int64(),
    "wanted": pl.Boolean(),  # it is a request, and `rank` the request's hash
    "rank": pl.UInt64(),
}
#: Rows kept of one series in one part, and at most where few requests repeat often.
_PART, _CROWD = 4_000, 16_000
#: As so many rows the repeats of one request count in a part, lest it crowd out others.
_OFTEN = 250
_EPOCH = r"^(?:Root=)?1-([0-9a-fA-F]{8})-[0-9a-fA-F]{24}"
_ERROR = 400
_SEEDS = {"method": 17, "path": 18, "query": 19}


def marks(rows: Rows) -> pl.DataFrame:
    """MARKS of a part: the useful rows, or a sample of them, as they stand."""
    local, offset = rows.local, rows.offset
    if not rows.own.all():
        local = np.where(rows.own, local, rows.envelope)
        offset = np.where(rows.own, offset, rows.envelope_offset)
    epoch = _epochs(rows, offset)
    rank, wanted = _keys(rows.frame)
    useful = wanted
    if (epoch != NONE).any():
        useful = wanted | (epoch != NONE)
        rank = np.where(wanted, rank, pl.Series(epoch).hash(17).to_numpy())
    at = np.flatnonzero(useful & (local != NONE))
    at = at[_sampled(rows, at, rank[at])]
    arrays = {"own": rows.own, "local": local, "offset": offset, "epoch": epoch}
    arrays |= {"wanted": wanted, "rank": rank}
    columns = [pl.Series(name, values[at]) for name, values in arrays.items()]
    turn = rows.turns_of(Stamp("", local[at], offset[at], at))
    found = rows.frame[[*GROUP, "line", "status", "duration", "format"]][at]
    found = found.hstack([*columns, pl.Series("turn", turn)])
    if found["duration"].null_count() < found.height:
        ends = pl.col("format").is_in(ending_formats())
        begins = pl.col("format").is_in(starting_formats())
        found = found.with_columns(
            duration=pl.when(ends).then("duration"),
            took=pl.when(begins).then("duration"),
        )
    else:
        found = found.with_columns(took=pl.lit(None, pl.Float64))
    return found[list(MARKS)]


def _keys(frame: pl.DataFrame) -> tuple[Hashes, Mask]:
    """A number a request, the same in every log, and which rows have one."""
    if (frame["query"] == "").any():  # as good as none
        written = pl.when(pl.col("query") != "").then("query")
        frame = frame.with_columns(written.alias("query"))
    if frame["method"].null_count():  # an error that does not name it: most are of GET
        error = pl.when(pl.col("status") >= _ERROR).then(pl.lit("GET"))
        frame = frame.with_columns(pl.coalesce("method", error).alias("method"))
    method, path, query = (pl.col(n).hash(seed) for n, seed in _SEEDS.items())
    key = frame.select(method ^ path ^ query).to_series().to_numpy()
    has = np.ones(frame.height, np.bool_)
    for name in ("path", "method"):
        if frame[name].null_count():
            has &= frame[name].is_not_null().to_numpy()
    return key, has


def _epochs(rows: Rows, offset: Ints) -> Ints:
    """UTC seconds that the request's id carries, for stamps that lack something.

    To search the ids of all the others would take long.
    """
    none = np.broadcast_to(np.int64(NONE), len(offset))
    ids = rows.frame[["trace_id", "request_id"]]
    if all(column.null_count() == len(column) for column in ids):
        return none
    lacking = (offset == NONE) | without_year(rows.local) | without_year(rows.envelope)
    if not lacking.any():
        return none
    identifier = pl.when(pl.lit(pl.Series(lacking))).then(
        pl.coalesce("trace_id", "request_id")
    )
    epoch = identifier.str.extract(_EPOCH, 1).str.to_integer(base=16, strict=False)
    return numbers(ids.select(epoch).to_series())


def _sampled(rows: Rows, at: Ints, rank: Hashes) -> Mask:
    """Which of some rows are kept: of a large series the least hashes."""
    if len(rank) <= _PART:
        return np.ones(len(rank), np.bool_)
    groups = _series(rows, at)
    sizes = np.bincount(groups)
    if len(sizes) == 1:
        return rank <= _limit(rank)
    kept = np.ones(len(rank), np.bool_)
    for group in np.flatnonzero(sizes > _PART):
        inside = groups == group
        kept[inside] = rank[inside] <= _limit(rank[inside])
    return kept


def _series(rows: Rows, at: Ints) -> Ints:
    """The number of the series of each row."""
    owners = only(rows.group["source"], at)
    starts = np.flatnonzero(owners[1:] != owners[:-1]) + 1
    starts = np.concatenate([[0], starts])
    names = [series(name) for name in rows.frame["source"].gather(at[starts])]
    numbered = {name: number for number, name in enumerate(dict.fromkeys(names))}
    found: Ints = np.repeat(
        np.array([numbered[name] for name in names], np.int64),
        np.diff(starts, append=len(at)),
    )
    return found


def _limit(rank: Hashes) -> np.uint64:
    """The greatest hash that is kept."""
    if len(rank) > _CROWD:
        rank = np.partition(rank, _CROWD)[:_CROWD]
    values, counts = np.unique(rank, return_counts=True)
    total = np.minimum(counts, _OFTEN).cumsum()
    at = int(np.searchsorted(total, _PART))
    return np.uint64(values[min(at, len(values) - 1)])
