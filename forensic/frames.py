"""The tables of a case as rules see them: what is copied counts once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from forensic.case import Case
from forensic.census import census, formats_of, of_case
from forensic.hops import facts
from forensic.hops.copies import copies, without
from forensic.place import SPILL
from forensic.telling import kept, once, telling

__all__ = ["Frames", "frames_of", "present", "telling_of"]

#: From so many events on, one query at a time looks at all of them.
_MANY = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """The tables of a case, as a rule sees them, and what the user asked."""

    events: pl.LazyFrame
    requests: pl.LazyFrame
    sources: pl.LazyFrame
    clocks: pl.LazyFrame
    gaps: pl.LazyFrame
    question: Mapping[str, Any] = field(default_factory=dict)
    #: The telling events, where they stand by themselves already.
    told: pl.LazyFrame | None = None
    #: The `census` of the events, where it is known already.
    counted: pl.DataFrame | None = None
    #: Logs whose answers are left out, as `again` has them ▶ the log that has them.
    copied: Mapping[str, str] | None = None
    #: Formats and hops that have events, where they are known already.
    present: frozenset[str] | None = None

    @property
    def counts(self) -> pl.DataFrame:
        """How many events of which kind there are, see `forensic.census`."""
        return census(self.events) if self.counted is None else self.counted

    @property
    def many(self) -> bool:
        """Whether two looks at all events at once take more memory than all else."""
        return int(self.counts["events"].sum()) >= _MANY

    @property
    def formats(self) -> frozenset[str]:
        """The formats that have events."""
        return formats_of(self.counts)

    @property
    def again(self) -> Mapping[str, str]:
        """Logs that another one holds line for line ▶ that one."""
        known = self.copied
        return (
            copies(self.events, facts.gather(self.counts)) if known is None else known
        )

    def holds(self, need: str) -> bool:
        """Whether there are events of one of these formats or hops: `a|b`."""
        known = present(self.counts) if self.present is None else self.present
        return not known.isdisjoint(need.split("|"))

    def of(self, *hops: str) -> pl.LazyFrame:
        """The events of these hops.

        Parts of the table that hold no log with any are hardly read.
        """
        there = self.counts.filter(pl.col("hop").is_in(hops))
        logs = there["source"].unique().sort()
        return self.events.filter(
            pl.col("source").is_in(logs.implode()), pl.col("hop").is_in(hops)
        )

    @property
    def telling(self) -> pl.LazyFrame:
        """The events that tell of something, see `forensic.telling`.

        A rule that looks at no other starts from them: they are read once for all.
        """
        return once(telling(self.events)) if self.told is None else self.told


def present(counts: pl.DataFrame) -> frozenset[str]:
    """Return the formats (with and without template) and hops that have events."""
    formats = formats_of(counts)
    bare = {name.partition(":")[0] for name in formats}
    return frozenset({*formats, *bare, *counts["hop"].unique().drop_nulls()})


def frames_of(case: Case, question: Mapping[str, Any]) -> Frames:
    """Return the tables of the case as rules see them: what is copied counts once."""
    counts = _counts(case)
    return Frames(
        events=_events(case),
        copied=_copied(case),
        counted=counts,
        present=present(counts),
        requests=case.table("requests"),
        sources=case.table("sources"),
        clocks=case.table("clocks"),
        gaps=case.table("gaps"),
        question=question,
    )


def telling_of(case: Case) -> pl.LazyFrame:
    """The case's telling events, taken once, in memory or in a file while a run lasts.

    It reads nothing but events, and so may run beside `correlate`.
    """
    rows, file = telling(_events(case)), case.path(SPILL) / "telling.parquet"
    found: pl.LazyFrame = case.known(
        "telling", lambda: once(kept(rows, file)), of_events=True
    )
    return found


def _duplicates(case: Case) -> pl.Series:
    """The sources that are the same bytes as another one."""
    same = case.table("sources").filter(pl.col("duplicate_of").is_not_null())
    return same.select("source").collect().to_series().sort()


def _originals(case: Case) -> pl.LazyFrame:
    """The events of the case without those of duplicates."""
    same = _duplicates(case)
    if same.is_empty():
        return case.events()
    return case.events().filter(~pl.col("source").is_in(same.implode()))


def _counted(case: Case) -> pl.DataFrame:
    """The census of the originals."""
    return of_case(case).filter(~pl.col("source").is_in(_duplicates(case).implode()))


def _copied(case: Case) -> dict[str, str]:
    """The logs that another log holds line for line, each with that one."""
    found: dict[str, str] = case.known(
        "copied",
        lambda: copies(_originals(case), facts.gather(_counted(case))),
        of_events=True,
    )
    return found


def _events(case: Case) -> pl.LazyFrame:
    """The events of the case, of what is copied the original alone."""
    return without(_originals(case), _copied(case))


def _counts(case: Case) -> pl.DataFrame:
    """The census of these events; only where something is copied, another look."""
    if not _copied(case):
        return _counted(case)
    found: pl.DataFrame = case.known(
        "counts", lambda: census(_events(case)), of_events=True
    )
    return found
