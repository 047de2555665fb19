"""Usual syslog lines, cut at fixed places: no regular expression reads each line.

`Feb  6 05:32:07 host program[812]: text`, and the same behind an ISO stamp with
microseconds. What differs is left to the stricter, slower shapes.
"""

import re
from typing import NamedTuple

import numpy as np
import polars as pl

from forensic.columns import iso_stamp, offset_seconds
from forensic.formats.syslog.stamps import DATE, sliced
from forensic.octets import Ints, Mask, Octets, by_run, digits, pair, shape

__all__ = ["LEVEL_WORDS", "cut"]

#: Application logs have these where syslog has the host.
LEVEL_WORDS = [
    word
    for name in (
        "emerg alert crit critical fatal err error warn warning notice info debug trace"
    ).split()
    for word in (name, name.upper())
]
#: `Feb  6 05:32:07 ` and `2025-02-06T05:32:07.123456+09:00 `, in words.
_BSD_CLOCK = shape(16, month=0, minute=8)
_ISO_CLOCK = shape(34, date=0, hour=8, second=12, fraction=19, zone=26)
_ISO_LENGTH = 33
_ISO_SECONDS = (
    rf"^{DATE}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}\.[0-9]{{6}}[+-][0-9]{{2}}:[0-9]{{2}} $"
)
_PID_WORD = shape(8, digits=0)
_SEVEN = np.uint64((1 << 56) - 1)
_PROCESS = re.compile(r"[^ :\[\"0-9][^ :\[\"]*")


class _Stamps(NamedTuple):
    """The stamps of lines that are cut at fixed places."""

    local: pl.Series
    offset: pl.Series
    length: Ints  # 0 where there is none of the two


def _bsd_cut(octets: Octets) -> _Stamps:
    clock = octets.at(octets.start, _BSD_CLOCK)

    def decode(first: Ints) -> pl.DataFrame:
        found = sliced(octets.lines.gather(first).str.slice(0, 16))
        return found.select(pl.when("sound").then("local").alias("local"))

    local = by_run([clock["month"], clock["minute"]], decode).to_series()
    offset = pl.Series([None], dtype=pl.Int32).new_from_index(0, len(local))
    fits = local.is_not_null().to_numpy()
    return _Stamps(local, offset, np.where(fits, _BSD_CLOCK.itemsize, 0))


def _iso_cut(octets: Octets) -> _Stamps:
    clock = octets.at(octets.start, _ISO_CLOCK)
    values, fits = digits(clock["fraction"] & _SEVEN, ".000000")

    def decode(first: Ints) -> pl.DataFrame:
        text = pl.col("line").str.slice(0, _ISO_LENGTH)
        sound = pl.when(text.str.contains(_ISO_SECONDS)).then(text)
        return pl.DataFrame({"line": octets.lines.gather(first)}).select(
            local=iso_stamp(sound.str.slice(0, 19)),
            offset=offset_seconds(sound.str.slice(26, 6)),
        )

    keys = [clock["date"], clock["hour"], clock["second"], clock["zone"] & _SEVEN]
    found = by_run(keys, decode)
    micros = (pair(values, 1) * 100 + pair(values, 3)) * 100 + pair(values, 5)
    local = found["local"] + pl.Series(micros).cast(pl.Duration("us"))
    fits &= (local.is_not_null() & found["offset"].is_not_null()).to_numpy()
    return _Stamps(local, found["offset"], np.where(fits, _ISO_LENGTH, 0))


def _pids(octets: Octets, place: Ints) -> tuple[Ints, Ints]:
    """The numbers of `812]: `, and where the text behind them begins; 0 for none."""
    words = octets.at(place, _PID_WORD)
    number = np.zeros(len(place), np.int64)
    behind = np.zeros(len(place), np.int64)
    for size in range(1, 8):
        mark = words["digits"] >> np.uint64(8 * size) & np.uint64(255)
        ends = (mark == np.uint64(ord("]"))) & (behind == 0)
        if not ends.any():
            continue
        values, fits = digits(
            words["digits"] & np.uint64((1 << 8 * size) - 1), "0" * size
        )
        ends &= fits & octets.stands(b"]: ", place + size)
        whole = np.zeros(len(place), np.int64)
        for byte in range(size):
            one = values >> np.uint64(8 * byte) & np.uint64(15)
            whole = whole * 10 + one.astype(np.int64)
        number = np.where(ends, whole, number)
        behind = np.where(ends, place + size + 3, behind)
    return number, behind


def _names(
    octets: Octets, place: Ints, rows: Mask, until: bytes, known: re.Pattern[str]
) -> tuple[pl.Series, Mask, Ints]:
    """The names that stand up to `until`, whether they are known, what they take."""
    texts, which, length = octets.beginnings(place, rows, until)
    shown = [text.decode("utf-8", "replace") for text in texts]
    good = np.array([*(known.fullmatch(name) is not None for name in shown), False])
    fits = good[which]
    values = pl.Series([*shown, None], dtype=pl.String)
    return values.gather(np.where(fits, which, len(shown))), fits, length


def cut(lines: pl.Series) -> pl.DataFrame:
    """Stamp, host, program and `rest` of lines; all null where they are not usual."""
    octets = Octets.of(lines)
    iso = bool((octets.at(octets.start[:1], np.dtype("u1")) <= ord("9")).all())
    stamps = _iso_cut(octets) if iso else _bsd_cut(octets)
    place = octets.start + stamps.length
    host = re.compile(r"[^ :\[\"(]+")
    forbidden = LEVEL_WORDS if iso else []
    hostname, fits, length = _names(octets, place, stamps.length > 0, b" ", host)
    fits &= ~hostname.is_in(forbidden).fill_null(value=False).to_numpy()
    place = place + length
    named, numbered, length = _names(octets, place, fits, b"[", _PROCESS)
    number, behind = _pids(octets, place + length)
    numbered &= behind > 0
    alone, single, length = _names(octets, place, fits & ~numbered, b": ", _PROCESS)
    place = np.where(numbered, behind, place + length)
    fits &= (numbered | single) & (place <= octets.end)
    message = octets.cuts(rest=(np.where(fits, place, octets.end), octets.end))
    rows = pl.lit(pl.Series(fits))
    return message.select(
        rest=pl.when(rows).then("rest"),
        hostname=hostname,
        process=pl.when(pl.lit(pl.Series(numbered))).then(named).otherwise(alone),
        pid=pl.when(pl.lit(pl.Series(numbered))).then(pl.lit(pl.Series(number))),
        local=pl.when(rows).then(stamps.local),
        offset=pl.when(rows).then(stamps.offset),
        name=pl.lit(None, pl.String),
    )
