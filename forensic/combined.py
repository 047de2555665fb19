"""The combined access-log line ▶ columns, cut at its quotes: the fast path.

`IP - user [06/Feb/2025:14:32:07 +0900] "GET /p?q HTTP/1.1" 200 512 "referer" "agent"…`

Web servers write this line by the gigabyte, so no regular expression reads it. One
scan of the bytes finds every `"`; all other pieces stand at fixed distances from
one, and are checked and read eight bytes at a time as one little-endian number. The
text columns are slices of the lines, not copies. A line that is not of the plainest
shape is left to the stricter, slower path of its format.
"""

import dataclasses
import functools
import re
from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.columns import (
    clf_stamp,
    dash_to_null,
    offset_seconds,
    request_line,
    target,
)
from forensic.octets import (
    Ints,
    Mask,
    Octets,
    Words,
    by_run,
    digits,
    pair,
    shape,
    word,
)

__all__ = ["COMBINED", "HEAD", "combined"]

#: The nginx `log_format` of the line; what follows it is the `tail`.
COMBINED = (
    "$remote_addr - $remote_user [$time_local] "
    '"$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
)

_METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"]
_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_VERSIONS = ["1.1", "2.0", "1.0", "3.0"]
#: From the end of the address to the first quote.
_AFTER_ADDRESS = len(" - - [06/Feb/2025:14:32:07 +0900] ")
_STAMP = "06/Feb/2025:14:32:07 +0900] "
_SHORTEST_HEAD = _AFTER_ADDRESS + len("::")
_SHORTEST_REST = len('" 200 0 "" ""')


#: `.. - - [06/Feb/2025:14:32:07 +0900] "GET /path..`, from 36 bytes before the quote.
_BEFORE = 36
_HEAD = shape(48, dashes=0, day=8, year=12, clock=20, zone=28, method=37)
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


def _rows(lines: pl.Series) -> _Rows:
    """The lines with their quotes; whole have room for all that stands between them."""
    octets = Octets.of(lines)
    start, end = octets.start, octets.end
    every = np.flatnonzero(octets.bytes_ == ord('"'))
    first = np.searchsorted(every, start)
    whole = np.searchsorted(every, end) - first >= 6
    every = np.append(every, np.zeros(6, np.int64))
    quotes = [every[first + i] for i in range(6)]
    whole &= quotes[0] - start >= _SHORTEST_HEAD
    whole &= end - quotes[1] >= _SHORTEST_REST
    if not octets.is_ascii:
        # Fixed places could cut a character in two; both servers escape such bytes.
        whole &= (lines.str.len_bytes() == lines.str.len_chars()).to_numpy()
    wanted = [(quotes[quote] - before, of) for quote, before, of in _PLACES.values()]
    return _Rows(
        octets=octets,
        whole=whole,
        quotes=quotes,
        **dict(zip(_PLACES, octets.records(*wanted), strict=True)),
    )


def _day(text: bytes) -> date | None:
    """The day of `06/Feb/2025:`."""
    shown = re.fullmatch(rb"([0-9]{2})/([A-Z][a-z]{2})/([0-9]{4}):", text)
    if not shown or shown[2] not in _MONTHS:
        return None
    try:
        return date(int(shown[3]), _MONTHS.index(shown[2]) + 1, int(shown[1]))
    except ValueError:
        return None


def _east(text: bytes) -> int | None:
    """Seconds east of UTC of ` +0900] `, as `offset_seconds` has it."""
    shown = re.fullmatch(rb" ([+-])([0-9]{2})([0-5][0-9])\] ", text)
    if not shown:
        return None
    size = int(shown[2]) * 3600 + int(shown[3]) * 60
    if size > 14 * 3600:
        return None
    return size if shown[1] == b"+" else -size


def _days(octets: Octets, places: Ints) -> pl.DataFrame:
    """`day` and `east` (seconds) of the stamps that begin at the places."""
    known: dict[bytes, tuple[date | None, int | None]] = {}
    found = []
    for record in octets.at(places, np.dtype(f"V{len(_STAMP)}")).tolist():
        text = record[:12] + record[20:]
        if text not in known:
            known[text] = _day(text[:12]), _east(text[12:])
        found.append(known[text])
    shown = pl.DataFrame(found, {"day": pl.Date, "east": pl.Int32}, orient="row")
    return shown.with_columns(pl.col("day").cast(pl.Datetime("us")))


def _stamps(rows: _Rows) -> tuple[dict[str, pl.Series], Mask]:
    """`local_time` and `utc_offset` of `06/Feb/2025:14:32:07 +0900] `."""
    head, start = rows.head, rows.quotes[0] - len(_STAMP)

    def seconds(first: Ints) -> pl.DataFrame:
        clock, fits = digits(head["clock"][first], "00:00:00")
        hour, minute, second = pair(clock, 0), pair(clock, 3), pair(clock, 6)
        fits &= (hour < 24) & (minute < 60) & (second < 60)
        keys = [head[name][first] for name in ("day", "year", "zone")]
        found = by_run(keys, lambda of: _days(rows.octets, start[first[of]]))
        since = pl.Series(hour * 3600 + minute * 60 + second) * 1_000_000
        return found.select(
            pl.col("day") + since.cast(pl.Duration("us")),
            "east",
            fits=pl.Series(fits)
            & pl.col("day").is_not_null()
            & pl.col("east").is_not_null(),
        )

    keys = [head[name] for name in ("day", "year", "clock", "zone")]
    found = by_run(keys, seconds)
    stamps = {"local_time": found["day"], "utc_offset": found["east"]}
    return stamps, found["fits"].to_numpy()


#: From one space to the next, or the end: sixteen bytes at a time.
_PIECE = np.dtype("V16")
_INSIDE = np.array([(1 << size) - 1 for size in range(17)], np.uint16)


def _holds(octets: Octets, byte: str, start: Ints, end: Ints) -> Mask:
    """Whether the byte stands between two places of each line, seldom far apart."""
    holds = np.zeros(len(start), np.bool_)
    rows: Ints = np.arange(len(start))
    while len(rows):
        text = octets.at(start, _PIECE).view(np.uint8)
        bits = np.packbits(text == ord(byte), bitorder="little").view("<u2")
        holds[rows] |= (bits & _INSIDE[np.clip(end - start, 0, 16)]) != 0
        more = end - start > _PIECE.itemsize
        rows, start, end = rows[more], start[more] + _PIECE.itemsize, end[more]
    return holds


def _clients(rows: _Rows) -> tuple[pl.Series, Mask]:
    """`client_ip` of `192.0.2.1 - - [`; a line with a user does not fit."""
    start, end = rows.octets.start, rows.quotes[0] - _AFTER_ADDRESS
    fits = rows.head["dashes"] >> np.uint64(16) == word(" - - [")
    fits &= ~_holds(rows.octets, " ", start, np.where(rows.whole, end, start))
    return rows.octets.cut(start, end), fits


def _kinds(keys: Words, words: Sequence[tuple[np.uint64, np.uint64]]) -> Ints:
    """Which of some words each key is, as far as it reaches; -1 for none of them.

    The words stand in the order of how often they are met.
    """
    found = np.full(len(keys), -1)
    left = np.arange(len(keys))
    for number, (known, beyond) in enumerate(words):
        same = keys << beyond == known << beyond
        found[left[same]] = number
        left, keys = left[~same], keys[~same]
        if not len(left):
            break
    return found


def _requests(rows: _Rows) -> tuple[dict[str, pl.Series], Mask]:
    """The columns of `GET /path?query HTTP/1.1`; nothing else fits."""
    octets, (opening, closing, *_) = rows.octets, rows.quotes
    method = _kinds(rows.head["method"], _METHOD_WORDS)
    version = _kinds(rows.middle["version"], _VERSION_WORDS)
    begin = opening + _METHOD_SIZES[method]
    end = closing - len(" HTTP/1.1")
    fits = (method >= 0) & (version >= 0) & (end > begin)
    fits &= octets.byte(begin) == ord("/")
    fits &= octets.byte(end) == ord(" ")
    mark = octets.cut(begin, end).str.find("?", literal=True)
    asked = mark.is_not_null().to_numpy()
    border = np.where(asked, begin + mark.fill_null(0).to_numpy(), end)
    return {
        "method": _METHOD_NAMES.gather(method),
        "http_version": _VERSION_NAMES.gather(version),
        "path": octets.cut(begin, border),
        "query": octets.cut(border + 1, end, asked),
    }, fits


def _count(digits_before: Words, size: Ints) -> tuple[Ints, Mask]:
    """The numbers of so many digits, at most eight, that end each word."""
    beyond = ((8 - np.clip(size, 1, 8)) * 8).astype(np.uint64)
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


def _answers(rows: _Rows) -> tuple[dict[str, pl.Series], Mask]:
    """`status` and `bytes_sent` of `" 200 512 "`."""
    (_, closing, opening, *_), size = rows.quotes, rows.size
    values, fits = digits(rows.middle["status"], '" 000 ')
    status = (values >> np.uint64(16) & np.uint64(15)).astype(np.int64) * 100
    count, numeric = _count(size["count"], opening - closing - 7)
    fits &= _byte(size["behind"], 0) == ord(" ")
    sent = pl.Series(count)
    if not numeric.all():
        dash = (opening - closing == 8) & (_byte(size["count"], 7) == ord("-"))
        fits &= numeric | dash
        sent = sent.set(pl.Series(dash), None)
    return {
        "status": pl.Series((status + pair(values, 3)).astype(np.int16)),
        "bytes_sent": sent,
    }, fits


def _headers(rows: _Rows) -> tuple[dict[str, pl.Series], Mask]:
    """`referrer` and `user_agent` of `"-" "curl/8.5.0"`."""
    octets, (_, _, opening, closing, again, last) = rows.octets, rows.quotes
    between = rows.between["all"]
    fits = (again == closing + 2) & (_byte(between, 2) == ord(" "))
    fits &= _byte(between, 0) != ord("\\")
    fits &= octets.byte(last - 1) != ord("\\")
    absent = (closing - opening == 2) & (_byte(rows.size["behind"], 2) == ord("-"))
    unnamed = (last - again == 2) & (_byte(between, 4) == ord("-"))
    return {
        "referrer": octets.cut(opening + 1, closing, ~absent),
        "user_agent": octets.cut(again + 1, last, ~unnamed),
    }, fits


def _fast(rows: _Rows) -> tuple[pl.DataFrame, Mask]:
    """The columns of the rows, and which of them are of the shape."""
    client, dashed = _clients(rows)
    fits = rows.whole & dashed
    columns = {"client_ip": client}
    for part in (_stamps, _requests, _answers, _headers):
        found, good = part(rows)
        columns |= found
        fits &= good
    end, last = rows.octets.end, rows.quotes[5] + 1
    tailed = fits & (last != end)
    none = pl.repeat("", len(end), eager=True)
    columns["tail"] = (
        rows.octets.cut(np.where(tailed, last, end), end) if tailed.any() else none
    )
    columns["refused"] = pl.repeat(None, len(end), dtype=pl.String, eager=True)
    return pl.DataFrame(columns), fits


_BRACKETS = r"\[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\]"
#: A virtual host may stand in front; the peer may be a list of addresses.
_PEER = r'^(?:([^ "]+) )??([^ ,"]+(?:, ?[^ ,"]+)*) - (?:([^"]*?) )?'
_LINE = (
    _PEER
    + _BRACKETS
    # Quotes are escaped inside the request; the second way is for logs where not.
    + r' "(?:((?:[^"\\]|\\.)*)|(.*?))" (\d{3}) (\d+|-)'
    + r'(?: "((?:[^"\\]|\\.)*)"(?: "((?:[^"\\]|\\.)*)(?:"|$))?)?(.*)$'
)
#: The beginning of every line that `_LINE` reads. Python's `re` runs it on hostile
#: lines, so that no part of it may match the same text in two ways.
HEAD = (
    r'^(?:[^ "]+ )?[^ ,"]+(?:, ?[^ ,"]+)* - (?:[^"]* )?'
    r'\[\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}\] "'
)
_GROUPS = [
    "host",
    "address",
    "user",
    "stamp",
    "request",
    "raw_request",
    "status",
    "bytes_sent",
    "referrer",
    "user_agent",
    "tail",
]


_REFUSED = "not an access line"


def _strict(lines: pl.Series) -> pl.DataFrame:
    """Columns of the lines that the fast path left, by regular expression."""
    groups = lines.str.extract_groups(_LINE).struct.unnest()
    frame = groups.rename(dict(zip(groups.columns, _GROUPS, strict=True)))
    request = pl.coalesce("request", "raw_request")
    line = request_line(request)
    address = target(line["target"])
    listed = pl.col("address").str.contains(", ?")
    return frame.select(
        client_ip=pl.col("address").str.extract(r"^([^,]*)"),
        forwarded_for=pl.when(listed).then("address"),
        user=dash_to_null(pl.col("user")),
        local_time=clf_stamp(pl.col("stamp")),
        utc_offset=offset_seconds(pl.col("stamp").str.slice(21)),
        method=line["method"],
        scheme=address["scheme"],
        host=pl.coalesce(address["host"], pl.col("host").str.replace(r":\d+$", "")),
        path=address["path"],
        query=address["query"],
        http_version=line["http_version"],
        status=pl.col("status").cast(pl.Int16),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        referrer=dash_to_null(pl.col("referrer")),
        user_agent=dash_to_null(pl.col("user_agent")),
        tail=pl.col("tail"),
        # What is no request line (a TLS hello, a scanner's bytes) is all there is.
        message=pl.when(line["method"].is_null()).then(dash_to_null(request)),
        refused=pl.when(pl.col("stamp").is_null()).then(pl.lit(_REFUSED)),
    )


@functools.cache
def _nothing() -> pl.DataFrame:
    return _strict(pl.Series(["-"], dtype=pl.String)).clear()


def _left(lines: pl.Series) -> pl.DataFrame:
    """What `_strict` finds, or only why the lines are refused where all of them are."""
    if lines.str.contains(_LINE).any():
        return _strict(lines)
    return _nothing().clear(len(lines)).with_columns(refused=pl.lit(_REFUSED))


def combined(lines: pl.Series) -> pl.DataFrame:
    """The columns of combined lines, and `tail`: what follows the user agent."""
    rows = _rows(lines)
    if not rows.whole.any():
        return _left(lines)
    frame, fits = _fast(rows)
    if fits.all():
        return frame
    others = np.flatnonzero(~fits)
    left = _left(lines.gather(others))
    if not left["refused"].null_count():
        return frame.with_columns(frame["refused"].scatter(others, left["refused"]))
    place = np.arange(len(frame))
    place[others] = len(frame) + np.arange(len(others))
    return pl.concat([frame, left], how="diagonal", rechunk=True)[place]
