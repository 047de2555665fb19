"""parse: sources ▶ events.

`feed` reads evidence into blocks, `unit` turns a block into frames, `tasks` is what
a worker does, and this file runs them: the parts of the events table, its ledger,
the clocks, the unparsed lines.
"""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import polars as pl

from forensic.archive import entries, means
from forensic.case import Case
from forensic.census import merged, moment
from forensic.clock import Overrides, Stored, infer
from forensic.code import code
from forensic.errors import ForensicError, OutputError
from forensic.events.configuration import Configuration, survey
from forensic.events.feed import Feeder
from forensic.events.ledger import source_rows
from forensic.events.reading import Reading
from forensic.events.slots import Slot
from forensic.events.tasks import Part, parse_slot, remembered, settle
from forensic.events.unit import Segment
from forensic.events.unparsed import unparsed
from forensic.parquet import parquet_bytes
from forensic.place import PARTS
from forensic.schema import SOURCE
from forensic.workers import Failed, Workers

__all__ = ["ParseOptions", "parse"]

#: Fixed, because the borders of the parts follow from it: the same evidence must
#: give the same bytes however many processes work.
BLOCK = 16 << 20
#: Of so many parts the clocks take as much memory as workers that wait for them; new
#: ones for the parts that want the clock are ready in half a second.
_MANY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseOptions:
    """How to parse: processes (0: this one), overrides, and what to report to."""

    jobs: int = 2
    overrides: Overrides = field(default_factory=Overrides)
    log_formats: Sequence[tuple[str, str]] = ()  # (glob of sources, nginx log_format)
    block: int = BLOCK
    progress: Callable[[str, int], None] = lambda _stage, _bytes: None


def parse(
    archives: Sequence[Path],
    case: Case,
    options: ParseOptions,
    workers: Workers | None = None,
) -> pl.DataFrame:
    """Read the archives into the case: events, unparsed, sources, clocks.

    Returns the sources. Raises UsageError where an archive does not exist and
    OutputError where the case cannot be written. Work goes to `workers` that run
    already, else to `options.jobs` of its own.
    """
    run = _Run(archives, case, options)
    if workers is not None:
        return run.through(workers)
    with Workers(options.jobs, "forensic.events.tasks") as own:
        return run.through(own)


class _Run:
    """One parse, from the archives to the published tables."""

    def __init__(
        self, archives: Sequence[Path], case: Case, options: ParseOptions
    ) -> None:
        self.archives = archives
        self.case = case
        self.options = options
        self.folder = case.path(PARTS)
        self.readings = list[Reading]()
        self.parts: list[Part] = []
        self.segments: dict[int, tuple[Slot, list[Segment]]] = {}
        self.failed: list[tuple[Segment, str]] = []
        self.free: list[Slot] = []
        self.slots = 0
        self.number = 0

    def through(self, workers: Workers) -> pl.DataFrame:
        """Read everything, then settle the clocks, then publish."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        for leftover in ("events", "old"):
            shutil.rmtree(self.folder / leftover, ignore_errors=True)
        found = survey(self.archives)
        self._read(workers, found)
        sources = source_rows(self.readings, self.parts, self.failed)
        pending = any(part.pending for part in self.parts)
        if not pending or len(self.parts) > _MANY:
            workers.rest()
        clocks = self._clocks(sources, found)
        self._publish_events(workers, clocks)
        workers.rest()
        counts = self._census()
        sources = _with_span(sources, counts)
        left = unparsed(self.parts, self.readings, self.failed)
        self.case.publish_table("unparsed", left)
        self.case.publish_table("clocks", clocks)
        self.case.publish_table("sources", sources)
        self.case.known("census", lambda: counts, of_events=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        return sources

    # -- reading ----------------------------------------------------------------
    def _read(self, workers: Workers, found: Configuration) -> None:
        globs = self.options.log_formats

        def templates(source: str) -> list[str]:
            named = [f"nginx_access:{t}" for g, t in globs if means(g, source)]
            return [*named, *found.templates(source)]

        def hand_out(slot: Slot, used: int, segments: list[Segment]) -> None:
            self.segments[self.number] = (slot, segments)
            stem = f"{self.folder}/{_name(segments)}"
            known = remembered(stem)
            if known:
                self._take_in(self.number, known)
            else:
                task = (self.number, parse_slot, used, segments, stem)
                workers.submit(*task, memory=[slot.reader])
            self.number += 1
            self._collect(workers)

        def take_slot(size: int | None) -> Slot:
            return self._take_slot(workers, size)

        feeder = Feeder(take_slot, hand_out, templates)
        for entry in entries(self.archives):
            self.readings.append(feeder.read(entry))
            self.options.progress("reading", self.readings[-1].stored)
        feeder.flush()
        while workers.running:
            workers.wait_for_one()
            self._collect(workers)
        for slot in [*self.free, *([feeder.slot] if feeder.slot else [])]:
            slot.close()

    def _take_slot(self, workers: Workers, size: int | None) -> Slot:
        if size is not None:
            return Slot(size)
        while not self.free and self.slots > workers.jobs:
            workers.wait_for_one()
            self._collect(workers)
        if self.free:
            return self.free.pop()
        self.slots += 1
        return Slot(self.options.block)

    def _collect(self, workers: Workers) -> None:
        """Take in what the workers finished; their slots are free again."""
        for number, value in workers.results():
            self._take_in(number, value)

    def _take_in(self, number: int, value: Part | Failed) -> None:
        slot, segments = self.segments.pop(number)
        if isinstance(value, Failed):
            self._require_output(value)
            self.failed += [(segment, value.reason) for segment in segments]
        else:
            self.parts.append(value)
            self.failed += value.failed
        if slot.size == self.options.block:
            self.free.append(slot)
        else:
            slot.close()

    def _require_output(self, failed: Failed) -> None:
        """Raise OutputError where a task could not write: that is no fault of a log."""
        if failed.output:
            place = self.case.folder
            message = f"cannot write the case folder {place}: {failed.reason}"
            raise OutputError(message)

    # -- clocks -------------------------------------------------------------------
    def _clocks(self, sources: pl.DataFrame, found: Configuration) -> pl.DataFrame:
        self.parts.sort(key=lambda part: part.first)
        traces = [part.traces for part in self.parts if part.traces]
        return infer(Stored(traces), sources, self.options.overrides, found.files)

    # -- publishing ---------------------------------------------------------------
    def _census(self) -> pl.DataFrame:
        """The census of all events, from those that the parts left."""
        return merged([pl.read_ipc(p.census) for p in self.parts if p.census])

    def _publish_events(self, workers: Workers, clocks: pl.DataFrame) -> None:
        """Settle the pending parts and put all parts in place, in order."""
        listing = self.folder / "clocks.parquet"
        listing.write_bytes(parquet_bytes(clocks))
        ready = self.folder / "events"
        ready.mkdir(mode=0o700)
        with_events = [part for part in self.parts if part.events]
        for number, part in enumerate(with_events):
            final = ready / f"{number:06d}.parquet"
            if part.pending:
                place = (str(part.events), str(listing), str(final))
                workers.submit(number, settle, *place, str(part.census))
            else:
                Path(str(part.events)).rename(final)
        for _, value in workers.results(wait=True):
            if isinstance(value, Failed):
                self._require_output(value)
                message = f"the times of a part could not be settled: {value.reason}"
                raise ForensicError(message)
        for path in ready.iterdir():
            if path.stat().st_mode & 0o777 != 0o600:
                path.chmod(0o600)  # not made by a confined process
        # From here on the old case is no more; without case.json nobody takes what
        # stands in the folder for one.
        self.case.path("case.json").unlink(missing_ok=True)
        target = self.case.path("events")
        if target.exists():
            target.rename(self.folder / "old")
        ready.rename(target)


def _name(segments: Sequence[Segment]) -> str:
    """A part's name by what it is made of: the bytes, their places, this code.

    A run that was killed leaves its finished parts; the next one takes them as they
    are where all of that is the same, and parses the rest.
    """
    made_of = [code(), *segments]
    return hashlib.sha256(orjson.dumps(made_of)).hexdigest()


def _with_span(sources: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """The sources with the times of their first and last events, from the census."""
    times = {"first_time": pl.col("first").min(), "last_time": pl.col("last").max()}
    whole = counts.group_by("source").agg(
        moment(end).cast(SOURCE[name]).alias(name) for name, end in times.items()
    )
    return sources.drop(*times).join(whole, "source", how="left").sort("source")
