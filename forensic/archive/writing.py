"""How a text is written, where that is not UTF-8 with LF: told by its first bytes.

Windows writes UTF-16, with a byte order mark or without; old exporters end lines in CR
alone; mails are quoted-printable. What is read is UTF-8 with LF. Old line ends keep
every byte in its place.
"""

import binascii
import codecs
import re
from typing import Protocol

__all__ = ["LOOK", "Writing", "writing"]

#: How many bytes of a text are looked at.
LOOK = 16 << 10
_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_UTF_32 = b"\xff\xfe\0\0"
#: Of two bytes of UTF-16, one is zero in so many percent of characters of a log (of
#: any language: stamps, addresses and paths are ASCII), and the other seldom.
_OFTEN, _SELDOM = 50, 10
#: Fewer characters say nothing.
_FEW = 16


class Writing(Protocol):
    """A way to write text: what it is called, and how it is turned into ours."""

    name: str
    note: str | None

    def convert(self, data: bytes) -> bytes:
        """The next bytes as UTF-8 with LF, as far as they are whole."""

    def rest(self) -> bytes:
        """Bytes that no whole character came of, at the end of the text."""


class _Utf16:
    """UTF-16, of either byte order."""

    def __init__(self, order: str, note: str | None) -> None:
        self.name = order if note else "utf-16"
        self.note = note
        # The decoder for a stated order would keep the mark as a character.
        codec = order if note else "utf-16"
        self._decoder = codecs.getincrementaldecoder(codec)("replace")

    def convert(self, data: bytes) -> bytes:
        return self._decoder.decode(data).encode()

    def rest(self) -> bytes:
        return self._decoder.getstate()[0]


class _OldEnds:
    """Text whose lines end in CR alone."""

    name = "utf-8"
    note: str | None = "its lines end in CR alone, as old systems wrote them"

    def convert(self, data: bytes) -> bytes:
        return data.replace(b"\r", b"\n")

    def rest(self) -> bytes:
        return b""


class _Mail:
    """A mail whose text is quoted-printable: long lines broken, some bytes in hex."""

    name = "quoted-printable"
    note: str | None = "a mail, read as its quoted-printable text says"

    def __init__(self) -> None:
        self._left = b""

    def convert(self, data: bytes) -> bytes:
        data = self._left + data
        begun = _BEGUN.search(data)
        whole = begun.start() if begun else len(data)
        self._left = data[whole:]
        return binascii.a2b_qp(data[:whole])

    def rest(self) -> bytes:
        return self._left


#: The head of a mail that says so; an escape of which the end is not there yet.
_MAIL = re.compile(
    rb"(?:From [^\n]*\n)?(?:[A-Za-z][A-Za-z0-9-]*:[^\n]*\n(?:[ \t][^\n]*\n)*){2,}\r?\n"
)
_QUOTED = re.compile(rb"(?im)^Content-Transfer-Encoding:[ \t]*quoted-printable")
_BEGUN = re.compile(rb"=(?:[0-9A-Fa-f]|[ \t]*\r?)?\Z")


def writing(head: bytes) -> Writing | None:
    """How a text is written that begins so; None for ours, and for what is no text."""
    if head[:2] in _MARKS and not head.startswith(_UTF_32):
        return _Utf16(_MARKS[head[:2]], None)
    if b"\0" in head:
        return _unmarked(head[: len(head) & ~1])
    if _MAIL.match(head) and _QUOTED.search(head):
        return _Mail()
    if b"\r" in head and b"\n" not in head:
        return _OldEnds()
    return None


def _unmarked(head: bytes) -> Writing | None:
    """UTF-16 without a mark, by where the zeros of its ASCII characters stand."""
    low, high = head[::2].count(0), head[1::2].count(0)
    count = len(head) // 2
    if count < _FEW:
        return None
    for order, zeros, others in (("utf-16-le", high, low), ("utf-16-be", low, high)):
        if zeros * 100 >= count * _OFTEN and others * 100 <= count * _SELDOM:
            text = head.decode(order, "ignore")
            if all(c.isprintable() or c in "\t\r\n\x1b" for c in text):
                note = f"{order.upper()} without a byte order mark, told by its zeros"
                return _Utf16(order, note)
    return None
