"""Entries of Google Cloud's logging as YAML, which `gcloud logging read` prints.

Each entry stands below `---`. What is inside is what its JSON would be: the entry is
put together as such, and read by the formats that know it.
"""

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from forensic.columns import moments
from forensic.format import Format
from forensic.json_text import compact

__all__ = ["FORMAT"]

_HEAD = r"^---\s*(?:\n|$)"
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_WORDS: dict[str, Any] = {
    "true": True,
    "false": False,
    "null": None,
    "~": None,
    "": None,
}
#: Deeper nesting is refused: no entry has it.
_DEEPEST = 40


class _NotYamlError(ValueError):
    """Text that is no YAML as gcloud writes it."""


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
            raise _NotYamlError(message)
        else:
            self.key = value


def _entry(text: str) -> dict[str, Any]:
    """The entry as JSON would have it; raises _NotYamlError.

    It is put together from the parser's events, so that nothing is recursive and
    nothing is taken for a date or a Python object.
    """
    # Loading it takes a process 20 ms, and few archives hold any YAML.
    yaml = importlib.import_module("yaml")
    whole: list[Any] = []
    stack = [_Open(whole)]
    for event in _events(text, yaml):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            message = "names for parts of it are not read"
            raise _NotYamlError(message)
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
            raise _NotYamlError(message)
    if len(whole) != 1 or not isinstance(whole[0], dict):
        message = "it is no map"
        raise _NotYamlError(message)
    return whole[0]


def _events(text: str, yaml: Any) -> Iterator[Any]:
    """What the library's parser finds; raises _NotYamlError."""
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # as it was built
        yield from yaml.parse(text, Loader=loader)
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        message = " ".join(str(error).split())
        raise _NotYamlError(message) from error


def _plain(text: str) -> Any:
    """A scalar without quotes: a number or word of JSON's, or a text."""
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _NUMBER.fullmatch(text) else text


def _row(text: str) -> dict[str, str | None]:
    try:
        entry = _entry(text)
        record = compact(entry)
    except (ValueError, TypeError) as error:  # TypeError: half a character
        return {"refused": f"YAML: {error}"}
    if not {"insertId", "logName", "timestamp"} & entry.keys():
        return {"refused": "YAML, but no entry of Google's logging"}
    stamp = entry.get("timestamp")
    return {"message": record, "stamp": stamp if isinstance(stamp, str) else None}


_SCHEMA = dict.fromkeys(("message", "stamp", "refused"), pl.String())


def parse(lines: pl.Series) -> pl.DataFrame:
    """The entry as JSON in `message`, and its stamp."""
    begins = lines.str.contains(_HEAD)
    other = {"refused": "it does not begin with `---`"}
    rows = [
        _row(text) if mine else other
        for text, mine in zip(lines.to_list(), begins, strict=True)
    ]
    frame = pl.DataFrame(rows, schema=_SCHEMA)
    stamps = moments(frame["stamp"])
    return frame.select(
        "message",
        "refused",
        envelope_local=stamps["local_time"],
        envelope_offset=stamps["utc_offset"],
    )


def _announced(lines: pl.Series) -> pl.DataFrame:
    """The same, in a file that is known for what it is: `---` alone begins an entry."""
    alone = pl.lit(lines.str.contains(r"^---\s*$"))
    return parse(lines).with_columns(refused=pl.when(~alone).then("refused"))


def templates(head: bytes) -> list[str]:
    """One for a file whose first entry names its log: manifests begin so, too."""
    first = head.lstrip(b"-\r\n").split(b"\n---", 1)[0]
    named = re.search(rb"^logName: ['\"]?\w+/", first, re.MULTILINE)
    return ["gcloud"] if head.startswith(b"---") and named else []


def from_template(_: str) -> Format:
    """The format of a file that `templates` knows."""
    return replace(FORMAT, parse=_announced)


FORMAT = Format(
    name="gcp_yaml",
    title="Google Cloud log entries as YAML",
    hop=None,
    reference="https://cloud.google.com/sdk/gcloud/reference/logging/read",
    head=_HEAD,
    parse=parse,
    multiline=True,
    whole=True,
    envelope=True,
    payload=False,
    templates=templates,
    paths=r"(?i)gcloud|gcp|gke|stackdriver|\.ya?ml$",
)
