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
from forensic.octets import Ints, Mask, Octets, by_run, digits, pair, shape, word

__all__ = ["COMBINED", "HEAD", "combined"]

#: The nginx `log_format` of the line; what follows it is the `tail`.
COMBINED = (
    "$remote_addr - $remote_user [$time_local] "
    '"$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
)

_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_VERSIONS = ["1.1", "1.0", "2.0", "3.0"]
#: From the end of the address to the first quote.
_AFTER_ADDRESS = len(" - - [06/Feb/2025:14:32:07 +0900] ")
_STAMP = len("06/Feb/2025:14:32:07 +0900] ")
_SHORTEST_HEAD = _AFTER_ADDRESS + len("::")
_SHORTEST_REST = len('" 200 0 "" ""')


#: `.. - - [06/Feb/2025:14:32:07 +0900] "GET /path..`, from 36 bytes before the quote.
_BEFORE = 36
_HEAD = shape(48, dashes=0, day=8, year=12, clock=20, zone=28, method=37)
#: ` HTTP/1.1" 200 ..`, from 9 bytes before the second quote.
_MIDDLE = shape(17, version=1, status=9)
_COUNT = shape(8, digits=0)


#: A column, the places between which it stands.
_Pieces = dict[str, tuple[Ints, Ints]]


@dataclasses.dataclass(frozen=True, slots=True)
class _Rows:
    """The lines that may be of the shape, and where six quotes stand in each.

    `head` and `middle` are the records round the quotes of the request.
    """

    octets: Octets
    number: Ints
    quotes: list[Ints]
    head: npt.NDArray[np.void]
    middle: npt.NDArray[np.void]


def _rows(lines: pl.Series) -> _Rows:
    """The lines with six quotes and room for all that stands between them."""
    octets = Octets.of(lines)
    start, end = octets.start, octets.end
    quotes = np.flatnonzero(octets.bytes_ == ord('"'))
    first = np.searchsorted(quotes, start)
    behind = np.searchsorted(quotes, end)
    number = np.flatnonzero(behind - first >= 6)
    roomy = (quotes[first[number]] - start[number] >= _SHORTEST_HEAD) & (
        end[number] - quotes[first[number] + 1] >= _SHORTEST_REST
    )
    if not octets.is_ascii:
        # Fixed places could cut a character in two; both servers escape such bytes.
        ascii_only = (lines.str.len_bytes() == lines.str.len_chars()).to_numpy()
        roomy &= ascii_only[number]
    number = number[roomy]
    first = first[number]
    places = [quotes[first + i] for i in range(6)]
    mine = octets if len(number) == len(lines) else octets.rows(number)
    return _Rows(
        octets=mine,
        number=number,
        quotes=places,
        head=octets.at(places[0] - _BEFORE, _HEAD),
        middle=octets.at(places[1] - 9, _MIDDLE),
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


def _stamps(rows: _Rows) -> tuple[dict[str, pl.Series], Mask]:
    """`local_time` and `utc_offset` of `06/Feb/2025:14:32:07 +0900] `."""
    start = rows.quotes[0] - _STAMP
    clock, fits = digits(rows.head["clock"], "00:00:00")
    hour, minute, second = pair(clock, 0), pair(clock, 3), pair(clock, 6)
    fits &= (hour < 24) & (minute < 60) & (second < 60)

    def around(first: Ints) -> pl.DataFrame:
        known: dict[bytes, tuple[date | None, int | None]] = {}
        octets = rows.octets.bytes_
        found = []
        for place in start[first].tolist():
            day, zone = octets[place : place + 12], octets[place + 20 : place + 28]
            text = day.tobytes() + zone.tobytes()
            if text not in known:
                known[text] = _day(text[:12]), _east(text[12:])
            found.append(known[text])
        shown = pl.DataFrame(found, {"day": pl.Date, "east": pl.Int32}, orient="row")
        return shown.with_columns(pl.col("day").cast(pl.Datetime("us")))

    found = by_run([rows.head["day"], rows.head["year"], rows.head["zone"]], around)
    seconds = pl.Series(hour * 3600 + minute * 60 + second)
    moment = found["day"] + (seconds * 1_000_000).cast(pl.Duration("us"))
    if found["day"].null_count() or found["east"].null_count():
        fits &= (found["day"].is_not_null() & found["east"].is_not_null()).to_numpy()
    return {"local_time": moment, "utc_offset": found["east"]}, fits


def _clients(rows: _Rows) -> tuple[_Pieces, Mask]:
    """`client_ip` of `192.0.2.1 - - [`; a line with a user does not fit."""
    dashes = rows.head["dashes"] >> np.uint64(16)
    end = rows.quotes[0] - _AFTER_ADDRESS
    return {"client_ip": (rows.octets.start, end)}, dashes == word(" - - [")


def _methods(rows: _Rows) -> tuple[dict[str, pl.Series], _Pieces, Mask]:
    """The pieces of `GET /path?query HTTP/1.1`; nothing else fits."""
    opening, closing = rows.quotes[0], rows.quotes[1]
    method = np.full(len(opening), -1, np.int8)
    first = rows.head["method"]
    for number, name in enumerate(_METHODS):
        beyond = np.uint64(56 - 8 * len(name))
        method[first << beyond == word(name + " ") << beyond] = number
        if number % 3 == 2 and method.min() >= 0:
            break
    begin = opening + np.array([*(len(name) + 2 for name in _METHODS), 0])[method]
    end = closing - len(" HTTP/1.1")
    version = np.full(len(opening), -1, np.int8)
    last = rows.middle["version"]
    for number, name in enumerate(_VERSIONS):
        version[last == word("HTTP/" + name)] = number
        if version.min() >= 0:
            break
    fits = (method >= 0) & (version >= 0) & (end > begin)
    octets = rows.octets.bytes_
    fits &= (octets[begin] == ord("/")) & (octets[end] == ord(" "))
    return (
        {
            "method": pl.Series(_METHODS).gather(np.maximum(method, 0)),
            "http_version": pl.Series(_VERSIONS).gather(np.maximum(version, 0)),
        },
        {"target": (begin, end)},
        fits,
    )


def _count(rows: _Rows, start: Ints, end: Ints) -> tuple[Ints, Mask]:
    """The numbers of one to eight digits between two places, and whether they are."""
    size = end - start
    beyond = ((8 - np.clip(size, 1, 8)) * 8).astype(np.uint64)
    words = rows.octets.at(end - 8, _COUNT)["digits"] >> beyond << beyond
    zeros = word("0" * 8)
    values, fits = digits(words | zeros ^ (zeros >> beyond << beyond), "0" * 8)
    count = pair(values, 0)
    for byte in (2, 4, 6):
        count = count * 100 + pair(values, byte)
    return count, fits & (size >= 1) & (size <= 8)


def _answers(rows: _Rows) -> tuple[dict[str, pl.Series], Mask]:
    """`status` and `bytes_sent` of `" 200 512 "`."""
    closing, opening = rows.quotes[1], rows.quotes[2]
    values, fits = digits(rows.middle["status"], '" 000 ')
    status = (values >> np.uint64(16) & np.uint64(15)).astype(np.int64) * 100
    count, numeric = _count(rows, closing + 6, opening - 1)
    octets = rows.octets.bytes_
    fits &= octets[opening - 1] == ord(" ")
    size = pl.Series(count)
    if not numeric.all():
        dash = (opening - closing == 8) & (octets[closing + 6] == ord("-"))
        fits &= numeric | dash
        size = size.set(pl.Series(dash), None)
    return {
        "status": pl.Series((status + pair(values, 3)).astype(np.int16)),
        "bytes_sent": size,
    }, fits


def _headers(rows: _Rows) -> tuple[_Pieces, Mask]:
    """`referrer`, `user_agent` and `tail` of `"-" "curl/8.5.0" …`."""
    _, requested, opening, closing, again, last = rows.quotes
    octets, end = rows.octets.bytes_, rows.octets.end
    fits = (again == closing + 2) & (octets[closing + 1] == ord(" "))
    for quote in (requested, closing, last):
        fits &= octets[quote - 1] != ord("\\")
    pieces = {"referrer": (opening + 1, closing), "user_agent": (again + 1, last)}
    if (last + 1 != end).any():
        pieces["tail"] = (last + 1, end)
    return pieces, fits


def _fast(rows: _Rows) -> tuple[pl.DataFrame, Mask]:
    """The columns of the rows, and which of them are of the shape."""
    stamps, stamped = _stamps(rows)
    asked, request, methodical = _methods(rows)
    answers, answered = _answers(rows)
    clients, dashed = _clients(rows)
    headers, quoted = _headers(rows)
    fits = stamped & methodical & answered & dashed & quoted
    cut = rows.octets.cuts(**clients, **request, **headers)
    spaced = cut["client_ip"].str.contains(" ", literal=True)
    if spaced.any():
        fits &= ~spaced.to_numpy()
    parts = pl.col("target").str.splitn("?", 2).struct
    tail = pl.col("tail") if "tail" in headers else pl.lit("")
    frame = cut.select(
        "client_ip",
        *[pl.lit(series).alias(name) for name, series in (stamps | asked).items()],
        parts.field("field_0").alias("path"),
        parts.field("field_1").alias("query"),
        *[pl.lit(series).alias(name) for name, series in answers.items()],
        dash_to_null(pl.col("referrer")),
        dash_to_null(pl.col("user_agent")),
        tail.alias("tail"),
        refused=pl.lit(None, pl.String),
    )
    return frame, fits


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
    if len(rows.number) == 0:
        return _left(lines)
    frame, fits = _fast(rows)
    if len(rows.number) == len(lines) and fits.all():
        return frame
    place = np.full(len(lines), -1)
    place[rows.number[fits]] = np.flatnonzero(fits)
    others = np.flatnonzero(place < 0)
    place[others] = len(frame) + np.arange(len(others))
    left = _left(lines.gather(others))
    return pl.concat([frame, left], how="diagonal", rechunk=True)[place]
