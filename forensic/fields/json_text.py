r"""One JSON text ▶ its value, read strictly, with the keys that stand in it twice.

Readers differ on a key written twice: most keep the last value, some the first. Such
a key has no value here where its values differ; the caller gets all of them. They
differ on half a character, too (`\ud83d` alone, of a text that was cut or sent so):
it stays the escape that it is.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

import orjson

__all__ = ["NotJsonError", "compact", "load", "nested", "unescaped", "unique"]

#: Every digit as `0`, every white space as one, what may stand beside them as it is.
_KINDS = bytes.maketrans(
    bytes(range(256)),
    bytes(
        ord("0" if c in "123456789" else " " if c in "\t\n\r" else c)
        for c in map(chr, range(256))
    ),
)
#: What orjson reads as a float.
_LONG, _LONG_NEGATIVE = b"0" * 20, b"-" + b"0" * 19
#: A name of more parts than this is no path: no log nests so deeply.
_DEEPEST = 100
#: Escapes in a JSON text: two halves of a character, one alone, or any other.
_ESCAPES = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)


class NotJsonError(ValueError):
    """The text is no JSON value, or one that readers would differ on."""


def load(text: str) -> tuple[Any, dict[str, list[Any]]]:
    """The value, and all values of every key that is written twice in one object."""
    duplicates: dict[str, list[Any]] = {}

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        return unique(found, duplicates)

    try:
        text, value = _decoded(text)
        octets, written = text.encode(), orjson.dumps(value)
        # Where it is written back as it was, nothing was dropped: no key stands twice.
        if written == octets or _keeps_all(octets, written):
            return value, duplicates
        return json.loads(text, object_pairs_hook=pairs), duplicates
    except (orjson.JSONEncodeError, RecursionError):
        reason = "JSON: nested too deeply"
    except ValueError as error:
        reason = f"JSON: {error}"
    raise NotJsonError(reason)


def _decoded(text: str) -> tuple[str, Any]:
    """The value of the text, and the text without half characters."""
    try:
        return text, orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "surrogate" not in str(error):
            raise
    whole = _ESCAPES.sub(lambda m: f"\\{m[1]}" if m[1] else m[0], text)
    return whole, orjson.loads(whole)


def _keeps_all(text: bytes, written: bytes) -> bool:
    """Whether what was read and written back has all keys and numbers of the text.

    A key is followed by `":`, and so is nothing else but an escaped quote in a text: as
    many of them mean as many keys, where neither a space parts the two nor one of them
    is escaped by its number. True is certain, False is not.
    """
    if text.count(b'":') != written.count(b'":'):
        return False
    if b"\\u0022" in text or b"\\u003a" in text or b"\\u003A" in text:
        return False
    alike = text.translate(_KINDS)  # 64 bits hold 19 digits, and less below zero
    return not (b" :" in alike or _LONG in alike or _LONG_NEGATIVE in alike)


def unique(
    pairs: Sequence[tuple[str, Any]], duplicates: dict[str, list[Any]]
) -> dict[str, Any]:
    """The object of the pairs; null where a key's values differ, which are added."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    for name in found:
        values = [value for key, value in pairs if key == name]
        if len(values) > 1:
            duplicates.setdefault(name, []).extend(values)
            if any(value != values[0] for value in values):
                found[name] = None
    return found


def compact(value: dict[str, Any]) -> str | None:
    """The object as JSON without spaces; null for an empty one."""
    if not value:
        return None
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # a number beyond 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def unescaped(text: str) -> str:
    """What stands between a JSON text's quotes, read; as it is, where it is none."""
    try:
        return str(orjson.loads(f'"{text}"'))
    except orjson.JSONDecodeError:
        return text


def nested(fields: dict[str, Any]) -> dict[str, Any]:
    """The object of flattened fields: `a.b` is b in a, `a.0` the first of list a."""
    whole: dict[str, Any] = {}
    for name, value in fields.items():
        parts = name.split(".")
        *outer, last = parts if len(parts) <= _DEEPEST else [name]
        inside = whole
        for key in outer:
            below = inside.setdefault(key, {})
            if not isinstance(below, dict):  # `a` is a value of its own
                below = inside[key] = {"": below}
            inside = below
        inside[last] = value
    return {key: _listed(value) for key, value in whole.items()}


def _listed(value: Any) -> Any:
    """The value; an object whose keys are numbers as the list that it was."""
    if not isinstance(value, dict):
        return value
    inside = {key: _listed(below) for key, below in value.items()}
    return list(inside.values()) if all(map(str.isdecimal, inside)) else inside
