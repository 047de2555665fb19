"""Parsed columns and their places in the block ▶ rows of the events table."""

import enum
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.fields.addresses import address_scopes
from forensic.lines import Index
from forensic.schema import EVENT, UNPARSED, YEARLESS

__all__ = ["KINDS", "SHAPED", "Found", "Kind", "Lines", "shaped", "unparsed_rows"]

#: EVENT, and whether `time` is when the request ended (dropped when it is settled).
SHAPED = EVENT | {"stamps_end": pl.Boolean()}
#: Kinds of lines, in the order in which the ledger counts them.
KINDS = ["events", "continuation", "blank", "header", "unparsed"]
#: Stamps outside are damage, not history: no web server ran before.
_EARLIEST, _LATEST = datetime(1990, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001
_SHOWN = 512
_MICROSECONDS = 1_000_000
#: Beyond it (s) a duration is damage, and its end no moment of the calendar.
_LONGEST = 1e9


class Kind(enum.IntEnum):
    """What a physical line is; the values index KINDS."""

    EVENT = 0
    CONTINUATION = 1
    BLANK = 2
    HEADER = 3
    UNPARSED = 4


@dataclass(frozen=True, slots=True)
class Lines:
    """The physical lines of some segments, one element a line."""

    starts: Index  # in the block
    ends: Index
    segment: Index  # which of the segments
    numbers: Index  # in the stream
    base: Index  # what to add to a block position for the stream's offset


def _none() -> Index:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Found:
    """What some lines hold: parsed rows with their places, and what is unparsed."""

    parsed: pl.DataFrame
    rows: Index  # the line on which each parsed row begins
    starts: Index
    ends: Index
    kinds: npt.NDArray[np.int8]  # of every line
    invalid: pl.Series  # which parsed rows hold invalid UTF-8
    left_rows: Index = field(default_factory=_none)
    left_starts: Index = field(default_factory=_none)
    left_ends: Index = field(default_factory=_none)
    reasons: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))

    @classmethod
    def nothing(cls) -> Self:
        """No lines at all."""
        kinds = np.zeros(0, np.int8)
        flags = pl.Series([], dtype=pl.Boolean)
        return cls(pl.DataFrame(), _none(), _none(), _none(), kinds, flags)

    def joined(self, other: "Found", lines: Index) -> "Found":
        """Both; `other` says what the given lines are."""
        kinds = self.kinds.copy()
        kinds[lines] = other.kinds[lines]
        return Found(
            pl.concat([self.parsed, other.parsed], how="diagonal_relaxed"),
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.starts, other.starts]),
            np.concatenate([self.ends, other.ends]),
            kinds,
            pl.concat([self.invalid, other.invalid]),
            np.concatenate([self.left_rows, other.left_rows]),
            np.concatenate([self.left_starts, other.left_starts]),
            np.concatenate([self.left_ends, other.left_ends]),
            pl.concat([self.reasons, other.reasons]),
        )


def shaped(found: Found, names: pl.Series, lines: Lines) -> pl.DataFrame:
    """The parsed rows as SHAPED rows, sorted by source and offset."""
    rows = found.rows
    if not len(rows):
        return pl.DataFrame(schema=SHAPED)
    last = rows
    if (found.ends != lines.ends[rows]).any():
        # One line end a line, but for a stream's last.
        last = np.searchsorted(lines.ends, found.ends - 1, side="right")
    frame = found.parsed.with_columns(
        names.gather(lines.segment[rows]).alias("source"),
        pl.Series("line", lines.numbers[rows]),
        pl.Series("lines", (last - rows + 1).astype(np.int32)),
        pl.Series("offset", found.starts + lines.base[rows]),
        pl.Series("length", found.ends - found.starts),
    )
    frame = _flagged(frame, found.invalid)
    missing = [
        pl.lit(None, dtype).alias(name)
        for name, dtype in SHAPED.items()
        if name not in frame.columns
    ]
    frame = _timed(_lasting(frame.with_columns(missing)))
    scopes = address_scopes(frame["client_ip"]).cast(SHAPED["client_scope"])
    frame = frame.with_columns(scopes.alias("client_scope"))
    frame = frame.select(pl.col(name).cast(dtype) for name, dtype in SHAPED.items())
    if len(names) == 1 and bool(np.all(found.starts[:-1] <= found.starts[1:])):
        return frame
    return frame.sort("source", "offset")


def _flagged(frame: pl.DataFrame, invalid: pl.Series) -> pl.DataFrame:
    """The rows with `flags`, `invalid_utf8` added where the bytes are none."""
    if not invalid.any():
        return frame
    if "flags" not in frame.columns:
        frame = frame.with_columns(pl.lit(None, SHAPED["flags"]).alias("flags"))
    return _add_flag(frame, invalid.alias("_at"), "invalid_utf8")


def _add_flag(frame: pl.DataFrame, at: pl.Series, flag: str) -> pl.DataFrame:
    flags = pl.col("flags").fill_null(pl.lit([], pl.List(pl.String)))
    added = flags.list.concat(pl.lit([flag], pl.List(pl.String)))
    return frame.with_columns(
        pl.when(pl.lit(at)).then(added).otherwise("flags").alias("flags")
    )


def _lasting(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame without durations that nothing can have: 30 years, or no number."""
    for name in ("duration", "upstream_duration"):
        taken = frame[name].cast(pl.Float64)
        sound = taken.is_between(-_LONGEST, _LONGEST)
        if not sound.all():  # nulls aside
            frame = frame.with_columns(pl.when(sound).then(taken).alias(name))
    return frame


def _timed(frame: pl.DataFrame) -> pl.DataFrame:
    """`time`, `start_time`, `envelope_time` where zone and year are written."""
    for stamp in ("local_time", "envelope_local"):
        frame = _plausible(frame, stamp)
    alone = frame["local_time"].is_null() & frame["envelope_local"].is_not_null()
    if alone.any():
        # An event without a stamp of its own happened when its envelope says.
        own = pl.lit(alone)
        frame = frame.with_columns(
            pl.when(own)
            .then("envelope_local")
            .otherwise("local_time")
            .alias("local_time"),
            pl.when(own)
            .then("envelope_offset")
            .otherwise("utc_offset")
            .alias("utc_offset"),
        )
    # Seconds since 1970 beside stamps of a zone: they tell nothing about it.
    counted = pl.when(pl.col("local_time").is_null()).then("start_time")
    frame = frame.with_columns(
        pl.coalesce(_instant("local_time", "utc_offset"), counted).alias("time"),
        _instant("envelope_local", "envelope_offset").alias("envelope_time"),
    )
    began = pl.col("time") - pl.duration(
        microseconds=pl.col("duration") * _MICROSECONDS
    )
    ended = pl.col("stamps_end").fill_null(value=False)
    if frame["stamps_end"].any() and frame["duration"].null_count() < len(frame):
        start = pl.coalesce("start_time", pl.when(ended).then(began))
        frame = frame.with_columns(start.alias("start_time"))
    written = pl.when(pl.col("time").is_not_null()).then(pl.lit("written"))
    return frame.with_columns(written.alias("time_basis"))


def _plausible(frame: pl.DataFrame, stamp: str) -> pl.DataFrame:
    """Stamps from 1990 to 2100, or without a year; others null and flagged."""
    values = frame[stamp].cast(pl.Datetime("us"))
    if values.null_count() == len(values):
        return frame
    # Compared where they are: Python has no moment for the year 0.
    if values.is_between(_EARLIEST, _LATEST, closed="left").all():
        return frame
    year = values.dt.year()
    wrong = ~(year.is_between(1990, 2099) | (year == YEARLESS)).fill_null(value=True)
    if not wrong.any():
        return frame
    frame = frame.with_columns(pl.when(pl.lit(~wrong)).then(stamp).alias(stamp))
    return _add_flag(frame, wrong, "bad_time")


def _instant(stamp: str, offset: str) -> pl.Expr:
    """UTC of a stamp with a written offset and year."""
    seconds = pl.col(offset).cast(pl.Int64)
    utc = (pl.col(stamp) - pl.duration(seconds=seconds)).dt.replace_time_zone("UTC")
    dated = pl.col(stamp) >= _EARLIEST
    return pl.when(dated).then(utc)


def unparsed_rows(
    block: memoryview, found: Found, names: pl.Series, lines: Lines
) -> pl.DataFrame:
    """The UNPARSED rows, sorted by source and offset."""
    if not len(found.left_rows):
        return pl.DataFrame(schema=UNPARSED)
    raw = [
        bytes(block[start:end])
        for start, end in zip(found.left_starts, found.left_ends, strict=True)
    ]
    rows = found.left_rows
    frame = pl.DataFrame(
        {
            "source": names.gather(lines.segment[rows]),
            "line": lines.numbers[rows],
            "offset": found.left_starts + lines.base[rows],
            "length": found.left_ends - found.left_starts,
            "reason": found.reasons,
            "sha256": [hashlib.sha256(line).hexdigest() for line in raw],
            "text": [
                line[:_SHOWN].rstrip(b"\r\n").decode("utf-8", "backslashreplace")
                for line in raw
            ],
        }
    )
    frame = frame.select(pl.col(c).cast(d) for c, d in UNPARSED.items())
    return frame.sort("source", "offset")
