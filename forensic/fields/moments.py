"""Stamps at fixed places ▶ microseconds, read as words, once a run of equal ones.

Only what is certain is read: whatever is odd (a 31 April, 24:00, a year long ago) does
not fit, and is left to the slower ways of `columns`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.fields.octets import (
    Ints,
    Mask,
    Octets,
    Words,
    digits,
    number,
    pair,
    shape,
    word,
)
from forensic.schema import YEARLESS
from forensic.zones import MONTHS

__all__ = ["ISO", "bsd", "clf", "fraction", "is_digit", "iso", "naive", "zone"]

_DAY = 86_400
_SECOND = 1_000_000
_FIRST_YEAR, _LAST_YEAR = 1970, 2099
#: `Feb  6 05:32:07 `, in words.
_BSD = shape(16, month=0, rest=8, clock=7)
_CLF = shape(20, date=0, year=7, clock=12)
#: A stamp and what follows it.
ISO = shape(27, date=0, hour=8, clock=11, tail=19)
_ANY = shape(8, word=0)
_DAY_AND_MONTH = "00/\0\0\0/"
_DAY_OF_MONTH = "\0" * 4 + "00 0"
_THREE = np.uint64((1 << 24) - 1)
_SEVEN, _FOUR = np.uint64((1 << 56) - 1), np.uint64((1 << 32) - 1)
_BYTE = np.uint64(255)

Found = tuple[Ints, Mask]


def naive(micros: Ints) -> pl.Series:
    """Local times of microseconds since 1970."""
    return pl.Series(micros).cast(pl.Datetime("us"))


def _each_run(keys: list[Words], decode: Callable[[Ints], Found]) -> Found:
    """What `decode` makes of the first row of each run of rows with equal keys."""
    count = len(keys[0])
    changed = np.ones(count, np.bool_)
    changed[1:] = keys[0][1:] != keys[0][:-1]
    for key in keys[1:]:
        changed[1:] |= key[1:] != key[:-1]
    first = np.flatnonzero(changed)
    sizes = np.diff(first, append=count)
    values, fits = decode(first)
    return np.repeat(values, sizes), np.repeat(fits, sizes)


def _seconds(clock: Words) -> Found:
    """The second of the day of `05:32:07`."""
    values, fits = digits(clock, "00:00:00")
    hour, minute, second = pair(values, 0), pair(values, 3), pair(values, 6)
    fits &= (hour < 24) & (minute < 60) & (second < 60)
    return hour * 3600 + minute * 60 + second, fits


def _days(year: Ints, month: Ints, day: Ints) -> Found:
    """Days since 1970, of dates that there are."""
    fits = (month >= 1) & (month <= 12) & (day >= 1)
    index = (year - 1970) * 12 + np.clip(month, 1, 12) - 1
    begins, ends = _first_day(index), _first_day(index + 1)
    return begins + day - 1, fits & (day <= ends - begins)


def _first_day(months: Ints) -> Ints:
    days: npt.NDArray[np.datetime64] = months.astype("M8[M]").astype("M8[D]")
    return days.astype(np.int64)


def bsd(octets: Octets, places: Ints) -> Found:
    """`Feb  6 05:32:07 ` at each place; the year is YEARLESS."""
    words = octets.at(places, _BSD)

    def decode(first: Ints) -> Found:
        date = words["month"][first]
        month = np.zeros(len(first), np.int64)
        for number_, name in enumerate(MONTHS, 1):
            month[date & _FOUR == word(f"{name} ")] = number_
        space = date >> np.uint64(32) & _BYTE == np.uint64(ord(" "))
        # A day of one digit has a space where the others have a ten.
        dated = date | np.where(space, word("\0\0\0\0\x10"), np.uint64(0))
        values, fits = digits(dated & ~_FOUR, _DAY_OF_MONTH)
        days, real = _days(np.full(len(first), YEARLESS), month, pair(values, 4))
        time, timed = _seconds(words["clock"][first])
        ends = words["rest"][first] >> np.uint64(56) == np.uint64(ord(" "))
        micros = (days * _DAY + time) * _SECOND
        return micros, fits & real & timed & ends & (month > 0)

    return _each_run([words["month"], words["rest"]], decode)


def iso(words: npt.NDArray[np.void], between: str) -> Found:
    """`2025-02-06T05:32:07` of ISO; `between` are what may stand for the T."""

    def decode(first: Ints) -> Found:
        date, numeric = digits(words["date"][first], "0000-00-")
        hour = words["hour"][first]
        found = [digits(hour, f"00{letter}00:00") for letter in between]
        day, fits = found[0][0], np.logical_or.reduce([fit for _, fit in found])
        year = pair(date, 0) * 100 + pair(date, 2)
        numeric &= (year >= _FIRST_YEAR) & (year <= _LAST_YEAR)
        days, real = _days(
            np.where(numeric, year, _FIRST_YEAR), pair(date, 5), pair(day, 0)
        )
        time, timed = _seconds(words["clock"][first])
        return (days * _DAY + time) * _SECOND, numeric & fits & real & timed

    return _each_run([words["date"], words["hour"], words["clock"]], decode)


def clf(octets: Octets, places: Ints) -> Found:
    """`06/Feb/2025:14:32:07` at each place."""
    words = octets.at(places, _CLF)

    def decode(first: Ints) -> Found:
        date, month = words["date"][first], np.zeros(len(first), np.int64)
        for number_, name in enumerate(MONTHS, 1):
            month[date >> np.uint64(24) & _THREE == word(name)] = number_
        day, dated = digits(date & ~(_THREE << np.uint64(24)), _DAY_AND_MONTH)
        year, numeric = digits(words["year"][first], "0000:")
        years = pair(year, 0) * 100 + pair(year, 2)
        numeric &= (years >= _FIRST_YEAR) & (years <= _LAST_YEAR)
        years = np.where(numeric, years, _FIRST_YEAR)
        days, real = _days(years, month, pair(day, 0))
        time, timed = _seconds(words["clock"][first])
        return (days * _DAY + time) * _SECOND, dated & numeric & real & timed

    return _each_run([words["date"], words["year"], words["clock"]], decode)


def fraction(found: Words) -> tuple[Ints, Ints]:
    """Microseconds of `.123456` or `.123`, and how long they are."""
    six, long = digits(found, ".000000")
    if long.all():
        return number(six, 1) * 1000 + number(six, 4), np.full(len(found), 7)
    three, short = digits(found, ".000")
    short &= ~long & ~is_digit(found >> np.uint64(32) & _BYTE)
    micros = np.where(long, number(six, 1) * 1000 + number(six, 4), 0)
    micros = np.where(short, number(three, 1) * 1000, micros)
    return micros, np.where(long, 7, np.where(short, 4, 0))


def is_digit(bytes_: npt.NDArray[np.unsignedinteger[Any]]) -> Mask:
    """Whether each byte is a digit."""
    digit: Mask = (bytes_ >= ord("0")) & (bytes_ <= ord("9"))
    return digit


def zone(octets: Octets, places: Ints) -> tuple[Ints, Ints]:
    """Seconds east of UTC of `+09:00`, `+0900` or `Z`, and how long they are, or 0."""
    found = octets.at(places, _ANY)["word"] & _SEVEN

    def decode(first: Ints) -> Found:
        text = found[first]
        east = text & _BYTE == np.uint64(ord("+"))
        west = text & _BYTE == np.uint64(ord("-"))
        behind = text >> np.uint64(8)
        colon, fits = digits(behind, "00:00")
        plain, bare = digits(behind, "0000")
        bare &= ~fits
        minute = np.where(fits, pair(colon, 3), pair(plain, 2))
        size = pair(colon, 0) * 3600 + minute * 60
        good = (east | west) & (fits | bare) & (minute < 60) & (size <= 14 * 3600)
        utc = text & _BYTE == np.uint64(ord("Z"))
        length = np.where(utc, 1, np.where(good, np.where(fits, 6, 5), 0))
        seconds = np.where(good, np.where(east, size, -size), 0)
        # Both in one number, because a run has one.
        return seconds * 8 + length, good

    both, _ = _each_run([found], decode)
    return both >> 3, both & 7
