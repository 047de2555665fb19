"""How a text is written, where that is not UTF-8 with LF: told by its first bytes.

Windows writes UTF-16, with a byte order mark or without; old exporters end lines in CR
alone; mails are quoted-printable, or base64. What is read is UTF-8 with LF. Old line
ends keep every byte in its place.
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
        """The next bytes as UTF-8 with LF, as far as they are whole; none end it."""

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


class _Parts:
    """A mail with parts that are base64 (RFC 2045): those that are text are decoded.

    What is none, as a picture, and what does not decode, stays as it is written.
    """

    name = "mail"
    note: str | None = "a mail, its base64 text read as what it says"

    def __init__(self) -> None:
        self._left = self._coded = b""
        self._borders: set[bytes] = set()
        self._heading, self._text, self._how = True, True, b""
        #: Whether the last decoded line has no end yet.
        self._open = False

    def convert(self, data: bytes) -> bytes:
        held = self._left + data
        whole = held.rfind(b"\n") + 1
        if not data or (not whole and len(held) > LOOK):
            whole = len(held)
        self._left = held[whole:]
        lines = held[:whole].split(b"\n")
        ends = [line + b"\n" for line in lines[:-1]] + lines[-1:]
        return b"".join(self._line(line) for line in ends if line)

    def rest(self) -> bytes:
        return self._coded

    def _line(self, line: bytes) -> bytes:
        bare = line.strip()
        if bare.removesuffix(b"--") in self._borders:
            self._heading, self._text, self._how = True, True, b""
            kept, self._coded = self._coded, b""
            kept += b"\n" if self._open or kept else b""
            self._open = False
            return kept + line
        if self._heading:
            self._header(line)
            self._heading = bool(bare)
            return line
        if self._how == b"quoted-printable":
            return binascii.a2b_qp(line)
        return self._decoded(line) if self._how == b"base64" and self._text else line

    def _header(self, line: bytes) -> None:
        """What a line of a head says of the body below it."""
        if how := _HOW.match(line):
            self._how = how[1].lower()
        if kind := _KIND.match(line):
            self._text = kind[1].lower() == b"text"
        self._text |= _LOGS.search(line) is not None
        if border := _BORDER.search(line):
            self._borders.add(b"--" + (border[1] or border[2]))

    def _decoded(self, line: bytes) -> bytes:
        coded = self._coded + line.strip()
        whole = len(coded) & ~3
        try:
            text = binascii.a2b_base64(coded[:whole], strict_mode=True)
        except binascii.Error:
            self._how, self._coded = b"", b""
            return coded + b"\n"
        self._coded = coded[whole:]
        self._open = text[-1:] != b"\n" if text else self._open
        return text


_HOW = re.compile(rb"(?i)Content-Transfer-Encoding:[ \t]*([a-z0-9-]+)")
_KIND = re.compile(rb"(?i)Content-Type:[ \t]*([a-z]+)/")
#: The name of an attachment that is text, whatever type it was given.
_LOGS = re.compile(rb"(?i)name=\"?[^\"\r\n]*\.(?:log|txt|csv|tsv|json|ndjson|jsonl)\b")
_BORDER = re.compile(rb"(?i)\bboundary=(?:\"([^\"\r\n]+)\"|([^\s;\"]+))")
_BASE64 = re.compile(rb"(?im)^Content-Transfer-Encoding:[ \t]*base64")
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
    if _MAIL.match(head) and _BASE64.search(head):
        return _Parts()
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
