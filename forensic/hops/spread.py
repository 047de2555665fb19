"""Exceptions whose stack is spread over several events ▶ the line that names them.

Journals, containers and log stores make an event of each line that a program prints:
of `Error handling request /pay`, `Traceback …` and `KeyError: 'total'` the last says
what it was.
"""

import polars as pl

from forensic.hops.quoted import thrown

__all__ = ["COLUMNS", "named"]

#: So many lines lie at most between the head of a stack and its end, where the lines
#: have no stamps; and so long (µs), where they have.
_DEEPEST = 80
_AT_ONCE = 1_000_000
_THROWN = ["exception", "abort"]
#: What `named` adds: the words, and the place of the line that has them.
COLUMNS = ["named", "named_line", "named_offset"]


def named(notes: pl.DataFrame) -> pl.DataFrame:
    """The notes; beside those of exceptions that another line names, its words.

    It is the next line of the same process that names one; where the lines have no
    number of a process, the next of the log. Before the next request's. A journal gives
    what has no head all to the master, while the heads have their worker's number: it
    is of the head before it. Stores give the newest line first: then it is the one
    before.
    """
    words = thrown(pl.col("message").str.strip_chars_start())
    back = pl.col("time").drop_nulls()
    upward = (back.first() > back.last()).over("source").fill_null(value=False)
    told = notes.with_columns(
        words=words, place=pl.col("offset") * pl.when(upward).then(-1).otherwise(1)
    ).sort("source", "place")
    heads = pl.col("kind").is_in(_THROWN) & pl.col("words").is_null()
    # Another request's exception: what follows it is of that one.
    ends = pl.col("kind").is_in(_THROWN) & pl.col("path").is_not_null()
    below = told.filter((pl.col("words").is_not_null()) | ends).select(
        *("source", "pid", "hop", "place"),
        named=pl.when(~(ends & pl.col("words").is_null())).then("words"),
        named_line="line",
        named_offset="offset",
        named_time="time",
    )
    wanted = told.filter(heads).select(
        *("source", "pid", "hop", "line", "offset", "time", "place")
    )
    own = told.filter(ends).select("source", "pid").unique()
    headless = below.join(own, on=["source", "pid"], how="anti", maintain_order="left")
    stops = below.filter(pl.col("named").is_null())
    orphans = pl.concat([headless, stops]).unique(["source", "place"], keep="first")
    found = pl.concat(
        [
            _next(wanted.filter(pl.col("pid").is_not_null()), below, ["source", "pid"]),
            _next(wanted, below.filter(pl.col("pid").is_null()), ["source"]),
            _next(wanted, orphans.sort("source", "place"), ["source", "hop"]),
        ]
    ).unique(["source", "offset"], keep="first", maintain_order=True)
    return notes.join(found, on=["source", "offset"], how="left", maintain_order="left")


def _next(wanted: pl.DataFrame, below: pl.DataFrame, same: list[str]) -> pl.DataFrame:
    """For each head the next line that names something, if it stands near enough."""
    found = wanted.join_asof(
        below.drop([name for name in ("pid", "hop") if name not in same]),
        on="place",
        by=same,
        strategy="forward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    apart = (pl.col("named_time") - pl.col("time")).abs() <= _AT_ONCE
    near = (pl.col("named_line") - pl.col("line")).abs() <= _DEEPEST
    return found.filter(apart.fill_null(near) & pl.col("named").is_not_null()).select(
        "source", "offset", *COLUMNS
    )
