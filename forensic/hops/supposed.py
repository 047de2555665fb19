"""A verdict on requests that were logged ▶ what it rests on that was only supposed.

Where nothing tells a log's zone, its year, or which number of its dates is the day,
they are read as they mostly are. That its lines stand at the moment asked for is then
no surer than that.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from forensic.hops.match import Match
from forensic.hops.moment import guessed
from forensic.hops.question import Question
from forensic.hops.when import zone_name

__all__ = ["supposed"]

_LOWER = {"certain": "strong", "strong": "weak"}


def supposed(
    events: pl.LazyFrame,
    clocks: pl.DataFrame,
    verdict: Mapping[str, Any],
    match: Match,
    asked: Question,
) -> dict[str, Any]:
    """`confidence` and `sentence` where the request's moment rests on a guess, or {}.

    A stamp that is surer, of another hop's record, tells the moment; and who asks for
    none needs none.
    """
    if asked.start is None:
        return {}
    rows = _lines(events, verdict["request"]["evidence"])
    loose = rows.filter(pl.col("flags").list.contains("order_assumed"))
    notes = []
    if loose.height and asked.lacks != "date":
        names = _names(loose)
        notes.append(
            f" Nothing tells whether the dates of {names} have the day first or the"
            " month: read the other way, it was on another day."
        )
    if rows.height and (rows["time_basis"] == "assumed").all() and not match.misfit:
        sources = rows["source"].unique().to_list()
        notes += _clock(sources, clocks, asked, asked.start.year)
    if not notes:
        return {}
    sure = verdict["confidence"]
    # A record that tells its own day stands beside those that do not.
    beside = len(notes) == 1 and 0 < loose.height < rows.height
    lower = _LOWER.get(sure, sure)
    return {
        "confidence": sure if beside and sure == "strong" else lower,
        "sentence": verdict["sentence"] + "".join(notes),
    }


def _lines(events: pl.LazyFrame, evidence: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """The records of the request, as the events have them."""
    places = [(line["source"], line["offset"]) for line in evidence]
    wanted = pl.DataFrame(
        places, {"source": pl.String, "offset": pl.Int64}, orient="row"
    )
    own = pl.col("source").is_in(wanted["source"].unique().implode())
    own &= pl.col("offset").is_in(wanted["offset"].unique().implode())
    rows = events.filter(own).select("source", "offset", "flags", "time_basis")
    keys = ["source", "offset"]
    return rows.collect(engine="streaming").join(wanted, on=keys, how="semi")


def _clock(
    sources: Sequence[str], clocks: pl.DataFrame, asked: Question, year: int
) -> list[str]:
    """What is said where the logs' zone or year is a guess, and the question's not."""
    own = guessed(clocks.filter(pl.col("source").is_in(sources)))
    # Without a zone, people ask by the clock that the log was written by.
    zoned = bool(own.zones) and (asked.zone_written or asked.offset != 0)
    dated = bool(own.years) and not asked.lacks
    fits = [zone_name(0)] * zoned + [str(year)] * dated
    if not fits:
        return []
    what = " or the ".join(["zone"] * zoned + ["year"] * dated)
    names = ", ".join(sorted(sources))
    fit = ", ".join(fits)
    return [f" Nothing tells the {what} of {names}: it fits if that is {fit}."]


def _names(rows: pl.DataFrame) -> str:
    return ", ".join(rows["source"].unique().sort().to_list())
