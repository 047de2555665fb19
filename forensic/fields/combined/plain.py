"""Combined lines of the plainest shape ▶ columns, cut at their quotes.

One scan of the bytes finds every `"`; all other pieces stand at fixed distances from
one, and are checked and read eight bytes at a time as one little-endian number. The
text columns are slices of the lines, not copies. A few thousand lines are read at a
time, so that their bytes and all that is made of them stay in a core's cache.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.fields.moments import clf, naive, zone
from forensic.fields.octets import (
    Ints,
    Mask,
    Octets,
    Words,
    digits,
    pair,
    shape,
    word,
)

__all__ = ["plain"]

#: Name ▶ one value a line; texts as string views.
_Arrays = dict[str, npt.NDArray[Any]]
_Columns = dict[str, pl.Series]

_METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"]
_VERSIONS = ["1.1", "2.0", "1.0", "3.0"]
#: From the end of the address to the first quote.
_AFTER_ADDRESS = len(" - - [06/Feb/2025:14:32:07 +0900] ")
_STAMP = "06/Feb/2025:14:32:07 +0900] "
_WRITTEN = np.dtype(f"V{len(_STAMP)}")
_SHORTEST_HEAD = _AFTER_ADDRESS + len("::")
_SHORTEST_REST = len('" 200 0 "" ""')


#: `.. - - [06/Feb/2025:14:32:07 +0900] "GET /path..`, from 36 bytes before the quote.
_BEFORE = 36
_HEAD = shape(48, dashes=0, zone=28, method=37)
#: ` HTTP/1.1" 200 ..`, from 9 bytes before the second quote.
_MIDDLE = shape(17, version=1, status=9)
#: ` 512 "-`, from 9 bytes before the third quote: the digits end before the blank.
_SIZE = shape(16, count=0, behind=8)
#: `-" "` and the user agent, from the byte before the fourth quote.
_BETWEEN = shape(8, all=0)
#: Name ▶ which quote, how far before it the record begins, the record.
_PLACES = {
    "head": (0, _BEFORE, _HEAD),
    "middle": (1, 9, _MIDDLE),
    "size": (2, 9, _SIZE),
    "between": (3, 1, _BETWEEN),
}

#: The text as a word, and how many bits of a word lie beyond it.
_METHOD_WORDS = [(word(f"{name} "), np.uint64(56 - 8 * len(name))) for name in _METHODS]
_VERSION_WORDS = [(word(f"HTTP/{name}"), np.uint64(0)) for name in _VERSIONS]
#: The last is for what is none of them.
_METHOD_SIZES = np.array([*(len(f'"{name} ') for name in _METHODS), 0])
_METHOD_NAMES = pl.Series([*_METHODS, None], dtype=pl.String)
_VERSION_NAMES = pl.Series([*_VERSIONS, None], dtype=pl.String)


@dataclasses.dataclass(frozen=True, slots=True)
class _Rows:
    """The lines, where six quotes stand in each, and which lines have them.

    What is said of a line that is not `whole` means nothing. The records stand round
    the first four quotes.
    """

    octets: Octets
    whole: Mask
    quotes: list[Ints]
    head: npt.NDArray[np.void]
    middle: npt.NDArray[np.void]
    size: npt.NDArray[np.void]
    between: npt.NDArray[np.void]


def _rows(octets: Octets) -> _Rows:
    """The lines with their quotes; whole have room for all that stands between them."""
    start, end = octets.start, octets.end
    low = int(start[0])
    every = np.flatnonzero(octets.bytes_[low : int(end[-1])] == ord('"')) + low
    first = np.searchsorted(every, start)
    whole = np.searchsorted(every, end) - first >= 6
    every = np.append(every, np.zeros(6, np.int64))
    quotes = [every[first + i] for i in range(6)]
    whole &= quotes[0] - start >= _SHORTEST_HEAD
    whole &= end - quotes[1] >= _SHORTEST_REST
    records = {
        name: octets.at(quotes[quote] - before, of)
        for name, (quote, before, of) in _PLACES.items()
    }
    return _Rows(octets=octets, whole=whole, quotes=quotes, **records)


#: What is longer is left to the strict path, which does not go step by step.
_LONGEST_ADDRESS, _LONGEST_TARGET = 64, 8192
#: An address is looked at sixteen bytes at a time.
_PIECE = np.dtype("V16")
#: And a path thirty-two.
_STRETCH = np.dtype("V32")
_INSIDE = np.array([(1 << size) - 1 for size in range(17)], np.uint16)


def _lists(octets: Octets, start: Ints, end: Ints) -> Mask:
    """Whether a space, a tab or a comma stands between two places, seldom far apart."""
    lists = np.zeros(len(start), np.bool_)
    rows: Ints = np.arange(len(start))
    while len(rows):
        text = octets.at(start[rows], _PIECE).view(np.uint8)
        found = (text <= ord(" ")) | (text == ord(","))
        bits = np.packbits(found, bitorder="little").view("<u2")
        size = end[rows] - start[rows]
        inside = _INSIDE[np.minimum(np.maximum(size, 0), _PIECE.itemsize)]
        lists[rows] |= (bits & inside) != 0
        rows, start = rows[size > _PIECE.itemsize], start + _PIECE.itemsize
    return lists


def _client(rows: _Rows) -> tuple[_Arrays, Mask]:
    """`client_ip` of `192.0.2.1 - - [`; with a user, several or `-`, no line fits."""
    start, end = rows.octets.start, rows.quotes[0] - _AFTER_ADDRESS
    fits = rows.head["dashes"] >> np.uint64(16) == word(" - - [")
    around = rows.head["zone"]
    fits &= (_byte(around, 0) == ord(" ")) & (around >> np.uint64(48) == word("] "))
    near = rows.whole & (end - start <= _LONGEST_ADDRESS) & (end - start > 1)
    fits &= near & ~_lists(rows.octets, start, np.where(near, end, start))
    stamp = rows.octets.at(rows.quotes[0] - len(_STAMP), _WRITTEN)
    return {"client_ip": rows.octets.views(start, end), "stamp": stamp}, fits


def _stamps(octets: Octets, written: npt.NDArray[np.void]) -> tuple[_Columns, Mask]:
    """Local times and seconds east of UTC of `06/Feb/2025:14:32:07 +0900`."""
    each = dataclasses.replace(octets, bytes_=written.view(np.uint8))
    place = np.arange(len(written)) * written.itemsize
    stamp, fits = clf(each, place)
    east, size = zone(each, place + _STAMP.index("+"))
    columns = {"local_time": naive(stamp), "utc_offset": pl.Series(east).cast(pl.Int32)}
    return columns, fits & (size == len("+0900"))


def _kinds(keys: Words, words: Sequence[tuple[np.uint64, np.uint64]]) -> Ints:
    """Which of some words each key is, as far as it reaches; -1 for none of them.

    The words stand in the order of how often they are met.
    """
    found = np.full(len(keys), -1)
    for number, (known, beyond) in enumerate(words):
        found[keys << beyond == known << beyond] = number
        if found.min() >= 0:
            break
    return found


def _until_mark(octets: Octets, start: Ints, end: Ints) -> Ints:
    """Where the first `?` between two places stands; else the second place."""
    border = end.copy()
    rows: Ints = np.arange(len(start))
    while len(rows):
        text = octets.at(start[rows], _STRETCH).view(np.uint8)
        bits = np.packbits(text == ord("?"), bitorder="little").view("<u4")
        wide = bits.astype(np.int64)
        lowest = (wide & -wide).view(np.uint64)
        below = np.bitwise_count(lowest - np.uint64(1))  # 64 where there is none
        size = end[rows] - start[rows]
        border[rows] = start[rows] + np.minimum(below, size)
        left = (bits == 0) & (size > _STRETCH.itemsize)
        border[rows[left]] = end[rows[left]]
        rows, start = rows[left], start + _STRETCH.itemsize
    return border


def _request(rows: _Rows) -> tuple[_Arrays, Mask]:
    """The columns of `GET /path?query HTTP/1.1`; nothing else fits."""
    octets, (opening, closing, *_) = rows.octets, rows.quotes
    method = _kinds(rows.head["method"], _METHOD_WORDS)
    version = _kinds(rows.middle["version"], _VERSION_WORDS)
    begin = opening + _METHOD_SIZES[method]
    end = closing - len(" HTTP/1.1")
    fits = rows.whole & (method >= 0) & (version >= 0)
    fits &= (end > begin) & (end - begin <= _LONGEST_TARGET)
    fits &= octets.byte(begin) == ord("/")
    fits &= octets.byte(end) == ord(" ")
    border = _until_mark(octets, begin, np.where(fits, end, begin))
    return {
        "method": method,
        "version": version,
        "path": octets.views(begin, border),
        "query": octets.views(border + 1, end),
        "asked": border < end,
    }, fits


def _count(digits_before: Words, size: Ints) -> tuple[Ints, Mask]:
    """The numbers of so many digits, at most eight, that end each word."""
    beyond = ((8 - np.minimum(np.maximum(size, 1), 8)) * 8).astype(np.uint64)
    zeros = word("0" * 8)
    words = digits_before >> beyond << beyond
    values, fits = digits(words | zeros ^ (zeros >> beyond << beyond), "0" * 8)
    count = pair(values, 0)
    for byte in (2, 4, 6):
        count = count * 100 + pair(values, byte)
    return count, fits & (size >= 1) & (size <= 8)


def _byte(words: Words, place: int) -> Words:
    """One byte of each word."""
    return words >> np.uint64(place * 8) & np.uint64(0xFF)


def _answer(rows: _Rows) -> tuple[_Arrays, Mask]:
    """`status` and `bytes_sent` of `" 200 512 "`."""
    (_, closing, opening, *_), size = rows.quotes, rows.size
    values, fits = digits(rows.middle["status"], '" 000 ')
    status = (values >> np.uint64(16) & np.uint64(15)).astype(np.int64) * 100
    sent, numeric = _count(size["count"], opening - closing - len('" 200  '))
    fits &= _byte(size["behind"], 0) == ord(" ")
    dash = (opening - closing == 8) & (_byte(size["count"], 7) == ord("-"))
    fits &= numeric | dash
    return {
        "status": (status + pair(values, 3)).astype(np.int16),
        "sent": sent,
        "counted": numeric,
    }, fits


def _headers(rows: _Rows) -> tuple[_Arrays, Mask]:
    """`referrer` and `user_agent` of `"-" "curl/8.5.0"`, and where the line goes on."""
    octets, (_, _, opening, closing, again, last) = rows.octets, rows.quotes
    between = rows.between["all"]
    fits = (again == closing + 2) & (_byte(between, 2) == ord(" "))
    fits &= _byte(between, 0) != ord("\\")
    fits &= octets.byte(last - 1) != ord("\\")
    absent = (closing - opening == 2) & (_byte(rows.size["behind"], 2) == ord("-"))
    unnamed = (last - again == 2) & (_byte(between, 4) == ord("-"))
    return {
        "referrer": octets.views(opening + 1, closing),
        "referred": ~absent,
        "user_agent": octets.views(again + 1, last),
        "named": ~unnamed,
        "rest": last + 1,
    }, fits


def _read(octets: Octets) -> _Arrays:
    """What a few lines hold; `fits` says which of them are of the shape."""
    rows = _rows(octets)
    fits = rows.whole
    found: _Arrays = {}
    for part in (_client, _request, _answer, _headers):
        values, good = part(rows)
        found |= values
        fits &= good
    return found | {"fits": fits}


def plain(octets: Octets) -> tuple[pl.DataFrame, Mask]:
    """The columns of the lines, and which lines are of the shape.

    What is said of others means nothing.
    """
    parts = [_read(batch) for batch in octets.batches()]
    if not any(part["fits"].any() for part in parts):
        return pl.DataFrame(), np.zeros(len(octets.start), np.bool_)
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    stamps, stamped = _stamps(octets, found["stamp"])
    fits = found["fits"] & stamped
    if not octets.is_ascii:
        # Fixed places could cut a character in two; both servers escape such bytes.
        size = octets.lines.str.len_bytes()
        fits &= (size == octets.lines.str.len_chars()).to_numpy()
    text = octets.text
    sent = pl.Series(found["sent"])
    if not found["counted"].all():
        sent = sent.set(pl.Series(~found["counted"]), None)
    tail = np.where(fits, found["rest"], octets.end)
    tailed = (tail != octets.end).any()
    none = pl.repeat("", len(sent), eager=True)
    return pl.DataFrame(
        {
            "client_ip": text(found["client_ip"]),
            **stamps,
            "method": _METHOD_NAMES.gather(found["method"]),
            "http_version": _VERSION_NAMES.gather(found["version"]),
            "path": text(found["path"]),
            "query": text(found["query"], found["asked"]),
            "status": found["status"],
            "bytes_sent": sent,
            "referrer": text(found["referrer"], found["referred"]),
            "user_agent": text(found["user_agent"], found["named"]),
            "tail": octets.cut(tail, octets.end) if tailed else none,
            "refused": pl.repeat(None, len(sent), dtype=pl.String, eager=True),
        }
    ), fits
