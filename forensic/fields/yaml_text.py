"""YAML text ▶ the object that its JSON would be, of what command lines print.

Names for parts of it (anchors) are refused, nothing is recursive, and nothing is taken
for a date or a Python object: it is put together from the parser's events.
"""

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["NotYamlError", "yaml_object"]

_NUMBER = re.compile(r"-?[0-9]{1,18}")
_WORDS: dict[str, Any] = {
    "true": True,
    "false": False,
    "null": None,
    "~": None,
    "": None,
}
#: Deeper nesting is refused: no record has it.
_DEEPEST = 40


class NotYamlError(ValueError):
    """Text that is no YAML as command lines write it."""


@dataclass(slots=True)
class _Open:
    """A map or list that has not ended, and the map's key that waits for a value."""

    value: dict[str, Any] | list[Any]
    key: str | None = None

    @property
    def wants_key(self) -> bool:
        """Whether what comes next is a key."""
        return isinstance(self.value, dict) and self.key is None

    def add(self, value: Any) -> None:
        """Put in what came: an item, a key, or the value of the key before."""
        if isinstance(self.value, list):
            self.value.append(value)
        elif self.key is not None:
            self.value[self.key], self.key = value, None
        elif not isinstance(value, str) or value in self.value:
            message = f"a key that is no text, or stands there twice: {value}"
            raise NotYamlError(message)
        else:
            self.key = value


def yaml_object(text: str) -> dict[str, Any]:
    """The object as JSON would have it; raises NotYamlError."""
    # Loading it takes a process 20 ms, and few archives hold any YAML.
    yaml = importlib.import_module("yaml")
    whole: list[Any] = []
    stack = [_Open(whole)]
    for event in _events(text, yaml):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            message = "names for parts of it are not read"
            raise NotYamlError(message)
        if isinstance(event, yaml.ScalarEvent):
            plain = event.implicit[0] and not stack[-1].wants_key
            stack[-1].add(_plain(event.value) if plain else event.value)
        elif isinstance(event, yaml.CollectionStartEvent):
            mapped = isinstance(event, yaml.MappingStartEvent)
            inside: dict[str, Any] | list[Any] = {} if mapped else []
            stack[-1].add(inside)
            stack.append(_Open(inside))
        elif isinstance(event, yaml.CollectionEndEvent):
            stack.pop()
        if len(stack) > _DEEPEST:
            message = "nested too deeply"
            raise NotYamlError(message)
    if len(whole) != 1 or not isinstance(whole[0], dict):
        message = "it is no map"
        raise NotYamlError(message)
    return whole[0]


def _events(text: str, yaml: Any) -> Iterator[Any]:
    """What the library's parser finds; raises NotYamlError."""
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # as it was built
        yield from yaml.parse(text, Loader=loader)
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        message = " ".join(str(error).split())
        raise NotYamlError(message) from error


def _plain(text: str) -> Any:
    """A scalar without quotes: a number or word of JSON's, or a text."""
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _NUMBER.fullmatch(text) else text
