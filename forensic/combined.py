"""The combined access-log line ▶ columns, cut at its quotes: the fast path.

`IP - user [06/Feb/2025:14:32:07 +0900] "GET /p?q HTTP/1.1" 200 512 "referer" "agent"…`

Web servers write this line by the gigabyte, so no regular expression reads it. One
scan of the bytes finds every `"`; all other pieces stand at fixed distances from
one, and are checked and read eight bytes at a time as one little-endian number. The
text columns are slices of the lines, not copies. A line that is not of the plainest
shape is left to the stricter, slower path of its format.
"""

import dataclasses
from collections.abc import Callable

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

__all__ = ["COMBINED", "HEAD", "combined"]

#: The nginx `log_format` of the line; what follows it is the `tail`.
COMBINED = (
    "$remote_addr - $remote_user [$time_local] "
    '"$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
)

_Ints = npt.NDArray[np.int64]
_Words = npt.NDArray[np.uint64]
_Mask = npt.NDArray[np.bool_]

_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
_VERSIONS = ["1.1", "1.0", "2.0", "3.0"]
#: From the end of the address to the first quote.
_AFTER_ADDRESS = len(" - - [06/Feb/2025:14:32:07 +0900] ")
_STAMP = len("06/Feb/2025:14:32:07 +0900] ")
_SHORTEST_HEAD = _AFTER_ADDRESS + len("::")
_SHORTEST_REST = len('" 200 0 "" ""')


def _words(size: int, **offsets: int) -> np.dtype[np.void]:
    """A record of bytes, read at some offsets as (overlapping) eight-byte words."""
    return np.dtype(
        {
            "names": list(offsets),
            "formats": ["<u8"] * len(offsets),
            "offsets": list(offsets.values()),
            "itemsize": size,
        }
    )


#: `.. - - [06/Feb/2025:14:32:07 +0900] "GET /path..`, from 36 bytes before the quote.
_BEFORE = 36
_HEAD = _words(48, dashes=0, day=8, year=12, clock=20, zone=28, method=37)
#: ` HTTP/1.1" 200 ..`, from 9 bytes before the second quote.
_MIDDLE = _words(17, version=1, status=9)
_COUNT = _words(8, digits=0)


def _word(text: str | bytes) -> np.uint64:
    """At most eight bytes as one little-endian number."""
    octets = text.encode() if isinstance(text, str) else text
    return np.uint64(int.from_bytes(octets, "little"))


@dataclasses.dataclass(frozen=True, slots=True)
class _Rows:
    """The lines that may be of the shape, their bytes, and where six quotes stand.

    `head` and `middle` are the records round the quotes of the request.
    """

    lines: pl.Series
    number: _Ints
    octets: npt.NDArray[np.uint8]
    start: _Ints
    end: _Ints
    quotes: list[_Ints]
    head: npt.NDArray[np.void]
    middle: npt.NDArray[np.void]

    def slices(self, start: _Ints, end: _Ints) -> pl.Series:
        """Cut the text between two places out of each row."""
        return _slices(self.lines, start - self.start, end - start)


def _records(
    octets: npt.NDArray[np.uint8], at: _Ints, shape: np.dtype[np.void]
) -> npt.NDArray[np.void]:
    """Copy the record that begins at each place."""
    if not len(at):
        return np.empty(0, shape)
    count = len(octets) - shape.itemsize + 1
    every = np.ndarray(count, f"V{shape.itemsize}", octets, strides=(1,))
    return every[at].view(shape)


def _slices(lines: pl.Series, start: _Ints, length: _Ints) -> pl.Series:
    size = np.maximum(length, 0)
    frame = pl.DataFrame({"line": lines, "start": start, "length": size})
    cut = pl.col("line").cast(pl.Binary).bin.slice("start", "length")
    return frame.select(cut.cast(pl.String)).to_series()


def _rows(lines: pl.Series) -> _Rows:
    """The lines with six quotes and room for all that stands between them."""
    array = lines.to_arrow()
    _, bounds, content = array.buffers()
    octets = np.frombuffer(content or b"", np.uint8)
    place = np.frombuffer(bounds or b"", np.int64)[array.offset :]
    start, end = place[: len(lines)], place[1 : len(lines) + 1]
    quotes = np.flatnonzero(octets == ord('"'))
    first = np.searchsorted(quotes, start)
    behind = np.append(first[1:], np.searchsorted(quotes, end[-1:]))
    number = np.flatnonzero(behind - first >= 6)
    roomy = (quotes[first[number]] - start[number] >= _SHORTEST_HEAD) & (
        end[number] - quotes[first[number] + 1] >= _SHORTEST_REST
    )
    if octets.max(initial=0) >= 0x80:
        # Fixed places could cut a character in two; both servers escape such bytes.
        ascii_only = (lines.str.len_bytes() == lines.str.len_chars()).to_numpy()
        roomy &= ascii_only[number]
    number = number[roomy]
    first = first[number]
    if len(quotes) == 6 * len(lines) == 6 * len(number):
        places = list(np.ascontiguousarray(quotes.reshape(-1, 6).T))
    else:
        places = [quotes[first + i] for i in range(6)]
    opening, closing = places[:2]
    return _Rows(
        lines=lines if len(number) == len(lines) else lines.gather(number),
        number=number,
        octets=octets,
        start=start[number],
        end=end[number],
        quotes=places,
        head=_records(octets, opening - _BEFORE, _HEAD),
        middle=_records(octets, closing - 9, _MIDDLE),
    )


def _digits(words: _Words, shape: str) -> tuple[_Words, _Mask]:
    """The digits of words like `00:00:00`, one a byte, and whether that is the shape.

    XOR with the shape leaves 0 to 9 where a digit stands and 0 where a literal
    does; adding 118 to the one and 127 to the other lifts anything larger over the
    highest bit of its byte.
    """
    values = words ^ _word(shape)
    lift = bytes(118 if char == "0" else 127 for char in shape)
    high = _word(b"\x80" * len(shape))
    low = values & _word(b"\x7f" * 8)
    return values, (((low + _word(lift)) | values) & high) == 0


def _pair(values: _Words, byte: int) -> _Ints:
    """The two-digit number that stands at a byte of `_digits`."""
    tens = values >> np.uint64(byte * 8) & np.uint64(15)
    ones = values >> np.uint64(byte * 8 + 8) & np.uint64(15)
    return (tens * np.uint64(10) + ones).astype(np.int64)


def _by_run(keys: list[_Words], decode: Callable[[_Ints], pl.Series]) -> pl.Series:
    """A value for each row, decoded once for a run of rows with equal keys.

    Neighbours in a log share their date and zone. `decode` gets the first rows.
    """
    changed = np.ones(len(keys[0]), np.bool_)
    changed[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return decode(np.flatnonzero(changed)).gather(np.cumsum(changed) - 1)


def _stamps(rows: _Rows) -> tuple[dict[str, pl.Series], _Mask]:
    """`local_time` and `utc_offset` of `06/Feb/2025:14:32:07 +0900] `."""
    stamp = rows.quotes[0] - _STAMP
    clock, fits = _digits(rows.head["clock"], "00:00:00")
    hour, minute, second = _pair(clock, 0), _pair(clock, 3), _pair(clock, 6)
    fits &= (hour < 24) & (minute < 60) & (second < 60)

    def piece(first: _Ints, at: int, length: int) -> pl.Series:
        start = (stamp - rows.start)[first] + at
        return _slices(rows.lines.gather(first), start, np.full(len(first), length))

    def date(first: _Ints) -> pl.Series:
        days = piece(first, 0, 12).str.extract(r"^(\d\d/[A-Z][a-z]{2}/\d{4}):$")
        days = days.str.to_date("%d/%b/%Y", strict=False)
        return days.cast(pl.Datetime("us"))

    def offset(first: _Ints) -> pl.Series:
        column = piece(first, 20, 8).str.extract(r"^ ([+-]\d{4})\] $")
        return (
            column.to_frame("zone").select(offset_seconds(pl.col("zone"))).to_series()
        )

    day = _by_run([rows.head["day"], rows.head["year"]], date)
    seconds = pl.Series(hour * 3600 + minute * 60 + second)
    moment = day + (seconds * 1_000_000).cast(pl.Duration("us"))
    east = _by_run([rows.head["zone"]], offset)
    fits &= (day.is_not_null() & east.is_not_null()).to_numpy()
    return {"local_time": moment, "utc_offset": east}, fits


def _clients(rows: _Rows) -> tuple[dict[str, pl.Series], _Mask]:
    """`client_ip` of `192.0.2.1 - - [`; a line with a user does not fit."""
    opening = rows.quotes[0]
    dashes = rows.head["dashes"] >> np.uint64(16)
    client = rows.slices(rows.start, opening - _AFTER_ADDRESS)
    alone = ~client.str.contains(" ", literal=True).to_numpy()
    return {"client_ip": client}, (dashes == _word(" - - [")) & alone


def _requests(rows: _Rows) -> tuple[dict[str, pl.Series], _Mask]:
    """The pieces of `GET /path?query HTTP/1.1`; nothing else fits."""
    opening, closing = rows.quotes[0], rows.quotes[1]
    method = np.full(len(opening), -1)
    begin = opening.copy()
    first = rows.head["method"]
    for number, name in enumerate(_METHODS):
        beyond = np.uint64(56 - 8 * len(name))
        here = first << beyond == _word(name + " ") << beyond
        method[here] = number
        begin[here] += len(name) + 2
        if number % 3 == 2 and (method >= 0).all():
            break
    end = closing - len(" HTTP/1.1")
    version = np.full(len(opening), -1)
    last = rows.middle["version"]
    for number, name in enumerate(_VERSIONS):
        version[last == _word("HTTP/" + name)] = number
    fits = (method >= 0) & (version >= 0) & (end > begin)
    fits &= (rows.octets[begin] == ord("/")) & (rows.octets[end] == ord(" "))
    asked = (
        rows.slices(begin, end)
        .to_frame("target")
        .select(
            pl.col("target").str.splitn("?", 2).struct.rename_fields(["path", "query"])
        )
    )
    address = asked.unnest("target")
    return {
        "method": pl.Series(_METHODS).gather(np.maximum(method, 0)),
        "path": address["path"],
        "query": address["query"],
        "http_version": pl.Series(_VERSIONS).gather(np.maximum(version, 0)),
    }, fits


def _count(rows: _Rows, start: _Ints, end: _Ints) -> tuple[_Ints, _Mask]:
    """The numbers of one to eight digits between two places, and whether they are."""
    digits = end - start
    beyond = ((8 - np.clip(digits, 1, 8)) * 8).astype(np.uint64)
    words = _records(rows.octets, end - 8, _COUNT)["digits"] >> beyond << beyond
    zeros = _word("0" * 8)
    values, fits = _digits(words | zeros ^ (zeros >> beyond << beyond), "0" * 8)
    number = _pair(values, 0)
    for byte in (2, 4, 6):
        number = number * 100 + _pair(values, byte)
    return number, fits & (digits >= 1) & (digits <= 8)


def _answers(rows: _Rows) -> tuple[dict[str, pl.Series], _Mask]:
    """`status` and `bytes_sent` of `" 200 512 "`."""
    closing, opening = rows.quotes[1], rows.quotes[2]
    values, fits = _digits(rows.middle["status"], '" 000 ')
    status = (values >> np.uint64(16) & np.uint64(15)).astype(np.int64) * 100
    count, numeric = _count(rows, closing + 6, opening - 1)
    dash = (opening - closing == 8) & (rows.octets[closing + 6] == ord("-"))
    fits &= (rows.octets[opening - 1] == ord(" ")) & (numeric | dash)
    size = pl.Series(count)
    if dash.any():
        size = size.set(pl.Series(dash), None)
    return {
        "status": pl.Series(status + _pair(values, 3)).cast(pl.Int16),
        "bytes_sent": size,
    }, fits


def _headers(rows: _Rows) -> tuple[dict[str, pl.Series], _Mask]:
    """`referrer`, `user_agent` and `tail` of `"-" "curl/8.5.0" …`."""
    _, requested, opening, closing, again, last = rows.quotes
    fits = (again == closing + 2) & (rows.octets[closing + 1] == ord(" "))
    for quote in (requested, closing, last):
        fits &= rows.octets[quote - 1] != ord("\\")
    return {
        "referrer": rows.slices(opening + 1, closing),
        "user_agent": rows.slices(again + 1, last),
        "tail": _empty(len(last))
        if (last + 1 == rows.end).all()
        else rows.slices(last + 1, rows.end),
    }, fits


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
        refused=pl.when(pl.col("stamp").is_null()).then(pl.lit("not an access line")),
    )


def _empty(count: int) -> pl.Series:
    return pl.select(pl.repeat("", count, dtype=pl.String)).to_series()


def combined(lines: pl.Series) -> pl.DataFrame:
    """The columns of combined lines, and `tail`: what follows the user agent."""
    rows = _rows(lines)
    if len(rows.number) == 0:
        return _strict(lines)
    pieces = [
        piece(rows) for piece in (_stamps, _clients, _requests, _answers, _headers)
    ]
    fits = np.logical_and.reduce([mask for _, mask in pieces])
    frame = pl.DataFrame(
        {name: s for columns, _ in pieces for name, s in columns.items()}
    )
    frame = frame.with_columns(
        dash_to_null(pl.col("referrer")),
        dash_to_null(pl.col("user_agent")),
        refused=pl.lit(None, pl.String),
    )
    if len(rows.number) == len(lines) and fits.all():
        return frame
    plain = rows.number[fits]
    others = np.setdiff1d(np.arange(len(lines)), plain, assume_unique=True)
    both = pl.concat(
        [frame.filter(pl.Series(fits)), _strict(lines.gather(others))], how="diagonal"
    )
    return both[np.argsort(np.concatenate([plain, others]), kind="stable")]
