"""What an inner hop's log says ▶ the requests of which it says so.

Who reads such a log asks for what is written there: nginx's 499 where the load balancer
answered 460, the 504 of an upstream behind a page that a cache still had, the time of a
clock that is minutes ahead.
"""

from datetime import timedelta

import polars as pl

from forensic.counted import apart
from forensic.hops.correlate import correlate
from forensic.hops.explain import NAMES
from forensic.hops.inquiry import Inquiry
from forensic.hops.match import SLACK, Match
from forensic.hops.moment import instant
from forensic.hops.question import Question
from forensic.hops.success import around

__all__ = ["inside"]

_PLACE = ["source", "offset"]


def inside(inquiry: Inquiry) -> Match:
    """The requests of which a record as it stands has the status and the time asked."""
    nothing = Match(inquiry.requests.clear())
    asked = inquiry.question
    if asked.status is None or asked.status < 400:
        return nothing
    places = _places(inquiry)
    if not places.height:
        return nothing
    rows = _at(inquiry.requests, places)
    if not rows.height and asked.start is not None:
        near = around(inquiry.events, asked)
        tables = (inquiry.raw_clocks, inquiry.sources)
        rows = _at(correlate(near, *tables, all_requests=True), places)
    return Match(rows, _told(rows, places, asked.status)) if rows.height else nothing


def _places(inquiry: Inquiry) -> pl.DataFrame:
    """The records with that status: their own, or what the hop behind answered."""
    asked = inquiry.question
    own = (pl.col("status") == asked.status).fill_null(value=False)
    # Of several upstreams that were asked in turn, `extra` has the whole list.
    listed = rf'"upstream_status":"[^"]*\b{asked.status}\b'
    passed = (pl.col("upstream_status") == asked.status) | pl.col("extra").str.contains(
        listed
    )
    hop = pl.col("hop").cast(pl.String)
    return (
        around(inquiry.events, asked)
        .filter((hop != "host") & asked.matches_path())
        .filter(own | passed.fill_null(value=False))
        .select(*_PLACE, "time", hop=hop, own=own, instant=instant(inquiry.clocks))
        .filter(_when(asked, "time") | _when(asked, "instant"))
        .collect(engine="streaming")
        .sort(_PLACE)
    )


def _when(asked: Question, column: str) -> pl.Expr:
    return asked.within(pl.col(column), SLACK)


def _at(requests: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """The requests that have a line of evidence there."""
    lines = requests.with_row_index("_row").select("_row", "evidence")
    found = (
        lines.explode("evidence")
        .unnest("evidence")
        .join(places, on=_PLACE, how="semi")["_row"]
        .unique()
    )
    kept = requests.with_row_index("_row").filter(pl.col("_row").is_in(found.implode()))
    return kept.drop("_row")


def _told(rows: pl.DataFrame, places: pl.DataFrame, status: int) -> str:
    """What stands where, in words, of the first of them."""
    row = rows.row(0, named=True)
    known = {(place["source"], place["offset"]): place for place in places.to_dicts()}
    lines = [(line["source"], line["offset"]) for line in row["evidence"]]
    place = next(known[line] for line in lines if line in known)
    hop = NAMES.get(place["hop"], "a host")
    if row["status"] != status:
        what = f"{hop} logged" if place["own"] else f"{hop} got from behind it"
        return f" {status} is what {what}; the client got {row['status'] or 'another'}."
    off = place["time"] - place["instant"]
    if abs(off) < SLACK:
        return f" It is {hop} that logged it under the path asked."
    size = apart(abs(off).total_seconds())
    side = "ahead" if off > timedelta(0) else "behind"
    return f" The clock of {hop}, {size} {side}, showed the time asked."
