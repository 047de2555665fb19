"""A status that the client did not get ▶ the requests behind whose answer it stands.

Who reads an inner hop's log asks for what is written there: nginx's 499 where the load
balancer answered 460, the 504 of an upstream behind a page that a cache still had.
"""

import polars as pl

from forensic.hops.correlate import correlate
from forensic.hops.explain import NAMES
from forensic.hops.inquiry import Inquiry
from forensic.hops.match import SLACK, Match
from forensic.hops.moment import instant
from forensic.hops.success import around

__all__ = ["inside"]

_PLACE = ["source", "offset"]


def inside(inquiry: Inquiry) -> Match:
    """The requests of which an inner hop logged the status asked for."""
    nothing = Match(inquiry.requests.clear())
    asked = inquiry.question
    if asked.status is None:
        return nothing
    places = _places(inquiry)
    if not places.height:
        return nothing
    rows = _at(inquiry.requests, places)
    if not rows.height and asked.start is not None:
        near = around(inquiry.events, asked)
        tables = (inquiry.raw_clocks, inquiry.sources)
        rows = _at(correlate(near, *tables, all_requests=True), places)
    rows = rows.filter(pl.col("status") != asked.status)
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
        .select(*_PLACE, hop=hop, own=own, time=instant(inquiry.clocks))
        .filter(asked.within(pl.col("time"), SLACK))
        .collect(engine="streaming")
        .sort(_PLACE)
    )


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
    what = f"{hop} logged" if place["own"] else f"{hop} got from behind it"
    return f" {status} is what {what}; the client got {row['status']}."
