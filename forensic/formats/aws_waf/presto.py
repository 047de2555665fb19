"""The text in which Athena's CSV shows objects and lists ▶ the values.

`{clientip=192.0.2.1, headers=[{name=host, value=example.com}], args=}`: nothing is
quoted, so that a text ends where the next known key, a comma of its list or its
closing bracket stands. A text that holds brackets of its own may end too soon.
"""

import re
from typing import Any

__all__ = ["shown"]

_KEY = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_ELEMENT = re.compile(r"\]|, ")
#: Nesting that no WAF record has.
_DEEPEST = 12
_BROKEN = (None, -1)


def shown(text: str, member: re.Pattern[str]) -> Any:
    """The object or list that the text shows; None where it is neither.

    `member` finds where a text in an object ends: at `}`, or at `, ` and a known key.
    A key that an object has twice has no value.
    """
    value, end = _value(text, 0, member, member, 0)
    return value if end == len(text) and isinstance(value, dict | list) else None


def _value(
    text: str, place: int, ends: re.Pattern[str], member: re.Pattern[str], depth: int
) -> tuple[Any, int]:
    """The value at a place, and where it ends; -1 where it does not."""
    opening = text[place : place + 1]
    if opening in ("{", "["):
        if depth == _DEEPEST:
            return _BROKEN
        read = _object if opening == "{" else _list
        return read(text, place + 1, member, depth + 1)
    end = ends.search(text, place)
    if end is None:
        return _BROKEN
    scalar = text[place : end.start()]
    return None if scalar == "null" else scalar, end.start()


def _object(
    text: str, place: int, member: re.Pattern[str], depth: int
) -> tuple[Any, int]:
    found: dict[str, Any] = {}
    while not text.startswith("}", place):
        key = _KEY.match(text, place)
        if key is None:
            return _BROKEN
        value, end = _value(text, key.end(), member, member, depth)
        place = _next(text, end, "}")
        if place < 0:
            return _BROKEN
        found[key[1]] = None if key[1] in found else value
    return found, place + 1


def _list(
    text: str, place: int, member: re.Pattern[str], depth: int
) -> tuple[Any, int]:
    found: list[Any] = []
    while not text.startswith("]", place):
        value, end = _value(text, place, _ELEMENT, member, depth)
        place = _next(text, end, "]")
        if place < 0:
            return _BROKEN
        found.append(value)
    return found, place + 1


def _next(text: str, end: int, closing: str) -> int:
    """Where the next value, or the closing bracket, stands; -1 where neither does."""
    if end < 0 or text.startswith(closing, end):
        return end
    return end + 2 if text.startswith(", ", end) else -1
