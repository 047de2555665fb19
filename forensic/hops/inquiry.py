"""A question and the tables of an archive ▶ what every way to answer starts from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import polars as pl

from forensic.census import census, formats_of, zones_of
from forensic.hops.absence import Silence, outside_gaps, silences
from forensic.hops.match import Match, fitting, matches
from forensic.hops.meant import meant
from forensic.hops.moment import settled
from forensic.hops.question import Question
from forensic.hops.unwritten import unwritten
from forensic.hops.weightiest import weightiest

__all__ = ["Inquiry", "inquire"]

_MINUTE = timedelta(minutes=1)
#: Names of files that people write.
_NOTE = r"(?i)\.(?:txt|md|markdown|rst|adoc|html?|eml)$|(?:^|/)(?:readme|notes?)[^/]*$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What was asked of an archive, and what its tables have on it."""

    events: pl.LazyFrame
    requests: pl.DataFrame
    #: As the clock stage left them, and with the guesses among them replaced.
    raw_clocks: pl.DataFrame
    clocks: pl.DataFrame
    gaps: pl.DataFrame
    sources: pl.DataFrame
    #: The `census` of the events, and their formats.
    counts: pl.DataFrame
    formats: frozenset[str]
    #: Whether somebody asked at all.
    asked: bool
    #: At the moment that is meant; empty where nobody asked.
    question: Question
    #: What was assumed to find that moment, and what was left out, a sentence each.
    notes: list[str]
    #: Hop ▶ what its logs show about that moment.
    quiet: Mapping[str, Silence]
    #: The errors that are meant, near or far.
    match: Match
    #: nginx's configuration, by file: what it tells of an answer.
    configuration: Mapping[str, bytes]

    def quiet_at(self, moment: datetime) -> dict[str, Silence]:
        """What the logs of each hop show about the minute of another moment."""
        start = moment.replace(second=0, microsecond=0)
        there = replace(self.question, start=start, end=start + _MINUTE)
        heard = silences(self.events, self.clocks, there)
        quiet = outside_gaps(heard, self.gaps, there)
        return unwritten(quiet, there, self.configuration, self.events, self.sources)


def _beside_notes(match: Match, sources: pl.DataFrame) -> tuple[Match, list[str]]:
    """The requests that logs have, where notes that people wrote have others as well.

    What somebody pasted between words of his own may be anything; alone it counts.
    That it was left out is told.
    """
    words = pl.col("unparsed_lines") > pl.col("events_lines")
    named = pl.col("source").str.contains(_NOTE)
    notes = sources.filter(words & named)["source"]
    places = pl.element().struct.field("source").is_in(notes.implode())
    lines = pl.col("evidence")
    noted = lines.list.eval(places).list.all() & (lines.list.len() > 0)
    logged = match.rows.filter(~noted)
    if notes.is_empty() or logged.height in {0, match.rows.height}:
        return match, []
    first = match.rows.filter(noted)["evidence"].list.first().struct.field("source")
    text = f" {min(first.to_list())}, which is no log, tells of another one."
    return match._replace(rows=logged), [text]


def _of_site(match: Match, asked: Question) -> tuple[Match, list[str]]:
    """The requests of the site asked for, or of none that is logged.

    A hop may call a site by another name than people do: where all are of others,
    they stay, and that is told.
    """
    rows, same = match.rows, asked.matches_host()
    if asked.host is None or not rows.height:
        return match, []
    for mine in (same.fill_null(value=False), same.is_null()):
        found = rows.filter(mine)
        if found.height:
            return match._replace(rows=found), []
    others = ", ".join(rows["host"].unique().sort().head(3).to_list())
    return match, [f" The site asked for is {asked.host}, that of the record {others}."]


def _inner(events: pl.LazyFrame, asked: Question) -> pl.DataFrame:
    """The records of an inner hop with the status asked for, which no client got."""
    own = (pl.col("status") == asked.status).fill_null(value=False)
    return events.filter(own & asked.matches_path()).select("time").collect()


def inquire(
    events: pl.LazyFrame,
    requests: pl.DataFrame,
    clocks: pl.DataFrame,
    gaps: pl.DataFrame,
    sources: pl.DataFrame,
    given: Question | None = None,
    counts: pl.DataFrame | None = None,
    configuration: Mapping[str, bytes] | None = None,
) -> Inquiry:
    """The question as it is meant, and the errors of the archive that fit it.

    `counts` is the events' `census`, where that is known already.
    """
    if counts is None:
        counts = census(events)
    known = settled(clocks, sources)
    near = fitting(requests, given) if given else requests
    if given is not None and given.status and given.lacks and not near.height:
        near = _inner(events, given)
    question, notes = meant(given or Question(), events, counts, known, near)
    if given is None:
        match = Match(weightiest(requests))
    else:
        bare = question.start is not None and not question.zone_written
        zones = zones_of(counts) if bare else []
        match = matches(requests, question, known, zones)
        match, elsewhere = _of_site(match, given)
        match, left_out = _beside_notes(match, sources)
        notes = [*notes, *elsewhere, *left_out]
    files = configuration or {}
    quiet = outside_gaps(silences(events, known, question), gaps, question)
    return Inquiry(
        events=events,
        requests=requests,
        counts=counts,
        raw_clocks=clocks,
        clocks=known,
        gaps=gaps,
        sources=sources,
        formats=formats_of(counts),
        asked=given is not None,
        question=question,
        notes=notes,
        quiet=unwritten(quiet, question, files, events, sources),
        match=match,
        configuration=files,
    )
