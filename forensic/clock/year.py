"""Which year a stamp without one means.

Rollovers are counted inside each file and across the files of a rotation, so that one
*base year* per series explains all of its lines; the votes are for that base year.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from forensic.clock.collect import Evidence
from forensic.clock.names import folder, named_date, rotation, series
from forensic.clock.options import Overrides, chosen
from forensic.clock.votes import Decision, Vote, decide
from forensic.counted import plural
from forensic.schema import YEARLESS

__all__ = ["FILE_ALONE", "Chain", "chains", "decide_years"]

#: Where a clock's `detail` says so, its year is that of the file's time, which a
#: copy may have changed.
FILE_ALONE = "speaks of a year"

_FAR = dt.timedelta(days=180)
_DAY = dt.timedelta(days=1)
#: Votes of at least this strength rest on what the lines themselves say.
_WRITTEN = 45


@dataclass
class Chain:
    """The files of one rotated log whose stamps have no year."""

    name: str
    #: Source ▶ New Years between the start of the chain and that of the source.
    turns: dict[str, int] = field(default_factory=dict)
    #: (month, day, relative year) of every day with such stamps, per source.
    days: dict[str, set[tuple[int, int, int]]] = field(default_factory=dict)
    #: The last such stamp of each source with its relative year.
    ends: dict[str, tuple[dt.datetime, int]] = field(default_factory=dict)

    def dated(self, base: int) -> set[dt.date]:
        """All days of the chain if its base year is `base`, impossible ones aside."""
        found = set()
        for days in self.days.values():
            for month, day, turn in days:
                if (month, day) != (2, 29) or _leap(base + turn):
                    found.add(dt.date(base + turn, month, day))
        return found

    def fits(self, base: int) -> bool:
        """Whether every 29 February of the chain exists."""
        leap_days = (
            t for ds in self.days.values() for m, d, t in ds if (m, d) == (2, 29)
        )
        return all(_leap(base + turn) for turn in leap_days)


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def chains(evidence: Evidence) -> list[Chain]:
    """Every series with stamps that lack a year, with its rollovers counted."""
    cells = evidence.cells
    if cells.is_empty():
        return []
    rows = cells.filter("yearless").sort("source", "first_line", "last_line", "turn")
    files: dict[str, dict[str, list[dict[str, object]]]] = defaultdict(dict)
    for (source,), part in rows.group_by("source", maintain_order=True):
        name = str(source)
        files[series(name)][name] = part.to_dicts()
    return [_chain(name, parts) for name, parts in sorted(files.items())]


def _chain(name: str, files: Mapping[str, Sequence[Mapping[str, object]]]) -> Chain:
    chain = Chain(name)
    turn, last = 0, None
    for source in sorted(files, key=lambda s: (rotation(s), s)):
        cells = files[source]
        first = _moment(cells[0]["low"])
        if last is not None:
            turn += int(first < last - _FAR) - int(first > last + _FAR)
        chain.turns[source] = turn
        chain.days[source] = {
            (day.month, day.day, turn + int(str(cell["turn"])))
            for cell in cells
            for day in [_moment(cell["low"])]
        }
        final = max(
            cells, key=lambda c: (int(str(c["last_line"])), int(str(c["turn"])))
        )
        last = _moment(final["high"])
        turn += int(str(final["turn"]))
        chain.ends[source] = (last, turn)
    return chain


def _moment(value: object) -> dt.datetime:
    if not isinstance(value, dt.datetime):
        message = f"not a stamp: {value!r}"
        raise TypeError(message)
    return value


def decide_years(
    found: Sequence[Chain],
    evidence: Evidence,
    sources: pl.DataFrame,
    overrides: Overrides,
) -> dict[str, Decision]:
    """Chain name ▶ base year with its votes; absent where nothing speaks.

    A chain that is decided helps those that are not: logs of one host are copied
    together and end together.
    """
    covered = _covered(evidence)
    decided: dict[str, Decision] = {}
    waiting = list(found)
    direct = {c.name: _direct_votes(c, evidence, overrides) for c in waiting}
    while waiting:
        votes = {c.name: direct[c.name] + _coverage_votes(c, covered) for c in waiting}
        best = max(
            waiting,
            key=lambda c: (max((v.strength for v in votes[c.name]), default=0), c.name),
        )
        waiting.remove(best)
        last = decide(_mtime_votes(best, sources))
        decision = decide(_possible(best, votes[best.name]), _newest(last)) or last
        if decision is not None:
            decided[best.name] = decision
            if decision.confidence in ("certain", "strong"):
                covered[folder(best.name), "chain " + best.name] = best.dated(
                    decision.value
                )
    return decided


def _newest(file_time: Decision | None) -> Callable[[int], int]:
    """Of years that fit alike that of the file's time, else the last.

    What is handed over is seldom old.
    """
    own = file_time.value if file_time else None
    return lambda year: year + 10_000 * (year == own)


def _possible(chain: Chain, votes: Sequence[Vote]) -> list[Vote]:
    """The votes for years that have every day of the chain.

    What is written in the lines or said by the user stands against a 29 February,
    which is then the line that is wrong.
    """
    return [v for v in votes if v.strength >= _WRITTEN or chain.fits(v.value)]


def _direct_votes(chain: Chain, evidence: Evidence, overrides: Overrides) -> list[Vote]:
    votes = []
    for source, turn in chain.turns.items():
        year = chosen(overrides.year, source)
        if year is not None:
            # The option states the year of the file's last line.
            base = year - chain.ends[source][1]
            text = f"--year says {year} for {source}"
            votes.append(Vote(base, 1000, "certain", "option", text, basis="written"))
        votes += _name_votes(chain, source)
        votes += _inner_votes(source, turn, evidence.inner)
        votes += _epoch_votes(source, turn, evidence.marks)
    return votes


def _inner_votes(source: str, turn: int, inner: pl.DataFrame) -> list[Vote]:
    if inner.is_empty():
        return []
    rows = inner.filter(
        (pl.col("source") == source) & pl.col("base_year").is_not_null()
    )
    counts = rows.group_by("base_year").agg(pl.col("n").sum()).sort("base_year")
    total = int(counts["n"].sum())
    return [
        Vote(
            year - turn,
            90 * n / total,
            "certain" if n >= 3 else "strong",
            "payload year",
            f"{n} payload stamps inside {source} are dated {year}"
            if n > 1
            else f"1 payload stamp inside {source} is dated {year}",
            n,
            total - n,
        )
        for year, n in counts.iter_rows()
    ]


def _epoch_votes(source: str, turn: int, marks: pl.DataFrame) -> list[Vote]:
    if marks.is_empty():
        return []
    rows = marks.filter(
        (pl.col("source") == source)
        & pl.col("epoch").is_not_null()
        & (pl.col("local").dt.year() == YEARLESS)
    )
    counts: Counter[int] = Counter()
    for local, epoch, row_turn in rows.select("local", "epoch", "turn").iter_rows():
        moment = dt.datetime.fromtimestamp(epoch, dt.UTC).replace(tzinfo=None)
        counts[nearest(local, moment) - row_turn - turn] += 1
    total = counts.total()
    return [
        Vote(
            year,
            60 * n / total,
            "strong",
            "trace id epoch",
            f"{plural(n, 'request id')} in {source} of {year}",
            n,
            total - n,
        )
        for year, n in sorted(counts.items())
    ]


def nearest(local: dt.datetime, moment: dt.datetime) -> int:
    """Year that brings a stamp without one nearest to a moment."""
    years = (moment.year - 1, moment.year, moment.year + 1)
    return min(years, key=lambda y: abs(_in_year(local, y) - moment))


def _in_year(local: dt.datetime, year: int) -> dt.datetime:
    if (local.month, local.day) == (2, 29) and not _leap(year):
        return local.replace(year=year, month=3, day=1)
    return local.replace(year=year)


def _name_votes(chain: Chain, source: str) -> list[Vote]:
    named = named_date(source)
    if named is None:
        return []
    end, turn = chain.ends[source]
    day = dt.datetime.combine(named.date, dt.time())
    year = nearest(end, day)
    gap = abs((_in_year(end, year) - day) / _DAY)
    if gap > 45:
        return []
    near = gap <= 8
    return [
        Vote(
            year - turn,
            30 if near else 12,
            "strong" if near else "weak",
            "date in the file name",
            f"{source} is named for {named.date} and ends {gap:.0f} days from it",
        )
    ]


Covered = dict[tuple[str, str], set[dt.date]]


def _covered(evidence: Evidence) -> Covered:
    """(folder, series) ▶ days on which a log with written years has stamps."""
    covered: Covered = defaultdict(set)
    if not evidence.cells.is_empty():
        rows = (
            evidence.cells.filter(~pl.col("yearless")).select("source", "day").unique()
        )
        for source, day in rows.sort("source", "day").iter_rows():
            covered[folder(source), series(source)].add(day)
    return covered


def _overlap(chain: Chain, base: int, days: set[dt.date]) -> int:
    own = chain.dated(base)
    return sum(
        1 for day in own if day in days or day - _DAY in days or day + _DAY in days
    )


def _coverage_votes(chain: Chain, covered: Covered) -> list[Vote]:
    """Say what dated logs beside the chain say: the years in which they cover its days.

    Live logs are copied together, so a dated log that also ends with the chain says
    more than one that merely overlaps it.
    """
    votes = []
    for (place, name), days in sorted(covered.items()):
        if not days:
            continue
        last = max(days)
        candidates = range(min(days).year - 1, last.year + 2)
        shared = {b: _overlap(chain, b, days) for b in candidates if chain.fits(b)}
        shared = {b: n for b, n in shared.items() if n}
        for base, n in shared.items():
            end = max(chain.dated(base))
            alone = len(shared) == 1
            together = abs(end - last) <= 2 * _DAY
            near = place == folder(chain.name)
            strength = 4 + 6 * together + 3 * alone + 1 * near
            sure = alone and together
            text = f"{name} covers {n} of its days in {base}"
            votes.append(
                Vote(
                    base,
                    strength,
                    "strong" if sure else "weak",
                    "dated neighbours",
                    text,
                    n,
                )
            )
    return votes


def _mtime_votes(chain: Chain, sources: pl.DataFrame) -> list[Vote]:
    """Last resort: the newest year in which the chain ended before its mtime."""
    times = dict(sources.select("source", "mtime").iter_rows())
    votes = []
    for source, (end, turn) in chain.ends.items():
        mtime = times.get(source)
        if mtime is None or not 1990 <= mtime.year <= 2100:
            continue
        limit = mtime.replace(tzinfo=None) + _DAY
        year = limit.year if _in_year(end, limit.year) <= limit else limit.year - 1
        while not chain.fits(year - turn):
            year -= 1
        text = f"only the file time of {source} ({mtime:%Y-%m-%d}) {FILE_ALONE}"
        vote = Vote(year - turn, 1, "weak", "file time", text, basis="assumed")
        votes.append(vote)
    return votes
