"""Application lines of two kinds, `Request: …` and `Response: 200` ▶ one response.

Some applications write the path when a request comes in and the status when it goes
out. A worker that serves one request at a time answers the last one it took.
"""

import polars as pl

__all__ = ["answered"]

#: Where requests have an id, threads of one process do not mix them up.
_SPOKEN = ["source", "hostname", "pid", "request_id"]
_TOLD = ["method", "host", "path", "query", "client_ip"]


def _lines(events: pl.LazyFrame) -> pl.LazyFrame:
    """The lines that tell half of a request."""
    half = pl.col("status").is_null() != pl.col("path").is_null()
    return events.filter(pl.col("hop").is_in(["app_server", "application"]) & half)


def answered(events: pl.LazyFrame) -> pl.LazyFrame:
    """The events, with the request given to responses that name none.

    Lines of one process stand in the order in which it wrote them. A request is
    given away once: a second response without a request stays without.
    """
    halves = _lines(events)
    orphan = pl.col("status").is_not_null()
    if not halves.select(orphan.any()).collect(engine="streaming").item():
        return events
    asked = pl.col("message").str.contains(r"^(?i:request|started|incoming)")
    lines = halves.filter(orphan | asked)
    own = [pl.col(name) for name in _TOLD]
    told = (
        lines.select(*_SPOKEN, "offset", "status", *_TOLD)
        .collect(engine="streaming")
        .sort(*_SPOKEN, "offset", nulls_last=True)
        .with_columns(
            *(
                column.shift(1).over(_SPOKEN).alias(f"told_{column.meta.output_name()}")
                for column in own
            ),
            before=pl.col("status").shift(1).over(_SPOKEN),
        )
        .filter(orphan & pl.col("before").is_null() & pl.col("told_path").is_not_null())
        .select("source", "offset", *(f"told_{name}" for name in _TOLD))
    )
    joined = events.join(told.lazy(), on=["source", "offset"], how="left")
    filled = [pl.coalesce(name, f"told_{name}").alias(name) for name in _TOLD]
    return joined.with_columns(filled).drop(f"told_{name}" for name in _TOLD)
