"""A question that no request fits ▶ the error that is closest to it, in words."""

from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import polars as pl

from forensic.counted import apart
from forensic.hops.match import fitting
from forensic.hops.question import Question

__all__ = ["nearest"]

#: In seconds.
_DAY = 86400
#: So many paths are compared with one that nobody asked for; so alike they must be.
_COMPARED, _ALIKE = 2000, 0.85


def nearest(requests: pl.DataFrame, question: Question) -> str:
    """The sentence about the closest error that fits in all but its time.

    Or, on the path asked for, in all but its status, or on one that is spelt much like
    it: people misremember them. Empty where nothing fits within a day.
    """
    if question.path is None and (question.start is None or question.status is None):
        return ""
    alike = replace(question, loose=True)
    row = _closest(fitting(requests, alike), question)
    kind = "response of that kind is"
    if row is None and question.path is not None:
        others = fitting(requests, replace(alike, status=None))
        row = _closest(others.filter(pl.col("status") >= 400), question)
        kind = f"error for that path is a {row['status']}" if row else ""
    if row is None and question.path is not None:
        row = _closest(_misspelt(requests, question), question)
        like = row and f"a path much like it ({row['path']}) is a {row['status']}"
        kind = f"error for {like}"
    if row is None:
        return ""
    away = f", {apart(row['away'])} away" if row["away"] is not None else ""
    which = "nearest" if away else "first"
    if question.start and question.end and question.start <= row["time"] < question.end:
        away = ", at the time asked"
    when = f"{row['time']:%Y-%m-%d %H:%M:%S} UTC"
    return f" The {which} {kind} of {when}{away}: {row['explanation']}"


def _misspelt(requests: pl.DataFrame, question: Question) -> pl.DataFrame:
    """The errors with the status asked for, of the paths most like the one asked for.

    Those are they with a part before it that users never see (a stage, a prefix that a
    proxy adds), or without one, and else one that is spelt almost so.
    """
    status = pl.col("status")
    same = status >= 400 if question.status is None else status == question.status
    rows = requests.filter(same & pl.col("path").is_not_null())
    common = rows.group_by("path").len().sort("len", "path", descending=[True, False])
    paths = common["path"].head(_COMPARED).to_list()
    asked = question.path or ""
    behind = [path for path in paths if _ends(path, asked)]
    like = behind or get_close_matches(asked, paths, 1, _ALIKE)
    return rows.filter(pl.col("path").is_in(like))


def _ends(path: str, asked: str) -> bool:
    """Whether one of two paths is the other behind something more."""
    short, long = sorted((path, asked), key=len)
    return short.startswith("/") and bool(short.strip("/")) and long.endswith(short)


def _closest(rows: pl.DataFrame, question: Question) -> dict[str, Any] | None:
    """The row that is nearest in time, no more than a day `away`; else the first."""
    away = (pl.col("time") - pl.lit(question.start)).dt.total_seconds().abs()
    if question.start is None:
        away = pl.lit(None, pl.Int64)
    near = (
        rows.filter(pl.col("time").is_not_null())
        .with_columns(away=away)
        .filter((pl.col("away") < _DAY).fill_null(question.start is None))
        .sort("away", "time")
    )
    return near.row(0, named=True) if near.height else None
