"""Usual syslog lines, cut at fixed places: no regular expression reads each line.

`Feb  6 05:32:07 host program[812]: text`, the same behind an ISO stamp or a priority,
and RFC 5424 without structured data. What differs is left to the stricter, slower
shapes.
"""

import re
from typing import NamedTuple

import numpy as np
import polars as pl

from forensic import moments
from forensic.messages import programs, system_messages
from forensic.names import Names, either, names
from forensic.octets import Ints, Mask, Octets, digits, shape, word

__all__ = ["LEVEL_WORDS", "SEVERITIES", "cut"]

SEVERITIES = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]
#: Application logs have these where syslog has the host.
LEVEL_WORDS = [
    word
    for name in (
        "emerg alert crit critical fatal err error warn warning notice info debug trace"
    ).split()
    for word in (name, name.upper())
]
_BSD, _ISO = len("Feb  6 05:32:07 "), len("2025-02-06T05:32:07")
_ANY = shape(8, word=0)
_HOST = re.compile(r"[^ :\[\"(]+")
_PROCESS = re.compile(r"[^ :\[\"0-9][^ :\[\"]*")
_PRIORITY = re.compile(r"<[0-9]{1,3}")
_MARK = "\ufeff".encode()
_ONES, _HIGHS, _ZEROS = word(b"\x01" * 8), word(b"\x80" * 8), word("0" * 8)
#: Pairs of digits, then pairs of those: what the first is worth, where they stand.
_LANES = [
    (np.uint64(10), np.uint64(0x00FF00FF00FF00FF)),
    (np.uint64(100), np.uint64(0x0000FFFF0000FFFF)),
    (np.uint64(10_000), np.uint64(0xFFFFFFFF)),
]


class _Stamps(NamedTuple):
    """The stamps of lines that are cut at fixed places."""

    local: Ints
    offset: Ints | None  # None where none is written
    behind: Ints  # where the text behind them begins
    fits: Mask


class _Origins(NamedTuple):
    """The programs of lines, their numbers, and where the text behind them begins."""

    program: Names
    number: Ints
    numbered: Mask
    behind: Ints


def _bsd(octets: Octets, place: Ints) -> _Stamps:
    local, fits = moments.bsd(octets, place)
    return _Stamps(local, None, place + _BSD, fits)


def _iso(octets: Octets, place: Ints) -> _Stamps:
    local, fits = moments.iso(octets, place, "T")
    micros, size = moments.fraction(octets, place + _ISO)
    offset, width = moments.zone(octets, place + _ISO + size)
    behind = place + _ISO + size + width
    fits &= (width > 0) & octets.stands(b" ", behind)
    return _Stamps(local + micros, offset, behind + 1, fits)


def _numbers(octets: Octets, place: Ints, until: str) -> tuple[Ints, Ints]:
    """The numbers of one to seven digits up to a byte, and how long they are, or 0."""
    words = octets.at(place, _ANY)["word"]
    other = words ^ word(until * 8)
    marks = (other - _ONES) & ~other & _HIGHS
    lowest = marks & (~marks + np.uint64(1))
    size = np.bitwise_count(lowest - np.uint64(1)).astype(np.int64) >> 3
    size[marks == 0] = 0
    # The digits stand in the last bytes, behind as many zeros as there is room for.
    beyond = (64 - 8 * np.maximum(size, 1)).astype(np.uint64)
    zeros = _ZEROS >> (np.uint64(64) - beyond)
    values, fits = digits(words << beyond | zeros, "0" * 8)
    for step, (base, lanes) in enumerate(_LANES):
        values = (values * base + (values >> np.uint64(8 << step))) & lanes
    return values.astype(np.int64), np.where(fits, size, 0)


def _tagged(octets: Octets, place: Ints, rows: Mask) -> _Origins:
    """The origins of `program[812]: ` and `program: `."""
    named = names(octets, place, rows, b"[", _is_program)
    opened = place + named.length
    number, size = _numbers(octets, opened, "]")
    numbered = named.found & (size > 0) & octets.stands(b"]: ", opened + size)
    alone = names(octets, place, rows & ~numbered, b": ", _is_program)
    behind = np.where(numbered, opened + size + 3, place + alone.length)
    named.which[~numbered] = 0
    return _Origins(either(named, alone), number, numbered, behind)


def _spelled(octets: Octets, place: Ints, rows: Mask) -> _Origins:
    """The origins of RFC 5424, `program 812 - - `: no message id, no data."""
    program = names(octets, place, rows, b" ", _is_program)
    opened = place + program.length
    number, size = _numbers(octets, opened, " ")
    numbered = program.found & (size > 0)
    place = opened + np.where(numbered, size, 1)
    fits = numbered | octets.stands(b"-", opened)
    fits &= octets.stands(b" - - ", place) & ~octets.stands(_MARK, place + 5)
    program.which[~fits] = 0
    return _Origins(program, number, numbered, place + 5)


def _is_host(text: str) -> bool:
    return _HOST.fullmatch(text) is not None and text != "-"


def _is_sure_host(text: str) -> bool:
    return _is_host(text) and text not in LEVEL_WORDS


def _is_program(text: str) -> bool:
    return _PROCESS.fullmatch(text) is not None and text != "-"


def _is_priority(text: str) -> bool:
    return _PRIORITY.fullmatch(text) is not None


def _level(priority: str) -> str | None:
    """The severity of `<34`; above 191 there is none."""
    number = int(priority[1:])
    return SEVERITIES[number % 8] if number < 192 else None


def cut(lines: pl.Series) -> pl.DataFrame:
    """The parsed columns of the lines; refused where they are not usual."""
    octets = Octets.of(lines)
    priority, place, protocol = _priorities(octets)
    digit = moments.is_digit(octets.at(place, _ANY)["word"] & np.uint64(255))
    # Each file has one shape; the lines of another are left.
    spelled = _most(protocol)
    dated = spelled or _most(digit)
    stamp = _iso(octets, place) if dated else _bsd(octets, place)
    rows = stamp.fits & (protocol == spelled)
    known = _is_sure_host if dated and not spelled else _is_host
    host = names(octets, stamp.behind, rows, b" ", known)
    origins = _spelled if spelled else _tagged
    origin = origins(octets, stamp.behind + host.length, host.found)
    fits = origin.program.found & (origin.behind <= octets.end)
    fits &= ~octets.stands(b"message repeated ", origin.behind)
    begins = np.where(fits, origin.behind, octets.end)
    message = _where(fits, octets.cut(begins, octets.end))
    columns = {
        "envelope_local": moments.naive(stamp.local),
        "hostname": host.column(),
        "process": origin.program.column(),
        "pid": _where(origin.numbered, pl.Series(origin.number)),
        "message": message,
        "refused": pl.Series([None, "no syslog shape"]).gather(~fits * 1),
    }
    if stamp.offset is not None:
        columns["envelope_offset"] = pl.Series(stamp.offset.astype(np.int32))
    if priority.texts:
        levels = [_level(text) for text in priority.texts]
        columns["level"] = priority.column(levels)
    return pl.DataFrame(columns | _facts(origin.program, fits, message))


def _priorities(octets: Octets) -> tuple[Names, Ints, Mask]:
    """The `<34>` of lines, where the text behind begins, and which are RFC 5424."""
    place = octets.start
    begins = octets.at(place, _ANY)["word"] & np.uint64(255)
    rows = begins == np.uint64(ord("<"))
    priority = names(octets, place, rows, b">", _is_priority)
    if not priority.texts:
        return priority, place, priority.found
    place = place + priority.length
    protocol = priority.found & octets.stands(b"1 ", place)
    return priority, place + np.where(protocol, 2, 0), protocol


def _most(rows: Mask) -> bool:
    return int(np.count_nonzero(rows)) * 2 > len(rows)


def _where(rows: Mask, values: pl.Series) -> pl.Series:
    """The values of some rows; null in the others."""
    others = np.flatnonzero(~rows)
    return values.scatter(others, None) if len(others) else values


def _facts(program: Names, fits: Mask, message: pl.Series) -> dict[str, pl.Series]:
    """`hop`, and what the messages of system programs say."""
    known = programs(pl.Series([None, *program.texts], dtype=pl.String))
    system = known["system"].to_numpy()[program.which] & fits
    facts = system_messages(pl.Series(system), message)
    hop = known["hop"].gather(program.which)
    return {"hop": hop, "client_ip": facts["client_ip"], "reason": facts["reason"]}
