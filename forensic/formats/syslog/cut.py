"""Usual syslog lines, cut at fixed places: no regular expression reads each line.

`Feb  6 05:32:07 host program[812]: text`, the same behind an ISO stamp or a priority,
and RFC 5424 without structured data. What differs is left to the stricter, slower
shapes.
"""

import re
from typing import NamedTuple

import numpy as np
import polars as pl

from forensic.fields import moments
from forensic.fields.messages import programs, system_messages
from forensic.fields.names import Names, names
from forensic.fields.octets import Ints, Mask, Octets, digits, shape, word
from forensic.fields.rowwise import refused_where

__all__ = ["NO_HOSTS", "SEVERITIES", "cut"]

SEVERITIES = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]
#: Applications have these where syslog has the host, Lambda `START RequestId: …`.
NO_HOSTS = [
    "START",
    "END",
    "REPORT",
    "INIT_START",
    *(
        word
        for name in (
            "emerg alert crit critical fatal err error warn warning notice info debug"
            " trace"
        ).split()
        for word in (name, name.upper())
    ),
]
_BSD, _ISO = len("Feb  6 05:32:07 "), len("2025-02-06T05:32:07")
_ANY = shape(8, word=0)
_HOST = r'(?!- )([^ :\["(]+) '
_SURE_HOST = rf"(?!(?:{'|'.join(NO_HOSTS)}) ){_HOST}"
_PROCESS = r'([^ :\["0-9-][^ :\["]*|-[^ :\["]+)'
_PRIORITY = re.compile(rb"<([0-9]{1,3})>")
#: What stands behind a stamp: `host program[` or `host program: `.
_TAG = rf"{_PROCESS}(?:(\[)|: )"
_TAGGED = re.compile(f"{_HOST}{_TAG}".encode())
_SURELY_TAGGED = re.compile(f"{_SURE_HOST}{_TAG}".encode())
_SPELLED = re.compile(f"{_HOST}{_PROCESS} ".encode())
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
    """Hosts and programs, their numbers, and where the text behind them begins."""

    names: Names
    number: Ints
    numbered: Mask
    behind: Ints


def _bsd(octets: Octets, place: Ints) -> _Stamps:
    local, fits = moments.bsd(octets, place)
    return _Stamps(local, None, place + _BSD, fits)


def _iso(octets: Octets, place: Ints) -> _Stamps:
    words = octets.at(place, moments.ISO)
    local, fits = moments.iso(words, "T")
    micros, size = moments.fraction(words["tail"])
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


def _tagged(octets: Octets, place: Ints, rows: Mask, sure: bool) -> _Origins:
    """The origins of `host program[812]: ` and `host program: `."""
    found = names(octets, place, rows, _SURELY_TAGGED if sure else _TAGGED)
    place = place + found.length
    opens = np.array([False, *(text is not None for text in found.texts(2))])
    opened = opens[found.which]
    number, size = _numbers(octets, place, "]")
    numbered = opened & (size > 0) & octets.stands(b"]: ", place + size)
    found.which[opened & ~numbered] = 0
    return _Origins(found, number, numbered, place + np.where(numbered, size + 3, 0))


def _spelled(octets: Octets, place: Ints, rows: Mask) -> _Origins:
    """The origins of RFC 5424, `host program 812 - - `: no message id, no data."""
    found = names(octets, place, rows, _SPELLED)
    place = place + found.length
    number, size = _numbers(octets, place, " ")
    numbered = found.found & (size > 0)
    fits = numbered | octets.stands(b"-", place)
    place = place + np.where(numbered, size, 1)
    fits &= octets.stands(b" - - ", place) & ~octets.stands(_MARK, place + 5)
    found.which[~fits] = 0
    # rsyslog keeps the space behind the tag of a message that came in as RFC 3164.
    return _Origins(found, number, numbered, place + 5 + octets.stands(b" ", place + 5))


def _level(priority: str) -> str | None:
    """The severity of a priority; above 191 there is none."""
    number = int(priority or 192)
    return SEVERITIES[number % 8] if number < 192 else None


def cut(lines: pl.Series) -> pl.DataFrame:
    """The parsed columns of the lines; refused where they are not usual."""
    octets = Octets.of(lines, partly=True)
    priority, place, protocol = _priorities(octets)
    # Each file has one shape; the lines of another are left.
    spelled = _most(protocol)
    dated = spelled or _most(moments.is_digit(octets.byte(place)))
    stamp = _iso(octets, place) if dated else _bsd(octets, place)
    rows = stamp.fits & (protocol == spelled)
    if spelled:
        origin = _spelled(octets, stamp.behind, rows)
    else:
        origin = _tagged(octets, stamp.behind, rows, sure=dated)
    fits = origin.names.found & (origin.behind <= octets.end)
    fits &= ~octets.stands(b"message repeated ", origin.behind)
    begins = np.where(fits, origin.behind, octets.end)
    message = octets.cut(begins, octets.end, fits)
    columns = {
        "envelope_local": moments.naive(stamp.local),
        "pid": _where(origin.numbered, pl.Series(origin.number)),
        "message": message,
        "refused": refused_where(~fits, "no syslog shape"),
    }
    if stamp.offset is not None:
        columns["envelope_offset"] = pl.Series(stamp.offset.astype(np.int32))
    if priority.groups:
        columns["level"] = priority.column(_level)
    return pl.DataFrame(columns | _facts(origin.names, fits, message))


def _priorities(octets: Octets) -> tuple[Names, Ints, Mask]:
    """The `<34>` of lines, where the text behind begins, and which are RFC 5424."""
    place = octets.start
    priority = names(octets, place, octets.byte(place) == ord("<"), _PRIORITY)
    if not priority.groups:
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


def _facts(origin: Names, fits: Mask, message: pl.Series) -> dict[str, pl.Series]:
    """Host, program, `hop`, and what the messages of system programs say."""
    process = pl.Series(origin.texts(1), dtype=pl.String)
    hostname = pl.Series(origin.texts(0), dtype=pl.String)
    known = programs(process)
    named = origin.columns(hostname=hostname, process=process, hop=known["hop"])
    system = np.array([False, *known["system"]])[origin.which] & fits
    facts = system_messages(pl.Series(system), message)
    return named.to_dict() | facts.to_dict()
