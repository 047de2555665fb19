"""A time without a date ▶ what was answered on the other days that it can mean.

The last of them is taken to be meant: where another one had another answer, that is a
guess about the day, and about who answered.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import polars as pl

from forensic.hops.match import fitting
from forensic.hops.question import Question

__all__ = ["other_days"]

_SLACK = timedelta(seconds=60)
_LOWER = {"certain": "strong", "strong": "weak"}
_SAME = ["answered_by", "cause", "rule"]


def other_days(
    requests: pl.DataFrame, question: Question, verdict: Mapping[str, Any]
) -> dict[str, Any]:
    """How sure, who else and the sentence, by another day's answer; or nothing."""
    if question.start is None or not question.days:
        return {}
    like = fitting(requests, question)
    there = [question.moved(day - question.start) for day in question.days]
    same = pl.all_horizontal(
        pl.col(name).cast(pl.String).eq_missing(pl.lit(verdict[name], pl.String))
        for name in _SAME
    )
    found = [like.filter(day.within(pl.col("time"), _SLACK)) for day in there]
    apart = [rows.filter(~same) for rows in found]
    other = [rows for rows in apart if rows.height]
    if not other:
        return {}
    sure = _LOWER.get(verdict["confidence"], verdict["confidence"])
    if len(other) > len(there) - len(other):
        sure = _LOWER.get(sure, sure)
    last = other[-1].sort("time").row(-1, named=True)
    shown = last["time"] + timedelta(seconds=question.offset)
    by = str(last["answered_by"])
    candidates = [*verdict["candidates"], *([by] if by != "unknown" else [])]
    return {
        "confidence": sure,
        "candidates": list(dict.fromkeys(candidates)),
        "sentence": f"{verdict['sentence']} On {shown:%Y-%m-%d} another one fits:"
        f" {last['explanation']}",
    }
