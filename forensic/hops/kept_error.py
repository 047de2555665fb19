"""A CDN's error that it kept from its origin ▶ that error: who made it, and why."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import polars as pl

from forensic.hops import journey
from forensic.hops.verdict import once

__all__ = ["kept_error"]

_LONGEST = timedelta(minutes=5)
_SAME = ["host", "method", "path", "query", "status"]


def kept_error(
    requests: pl.DataFrame, events: pl.LazyFrame, verdict: Mapping[str, Any]
) -> dict[str, Any]:
    """What the request before it, which came through to the origin, adds.

    Empty where the verdict is another, or nothing behind the CDN has that request.
    """
    row = verdict["request"]
    if verdict["cause"] != "cached_error" or row["time"] is None:
        return {}
    earlier = pl.col("time").is_between(row["time"] - _LONGEST, row["time"], "left")
    through = pl.col("evidence").list.eval(pl.element().struct.field("hop") != "cdn")
    same = [
        pl.col(name).fill_null("").cast(pl.String) == str(row[name] or "")
        for name in _SAME
    ]
    found = requests.filter(earlier, through.list.any(), *same).sort("time").tail(1)
    if not found.height:
        return {}
    first = found.row(0, named=True)
    lines = journey.placed(events, first["evidence"], first["path"])
    shown = [line | {"role": "record of the error that was kept"} for line in lines]
    return {
        "sentence": f"{verdict['sentence']} That error: {first['explanation']}",
        "evidence": [*verdict["evidence"], *once(shown)],
    }
