"""Exceptions printed below the line of a finished request ▶ the request they are of.

A program that prints a stack without a stamp, and a line for each request that it has
answered, leaves stacks below lines of other requests: hapi's `debug` prints the stack
when a handler throws, and its `response` event comes behind it. Which of its two
neighbours a stack is of, the log itself shows.
"""

import polars as pl

__all__ = ["NEIGHBOURS", "of_neighbours"]

#: A request with the status that it got, in a line that says nothing else of it.
_FINISHED = (
    r"^[^\n]*?\b(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (?:https?://[^/\s]+)?(/[^\s\"?]*)"
    r"[^\n]*?[\s>\"]([1-5][0-9]{2})(?:[^\n0-9.][^\n]*)?(?:\n|$)"
)
#: What it threw may stand in the line itself.
_OWN_WORDS = r"^[^\n]*(?:Error|Exception|Traceback|panic)"
_FAILED = 400
#: What of the line below such a stack tells whose it is.
NEIGHBOURS = ["source", "line", "message", "method", "path", "status", "level", "time"]


def of_neighbours(notes: pl.DataFrame, events: pl.LazyFrame) -> pl.DataFrame:
    """The notes; an exception below a request's line is of that one or of the next.

    In each log that side counts on which more of them have a request that failed. As
    many on both: nobody can tell, and such a note is left out. `events` have
    `NEIGHBOURS`.
    """
    finished = pl.col("level").is_null() & pl.col("message").str.contains(_FINISHED)
    finished &= pl.col("message").str.contains("\n", literal=True)
    finished &= ~pl.col("message").str.contains(_OWN_WORDS)
    # A log whose every event is a line of its own has none.
    below = (pl.col("kind") == "exception") & finished.fill_null(value=False)
    stacks = notes.filter(below)
    if not stacks.height:
        return notes
    places = stacks.select("source", line="below")
    after = (
        events.filter(pl.col("source").is_in(places["source"].unique().implode()))
        .join(places.lazy(), on=["source", "line"], how="semi")
        .select(NEIGHBOURS)
        .collect(engine="streaming")
    )
    behind = _request(after).select(
        *("source", "line"),
        **{f"next_{name}": name for name in ("method", "path", "status", "time")},
    )
    sides = (
        _request(stacks)
        .select("source", "offset", "below", own_status="status")
        .join(
            behind.unique(["source", "line"], keep="first"),
            left_on=["source", "below"],
            right_on=["source", "line"],
            how="left",
            maintain_order="left",
        )
        .drop("below")
    )
    own, other = (
        (pl.col(name) >= _FAILED).fill_null(value=False).sum().over("source")
        for name in ("own_status", "next_status")
    )
    whose = sides.with_columns(own=own > other, next=other > own)
    told = notes.join(
        whose, on=["source", "offset"], how="left", maintain_order="left"
    ).filter(
        pl.col("own").is_null()
        | pl.col("own")
        | (pl.col("next") & pl.col("next_path").is_not_null())
    )
    moved = pl.col("next").fill_null(value=False)
    return told.with_columns(
        *(
            pl.when(moved).then(f"next_{name}").otherwise(name).alias(name)
            for name in ("method", "path", "status", "time")
        ),
        message=pl.when(moved)
        .then(pl.col("message").str.replace(r"^[^\n]*\n", ""))
        .otherwise("message"),
    ).select(notes.columns)


def _request(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the request that they, or the first lines of their words, name."""
    text = pl.col("message").str
    return rows.with_columns(
        method=pl.coalesce("method", text.extract(_FINISHED, 1)),
        path=pl.coalesce("path", text.extract(_FINISHED, 2)),
        status=pl.coalesce(
            "status", text.extract(_FINISHED, 3).cast(pl.Int16, strict=False)
        ),
    )
