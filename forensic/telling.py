"""Events ▶ the few that tell of something, in memory or in a file of their own.

Most events are answers of success and lines of routine. Most rules look at none of
them, and reading the rest once for all rules costs less than once for each.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import polars as pl

from forensic.parquet import write_frames
from forensic.place import made
from forensic.slim import slim

__all__ = ["batches", "held", "kept", "once", "telling"]

#: Rows (and their bytes) that may be held.
_MOST_ROWS = 250_000
_MOST_BYTES = 64 << 20
#: What rules read of such events; their examples fail without any of these.
_COLUMNS = (
    "source line offset length time hop format level logger process message client_ip "
    "client_scope forwarded_for method host path query status upstream_status "
    "bytes_sent duration upstream user_agent referrer hostname action rule rule_group "
    "rule_type labels reason extra flags"
).split()

#: What a WAF writes alike where it delivers a record twice; its ids are never empty.
_IDS = ["trace_id", "request_id"]
_SAME = [
    *_IDS,
    *("time", "client_ip", "method", "host", "path", "query", "status"),
    *("action", "rule", "rule_group", "extra"),
]

#: What applications and hosts say, of which rules speak.
_WORDS = "|".join(
    [
        r"Traceback \(most recent call last\):",
        "No space left on device",
        r"Error R1[45] \(Memory|heap out of memory|java\.lang\.OutOfMemoryError",
        r"Allowed memory size of|Memory limit of [0-9]+|OOMKilled",
        r"^Forbidden \(",
        "COMMAND=",
        r"^(?:Installed|Updated|Upgraded|Erased|Removed|Downgraded): ",
        r"status installed |^Packages that ",
        *("(?i:wrong by", "was stepped", "time stepped", "time reset", "step time"),
        *("time has been changed", "setting system clock)"),
    ]
)
#: What a WAF does to requests besides letting them through.
_REFUSED = ["BLOCK", "CAPTCHA", "CHALLENGE", "MONETIZE"]


def telling(events: pl.LazyFrame) -> pl.LazyFrame:
    """Events with an error, a reason, a refusal, a long wait or words of trouble."""
    status, action, level = pl.col("status"), pl.col("action"), pl.col("level")
    limited = (pl.col("rule_type") == "RATE_BASED") & (action != "ALLOW")
    refused = action.str.to_uppercase().is_in(_REFUSED) | limited
    signs = [
        (status >= 400) | (status == 0) | (pl.col("upstream_status") >= 500),
        # Of several tries, the first failed.
        pl.col("extra").str.contains('"upstream_status":"5', literal=True),
        pl.col("reason").is_not_null(),
        (pl.col("hop") == "waf") & refused,
        action.str.contains("waf-failed", literal=True),
        level.is_in(["error", "critical", "fatal"]),
        pl.col("duration") >= 10,
        pl.col("flags").list.len() > 0,
        pl.col("message").str.contains(_WORDS),
    ]
    # Nothing is computed here: that would keep more of the events in memory.
    return events.filter(pl.any_horizontal(signs)).select(*_COLUMNS, *_IDS)


def once(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The telling events, those of a WAF that were delivered twice once.

    AWS delivers at least once, and who exports a store beside the bucket has both.
    """
    identified = pl.any_horizontal(pl.col(_IDS).is_not_null())
    delivered = (pl.col("hop") == "waf") & identified & pl.col("time").is_not_null()
    place = ["source", "offset"]
    known = rows.filter(delivered).select(*place, delivery=pl.struct(_SAME).hash(5))
    told = known.select("delivery").collect(engine="streaming")["delivery"].sort()
    several = told.filter(told == told.shift(1)).unique()
    if several.is_empty():
        return rows.drop(_IDS)
    again = (
        known.filter(pl.col("delivery").is_in(several.implode()))
        .collect(engine="streaming")
        .sort(place)
        .filter(~pl.col("delivery").is_first_distinct())
    )
    rest = rows.join(again.lazy(), on=place, how="anti", maintain_order="left")
    return rest.drop(_IDS)


def held(rows: pl.LazyFrame, *, part: int = 1) -> pl.LazyFrame | None:
    """The rows in memory; None where they are too many or too large for that.

    They may fill that part of what can be held.
    """
    few, more = _few(batches(rows), part)
    return None if more else _together(few, rows)


def kept(rows: pl.LazyFrame, file: Path, *, part: int = 1) -> pl.LazyFrame:
    """The rows in memory, or in that file where they are too many or too large.

    They may fill that part of what can be held.
    """
    rest = batches(rows)
    few, more = _few(rest, part)
    if not more:
        return _together(few, rows)
    made(file.parent)
    with file.open("wb") as sink:
        write_frames(chain(_given(few), rest), rows.collect_schema(), sink)
    return pl.scan_parquet(file, glob=False)


def _given(frames: list[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The frames in their order, each held no longer than it is needed."""
    frames.reverse()
    while frames:
        yield frames.pop()


def batches(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The rows, some at a time, in any order."""
    return rows.collect_batches(maintain_order=False, engine="streaming")


def _few(batches: Iterator[pl.DataFrame], part: int) -> tuple[list[pl.DataFrame], bool]:
    """As many batches as that part of what can be held takes; whether there are more.

    The last of them may be one too many.
    """
    few: list[pl.DataFrame] = []
    rows_held, size = 0, 0.0
    for batch in batches:
        rows_held += batch.height
        size += batch.estimated_size()
        few.append(slim(batch))
        if rows_held * part > _MOST_ROWS or size * part > _MOST_BYTES:
            return few, True
    return few, False


def _together(few: list[pl.DataFrame], rows: pl.LazyFrame) -> pl.LazyFrame:
    return pl.concat(few or [pl.DataFrame(schema=rows.collect_schema())]).lazy()
