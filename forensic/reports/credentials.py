r"""Credentials in text from evidence: found by the names before them, or their shape.

`redacted` is the one way to hide them; how they are written is told by
`credential_names`. What is no more than a word of a sentence stays: `token: expired` is
no secret.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from forensic.reports.credential_names import (
    ANYWHERE,
    KEY_LINE,
    NAME,
    PATTERNS,
    SHAPES,
)

__all__ = ["SIGNS", "redacted", "redacted_as"]

_KEY_LINE = re.compile(
    rf"(?:^|[ \t\"'])({KEY_LINE})(?=\r?$|\\r|\\n|[\"'])", re.MULTILINE
)
_KINDS = [re.compile(kind) for kind in ("[A-Z]", "[a-z]", "[0-9]")]
_NAMED = re.compile(f"(?:{NAME})", re.IGNORECASE)
#: What another pattern hid before, and nothing behind it.
_DONE = re.compile(r"\[redacted, \d+ chars\]")

#: No value at all.
_NONE = {"", "-"}


def _mark(value: str) -> str:
    return f"[redacted, {len(value)} chars]"


def _hidden(group: int) -> Callable[[re.Match[str]], str]:
    """What replaces the group, or the last group where it is 0."""

    def replace(match: re.Match[str]) -> str:
        which = group or match.lastindex or 0
        value = match.group(which)
        done = _DONE.match(match.string, match.start(which))
        if value in _NONE or (done and done.end() >= match.end(which)):
            return match.group()
        start, end = (edge - match.start() for edge in match.span(which))
        whole = match.group()
        return f"{whole[:start]}{_mark(value)}{whole[end:]}"

    return replace


def _hidden_key(match: re.Match[str]) -> str:
    """What replaces a line of a key; a digest in hex has not all kinds of letters."""
    told = all(kind.search(match[1]) for kind in _KINDS)
    return _hidden(1)(match) if told else match[0]


class _Pattern(NamedTuple):
    """How credentials are found: where words stand is where it pays to look."""

    signs: list[str]
    behind: str
    looks: re.Pattern[str]
    hide: Callable[[re.Match[str]], str]


_COMPILED = [
    _Pattern(
        signs.split(),
        behind,
        re.compile(pattern, re.IGNORECASE | re.DOTALL),
        _hidden(group),
    )
    for signs, behind, pattern, group in PATTERNS
] + [
    _Pattern(
        " ".join(SHAPES).split(),
        ANYWHERE,
        re.compile(f"({'|'.join(SHAPES.values())})", re.DOTALL),
        _hidden(1),
    )
]
#: What any of them needs, in lower case: a text without all of these has none.
SIGNS = sorted({sign for one in _COMPILED for sign in one.signs})
#: Texts up to this length come again and again: labels, paths, names.
_SHORT = 200
_KEY_WIDTH = 64


def redacted(text: str) -> str:
    """The text with credentials replaced by `[redacted, 43 chars]`."""
    return _known(text) if len(text) <= _SHORT else _recent(text)


def redacted_as(name: str, text: str) -> str:
    """The text of a column or key of that name, which may tell a credential alone."""
    told = _NAMED.fullmatch(name) and not _DONE.fullmatch(text)
    return _mark(text) if told and text not in _NONE else redacted(text)


def _searched(text: str) -> str:
    if len(text) >= _KEY_WIDTH:
        text = _KEY_LINE.sub(_hidden_key, text)
    # Beyond ASCII there are letters that match and are those of no sign: `ſecret`.
    small = text.lower() if text.isascii() else ""
    seen = {sign for sign in SIGNS if sign in small} if small else {*SIGNS}
    if not seen:
        return text
    standing = {ANYWHERE: seen}
    for signs, behind, looks, hide in _COMPILED:
        if behind not in standing:
            standing[behind] = _standing(small, seen, behind) if small else seen
        if not standing[behind].isdisjoint(signs):
            text = looks.sub(hide, text)
    return text


def _standing(small: str, signs: set[str], behind: str) -> set[str]:
    """The signs behind which something of that kind stands, anywhere in the text."""
    fits = re.compile(behind).match
    return {sign for sign in signs if any(fits(small, at) for at in _ends(small, sign))}


def _ends(text: str, word: str) -> Iterator[int]:
    """Where the word ends, each time that it occurs."""
    at = text.find(word)
    while at >= 0:
        yield at + len(word)
        at = text.find(word, at + 1)


_known = lru_cache(maxsize=8192)(_searched)
#: One record proves several things, in the page and beside it.
_recent = lru_cache(maxsize=256)(_searched)
