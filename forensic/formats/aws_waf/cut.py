"""The request part of WAF records ▶ where its values stand, found from its quotes.

A quote that is not escaped is always a JSON delimiter, so that nothing a client wrote
can look like a key. All that stands between the quotes of two values is held against
the text that AWS writes there. Escapes are allowed in the values of headers only, and
not in those that get a column.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.fields.octets import Ints, Mask, Octets, shape, word
from forensic.formats.aws_waf.quotes import Quotes

__all__ = ["PICKED", "Requests", "cut"]

#: A column, the header that it holds, as HTTP/2 spells it and as HTTP/1 does.
PICKED = {
    "host_header": ("host", "Host"),
    "referrer": ("referer", "Referer"),
    "user_agent": ("user-agent", "User-Agent"),
    "forwarded_for": ("x-forwarded-for", "X-Forwarded-For"),
}
#: Behind the path: what stands before each value. The later ones came with 2024.
_FIELDS = {
    "query": b'","args":"',
    "http_version": b'","httpVersion":"',
    "method": b'","httpMethod":"',
    "request_id": b'","requestId":"',
}
_LATER = {
    "fragment": b'","fragment":"',
    "scheme": b'","scheme":"',
    "host": b'","host":"',
}
#: The quote that opens the first header; each has eight.
_FIRST, _EACH = 7, 8
_MOST = 256
#: From three bytes before the quote that opens `"name":"…` or `"uri":"`.
_KEY = shape(32, between=0, colon=8, name=11, rest=19)
_VALUE = shape(16, between=0, colon=8)
_COLON, _THREE, _TWO = word('":"'), np.uint64(0xFFFFFF), np.uint64(0xFFFF)
#: Bits that make no difference: of a letter's case, and none.
_LOWER, _ALL = word(b" " * 8), np.uint64(0)

_Span = tuple[Ints, Ints]


@dataclasses.dataclass(frozen=True, slots=True)
class Requests:
    """Which requests have the shape, and between which places their values stand.

    Only those of `shaped` ones mean something. `there` tells of the values that not
    every request has; `tail` is what follows the request.
    """

    octets: Octets
    shaped: Mask
    spans: dict[str, _Span]
    there: dict[str, Mask]


def cut(requests: pl.Series) -> Requests:
    """The requests, each from its `192.0.2.1","country":"JP","headers":[…` on."""
    table = requests.rechunk().to_frame()
    together = table.to_arrow(compat_level=pl.CompatLevel.oldest())
    # As a table: of an array alone, polars imports what takes as long as a file does.
    octets = Octets.of(pl.DataFrame(together).to_series())
    cutter = _Cutter(octets, Quotes.of(octets))
    cutter.cut()
    return Requests(octets, cutter.shaped, cutter.spans, cutter.there)


class _Cutter:
    """Goes through the quotes of all requests at once, from the first to the last."""

    def __init__(self, octets: Octets, quotes: Quotes) -> None:
        """The first steps: no request has been looked at."""
        count = len(octets.start)
        self.octets, self.quotes = octets, quotes
        self.shaped: Mask = quotes.count > _FIRST
        self.there = {name: np.zeros(count, np.bool_) for name in PICKED}
        self.spans = {
            name: (octets.start.copy(), octets.start.copy()) for name in PICKED
        }
        self.escapes = np.zeros(count, np.int64)  # in the values of headers

    def cut(self) -> None:
        """Find the values, and which requests have the shape."""
        octets, quotes = self.octets, self.quotes
        every = np.arange(len(octets.start))
        address, country = quotes.at(every, 0), quotes.at(every, 4)
        self.spans["client_ip"] = octets.start, address
        self.spans["country"] = quotes.at(every, 3) + 1, country
        self.shaped &= octets.stands(b'","country":"', address)
        self.shaped &= octets.stands(b'","headers":[', country)
        opening = self._headers()
        end = np.minimum(self._fields(every, opening), octets.end)
        self.spans["tail"] = end, octets.end
        self.shaped &= quotes.within(quotes.controls, octets.start, octets.end) == 0
        self.shaped &= quotes.within(quotes.unknown, octets.start, end) == 0
        slashes = quotes.within(quotes.slashes, octets.start, end)
        self.shaped &= slashes == self.escapes

    def _headers(self) -> Ints:
        """Which quote opens the key behind the headers; note those that are picked."""
        opening = np.full(len(self.shaped), _FIRST)
        left = np.flatnonzero(self.shaped)
        self.shaped[:] = False
        last = self.quotes.at(left, _FIRST - 1)
        starts, ends, gap = word(':[{"name'), word('[],"uri"'), 5
        for number in range(_FIRST, _FIRST + _EACH * _MOST, _EACH):
            if not len(left):
                break
            place = self.quotes.at(left, number)
            key = self.octets.at(place - 3, _KEY)
            ended = (key["between"] == ends) & (place - last == gap)
            ended &= key["colon"] & _TWO == word(':"')
            opening[left[ended]] = number
            self.shaped[left[ended]] = True
            begun = (key["between"] == starts) & (place - last == 4)
            begun &= key["colon"] & _THREE == _COLON
            begun &= self.quotes.count[left] > number + _EACH
            left, last = self._header(left[begun], key[begun], place[begun], number)
            starts, ends, gap = word('},{"name'), word('}],"uri"'), 4
        return opening

    def _header(
        self, rows: Ints, key: npt.NDArray[Any], place: Ints, number: int
    ) -> _Span:
        """The rows whose header has the shape, and the quote that closes its value."""
        name_end, last = (
            self.quotes.at(rows, number + 3),
            self.quotes.at(rows, number + 7),
        )
        value = self.octets.at(name_end, _VALUE)
        fits = (value["between"] == word('","value')) & (
            value["colon"] & _THREE == _COLON
        )
        start, size = name_end + 11, name_end - place - 8
        escapes = self.quotes.within(self.quotes.slashes, start, last)
        self.escapes[rows] += escapes
        for name, spellings in PICKED.items():
            alike = np.flatnonzero(size == len(spellings[0]))
            lower = _reads(key[alike], spellings[0], _LOWER)
            alike = alike[lower]
            if not len(alike):
                continue
            mine, of = rows[alike], key[alike]
            exact = np.logical_or.reduce([_reads(of, text) for text in spellings])
            # Another spelling, a second one, or escapes: not for this quick look.
            fits[alike] &= exact & ~self.there[name][mine] & (escapes[alike] == 0)
            self.there[name][mine] = True
            self.spans[name][0][mine] = start[alike]
            self.spans[name][1][mine] = last[alike]
        return rows[fits], last[fits]

    def _fields(self, every: Ints, opening: Ints) -> Ints:
        """The ends of the requests; note the values behind the headers."""
        octets, quotes = self.octets, self.quotes
        place, number = quotes.at(every, opening), opening + 3
        closing = quotes.at(every, number)
        self.spans["path"] = place + 7, closing
        for name, text in _FIELDS.items():
            self.shaped &= octets.stands(text, closing)
            closing = self._value(
                name, every, closing + len(text), number := number + 4
            )
        later = self.shaped & octets.stands(_LATER["fragment"], closing)
        for name, text in _LATER.items():
            stands = octets.stands(text, closing)
            self.shaped &= stands | ~later
            number = number + 4 * later
            found = self._value(name, every, closing + len(text), number)
            self.there[name] = later
            closing = np.where(later, found, closing)
        self.shaped &= (quotes.count > number) & (closing + 2 <= octets.end)
        self.shaped &= octets.byte(closing + 1) == ord("}")
        return closing + 2

    def _value(self, name: str, every: Ints, start: Ints, number: Ints) -> Ints:
        """The quote that closes a value, which is noted."""
        closing = self.quotes.at(every, number)
        self.spans[name] = start, closing
        return closing


def _reads(keys: npt.NDArray[Any], text: str, same: np.uint64 = _ALL) -> Mask:
    """Whether the names of headers, of the text's length, are the text.

    Bits of `same` do not count.
    """
    beyond = np.uint64(64 - 8 * min(len(text), 8))
    found: Mask = (keys["name"] | same) << beyond == (word(text[:8]) | same) << beyond
    if len(text) > 8:
        beyond = np.uint64(64 - 8 * (len(text) - 8))
        found &= (keys["rest"] | same) << beyond == (word(text[8:]) | same) << beyond
    return found
