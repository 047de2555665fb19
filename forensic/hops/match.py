"""A question ▶ the requests that it means."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import polars as pl

from forensic.counted import apart
from forensic.hops.meant import NO_ZONE
from forensic.hops.moment import guessed
from forensic.hops.question import Question
from forensic.hops.when import zone_name

__all__ = ["AFLOAT", "SLACK", "Match", "fitting", "matches"]

#: How every sentence begins about a log whose zone or year the question supplied.
AFLOAT = " Its log tells no"
_SPELT = " The path is written otherwise than asked"
_UNTOLD = " Its record names no status: time and path are what fits."
_PATHLESS = " Its record names no path: time and status are what fits."
_NEITHER = " Its record names neither path nor status: nothing but the time fits."
_MINUTE = " It stands within a minute of the time asked, not in it."
_SERVER_ERROR = 500
#: Hops write one request so far apart.
SLACK = timedelta(seconds=5)
_TIME = pl.col("time")
#: How far off a clock on the wall is read.
_NEAR = timedelta(seconds=60)
#: What stands in a WAF record for a path that its owner keeps out of the log.
_REDACTED = "REDACTED"
#: How far off people remember the time of an error.
_FAR = timedelta(minutes=5)
#: Zones differ by halves of hours (a few by quarters, which nobody leaves out).
_ZONE_STEP = 1800
#: The zones that there are: whole hours, and the halves that some country keeps.
_ZONES = [
    *range(-12 * 3600, 15 * 3600, 3600),
    *(half * 1800 for half in (-19, -7, -5, 7, 9, 11, 13, 19, 21)),
]
#: What makes two requests answered alike.
_ANSWER = ["answered_by", "cause", "rule", "status"]
#: So many zones are named.
_FEW = 3


class Match(NamedTuple):
    """The requests that a question means, and how well they fit it."""

    rows: pl.DataFrame
    #: What does not quite fit, in words.
    misfit: str = ""
    #: They may have nothing to do with the question.
    far: bool = False
    #: They have the path asked for, or that server error, within a minute of the time,
    #: or the path in other letters: people round, and hops write differently.
    close: bool = False


def matches(
    requests: pl.DataFrame,
    question: Question,
    clocks: pl.DataFrame,
    zones: Sequence[int] = (),
) -> Match:
    """The requests that the question means.

    Each way to fit is tried where the one before found nothing: people misspell a
    path, round a minute and read clocks of other zones, and a record may lack time or
    path. `zones` are the offsets that the archive's servers write.
    """
    same = fitting(requests, question)
    # Appliances log that they ended a request, not with which status; so do
    # applications that say no in words.
    wordless = pl.col("answered_by").is_in(["waf", "application"])
    wordless &= pl.col("status").is_null()
    untold = fitting(requests.filter(wordless), replace(question, status=None))
    loose = fitting(requests, replace(question, loose=True))
    if question.start is None:
        spelt = Match(loose, f"{_SPELT}; the rest fits.", close=True)
        every = (Match(same), Match(untold, _UNTOLD), spelt)
        return next((way for way in every if way.rows.height), Match(same))
    no_path = pl.col("path").is_null() | (pl.col("path") == _REDACTED)
    unread = fitting(requests, replace(question, path=None)).filter(no_path)
    adrift = _afloat(unread, question, clocks, SLACK)
    ways = [
        _twice(same, question),
        Match(_within(same, question, timedelta(0))),
        Match(_begun(same, question)),
        Match(_within(same, question, SLACK)),
        Match(_within(untold, question, SLACK), _UNTOLD),
        _repeated(same, question),
        Match(
            same.filter(pl.col("time").is_null()),
            " Its record has no time of its own: status and path are what fits.",
        ),
        _afloat(same, question, clocks, SLACK),
        Match(
            _within(loose, question, SLACK),
            f"{_SPELT}; time and status fit.",
            close=True,
        ),
        Match(
            _within(loose, question, _NEAR),
            _MINUTE,
            close=question.path is not None or (question.status or 0) >= _SERVER_ERROR,
        ),
        _zoned(same, question, zones),
        _zoned(same, question, zones, _came()),
        _spelt(_zoned(loose, question, zones)),
        Match(_within(unread, question, SLACK), _PATHLESS),
        adrift._replace(misfit=adrift.misfit + _PATHLESS),
        Match(_stopped(requests, question), _NEITHER, far=True),
        *_around(loose, question, clocks, zones),
    ]
    if question.status is None and question.path is None:
        ways = _grave(requests, question, [*ways[:6], ways[7]])
    return next((way for way in ways if way.rows.height), Match(requests.clear()))


def _stopped(requests: pl.DataFrame, question: Question) -> pl.DataFrame:
    """What a firewall stopped at that time, of which it wrote no more than that."""
    bare = pl.all_horizontal(pl.col("status", "path").is_null())
    bare &= (pl.col("answered_by") == "waf") & ((question.status or 400) >= 400)
    anything = replace(question, status=None, path=None)
    return _within(fitting(requests.filter(bare), anything), question, SLACK)


def _grave(
    requests: pl.DataFrame, question: Question, exact: Sequence[Match]
) -> list[Match]:
    """The ways where only a time is asked: any error may be meant.

    Scanners and bookmarks are answered 404 at any moment: what went wrong within a
    minute is meant rather than that.
    """
    grave = pl.col("status").is_null() | (pl.col("status") != 404)
    near = _within(requests.filter(grave), question, _NEAR)
    told = [way for way in exact if way.rows.filter(grave).height]
    return [*told, Match(near, _MINUTE), *exact]


def fitting(requests: pl.DataFrame, question: Question) -> pl.DataFrame:
    """The requests of the status and the path asked for."""
    status = pl.lit(value=True)
    if question.status is not None:
        status = (pl.col("status") == question.status).fill_null(value=False)
    found = requests.filter(status & question.matches_path())
    if question.host is not None:
        found = _preferred(found, question.matches_host())
    if question.method is not None:
        found = _preferred(found, pl.col("method") == question.method)
    return found


def _preferred(rows: pl.DataFrame, own: pl.Expr) -> pl.DataFrame:
    """The rows that are what was asked for, or say nothing of it; all where none is.

    A proxy may ask its server by another name than the one in a browser's bar.
    """
    return (
        rows.filter(own.fill_null(value=True))
        if rows.select(own.any()).item()
        else rows
    )


def _within(rows: pl.DataFrame, question: Question, slack: timedelta) -> pl.DataFrame:
    return rows.filter(question.within(pl.col("time"), slack))


def _begun(rows: pl.DataFrame, question: Question) -> pl.DataFrame:
    """The rows of requests that came at the time asked, and were answered later.

    Many a log stamps the start, and who waited for a page remembers either.
    """
    return rows.filter(question.within(_came()))


def _came() -> pl.Expr:
    """When a request came, by how long it took."""
    took = (pl.col("duration") * 1e6).round().cast(pl.Int64)
    return pl.col("time") - pl.duration(microseconds=took)


def _repeated(rows: pl.DataFrame, question: Question) -> Match:
    """The rows of the hour that the zone's clocks showed twice, when it came again."""
    if not question.again:
        return Match(rows.clear())
    text = " Clocks of that zone showed the time asked twice: it fits the second time."
    return Match(_within(rows, question.moved(question.again), SLACK), text)


def _twice(rows: pl.DataFrame, question: Question) -> Match:
    """The rows of both such hours, where they were answered otherwise."""
    first = _within(rows, question, timedelta(0))
    second = _within(rows, question.moved(question.again), timedelta(0))
    both = pl.concat([first, second])
    if not question.again or not (first.height and second.height):
        return Match(rows.clear())
    if both.n_unique(_ANSWER) == 1:
        return Match(rows.clear())
    return Match(both, " Clocks showed the time asked twice, and it fits both times.")


def _around(
    rows: pl.DataFrame, question: Question, clocks: pl.DataFrame, zones: Sequence[int]
) -> Iterator[Match]:
    """The rows some minutes off, where a path or a server's error tells them apart.

    By the clocks of other logs where the question names no zone.
    """
    if question.path is None and (question.status or 0) < 500:
        return
    others = [] if question.zone_written else zones
    for zone in dict.fromkeys([question.offset, *others]):
        asked = question.moved(timedelta(seconds=question.offset - zone))
        other = zone != question.offset
        text = f"{NO_ZONE} and is read as {zone_name(zone)}." if other else ""
        found = _within(rows, asked, _FAR)
        found = found.sort((pl.col("time") - pl.lit(asked.start)).abs())
        yield Match(found, f"{text}{_off(found, asked)}", far=True)
    afloat = _afloat(rows, question, clocks, _FAR)
    asked = question.moved(timedelta(seconds=question.offset))
    text = f"{afloat.misfit}{_off(afloat.rows, asked)}"
    yield Match(afloat.rows, text, far=True)


def _off(rows: pl.DataFrame, question: Question) -> str:
    """How far the nearest of some rows is off, in words."""
    away = (pl.col("time") - pl.lit(question.start)).dt.total_seconds()
    least = apart(rows.select(away.abs().min()).item() or 0)
    return (
        f" It stands {least} off the time asked:"
        " whether it is what was seen is not sure."
    )


def _afloat(
    rows: pl.DataFrame, question: Question, clocks: pl.DataFrame, slack: timedelta
) -> Match:
    """The rows that fit where their logs are of the zone asked, or of the year.

    A clock without any partner is assumed to be UTC; who asks reads the same wall
    clock as the log was written by. Of a log whose stamps have no year it is that of
    the file's time, which is another one where the file was copied.
    """
    if question.start is None:
        return Match(rows.clear())
    unknown = guessed(clocks)
    there = question.moved(timedelta(seconds=question.offset))
    zone = f"was written in {zone_name(question.offset)}"
    year = (question.start + timedelta(seconds=question.offset)).year
    zoned = bool(question.offset and question.zone_written)
    # A year that was left out is that of the logs.
    dated = not question.lacks
    of_zone = _of(rows, unknown.zones) if zoned else rows.clear()
    of_year = _of(rows, unknown.years) if dated else rows.clear()
    moved = _in_year(of_year, year)
    ways = (
        (of_zone, there, f"zone: it fits if that {zone}"),
        (moved, question, f"year: it fits if that was {year}"),
        (
            _of(moved, unknown.zones) if zoned else moved.clear(),
            there,
            f"zone and no year: it fits if that {zone}, in {year}",
        ),
    )
    for fitting_rows, asked, text in ways:
        found = _within(fitting_rows, asked, slack)
        if found.height:
            return Match(found, f"{AFLOAT} {text}.")
    return Match(rows.clear())


def _of(rows: pl.DataFrame, sources: Sequence[str]) -> pl.DataFrame:
    """The rows that rest on lines of these logs alone."""
    own = pl.element().struct.field("source").is_in(list(sources))
    return rows.filter(pl.col("evidence").list.eval(own).list.all())


def _in_year(rows: pl.DataFrame, year: int) -> pl.DataFrame:
    """The rows as if they were of that year."""
    away = pl.format("{}y", year - pl.col("time").dt.year())
    return rows.with_columns(pl.col("time").dt.offset_by(away))


def _zoned(
    rows: pl.DataFrame, question: Question, zones: Sequence[int], at: pl.Expr = _TIME
) -> Match:
    """The rows at the wall-clock time asked, where just one zone makes them fit.

    Or several, where all of these rows were answered alike. The zones that the
    archive's servers write come before any other.
    """
    if question.zone_written or question.start is None or question.end is None:
        return Match(rows.clear())
    for zone in zones:
        behind = timedelta(seconds=question.offset - zone)
        found = rows.filter(question.moved(behind).within(at, SLACK))
        if found.height:
            text = f"{NO_ZONE} and fits as {zone_name(zone)}, which other logs write."
            return Match(found, text)
    since = (at - pl.lit(question.start)).dt.total_seconds()
    step = (since / _ZONE_STEP).floor().cast(pl.Int64)
    offset = question.offset - step * _ZONE_STEP
    placed = rows.with_columns(zone=offset).filter(pl.col("zone").is_in(_ZONES))
    span = (question.end - question.start).total_seconds()
    fit = placed.filter(since - step * _ZONE_STEP < span)
    kept = fit["zone"].unique().sort().to_list()
    told = question.path is not None or (question.status or 0) >= _SERVER_ERROR
    if told and len(kept) > 1 and fit.n_unique(_ANSWER) == 1:
        names = " or ".join(zone_name(zone) for zone in kept[:_FEW])
        text = f"{NO_ZONE} and fits as {names}, each time with the same answer."
        return Match(fit.drop("zone"), text, far=True)
    if len(kept) != 1:
        return Match(rows.clear())
    zone = int(kept[0])
    text = f"{NO_ZONE} and fits as {zone_name(zone)}, in no other zone."
    # UTC is nobody's zone and anybody's: machines keep it whoever reads them.
    abroad = question.offset != 0 and zone != 0
    return Match(fit.drop("zone"), text, far=abroad)


def _spelt(match: Match) -> Match:
    """Rows that fit so, and whose path is written otherwise, too."""
    return match._replace(misfit=f"{_SPELT}.{match.misfit}")
