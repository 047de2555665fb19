"""Entries of Google Cloud's logging as YAML, which `gcloud logging read` prints.

Each entry stands below `---`. What is inside is what its JSON would be: the entry is
put together as such, and read by the formats that know it. Of YAML only what gcloud
writes is understood: maps, lists of scalars or maps, quoted, plain and block scalars.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import polars as pl

from forensic.columns import moments
from forensic.format import Format
from forensic.json_text import compact

__all__ = ["FORMAT"]

_HEAD = r"^---\s*(?:\n|$)"
_KEY = re.compile(r"( *)((?:- )*)([A-Za-z_@$][^:\"']{0,200}|'[^']{1,200}'):(?: (.*))?")
_ITEM = re.compile(r"( *)- (.*)")
_BLOCK = re.compile(r"[|>][+-]?[0-9]?")
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_WORDS: dict[str, Any] = {
    "true": True,
    "false": False,
    "null": None,
    "~": None,
    "{}": None,
    "[]": None,
}
_ESCAPES = {"n": "\n", "t": "\t", "e": "\x1b", "0": "\0", "_": "\xa0"}
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|(.))")
#: Deeper nesting is refused: no entry has it.
_DEEPEST = 40


class _Line(NamedTuple):
    """One key or item: how deep it stands, whether it begins an item, what it says."""

    depth: int
    item: bool
    key: str | None
    text: str


class _NotYamlError(ValueError):
    """Text that is no YAML as gcloud writes it."""


def _lines(text: str) -> Iterator[_Line]:
    """Keys and items, what is wrapped or stands below as a block put behind them."""
    rows = text.split("\n")
    place = 0
    while place < len(rows):
        row = rows[place]
        place += 1
        if not row.strip() or row.startswith("---"):
            continue
        depth, item, key, value = _parts(row)
        below = []
        while place < len(rows) and _continues(rows[place], value, depth):
            below.append(rows[place])
            place += 1
        yield _Line(depth, item, key, _scalar_text(value, below))


def _parts(row: str) -> tuple[int, bool, str | None, str]:
    found = _KEY.fullmatch(row)
    if found:
        dash = bool(found[2])
        depth = len(found[1]) + len(found[2])
        return depth, dash, found[3].strip("'"), (found[4] or "").strip()
    item = _ITEM.fullmatch(row)
    if item is None:
        message = "no key, and no item of a list"
        raise _NotYamlError(message)
    return len(item[1]) + 2, True, None, item[2].strip()


def _continues(row: str, value: str, depth: int) -> bool:
    """Whether a row belongs to the scalar above it."""
    inside = len(row) - len(row.lstrip(" ")) > depth or not row.strip()
    if _BLOCK.fullmatch(value):
        return inside
    quote = value[:1]
    if quote in {'"', "'"}:
        return not _closed(value) and inside
    return bool(value) and inside and not row.lstrip().startswith("- ")


def _closed(value: str) -> bool:
    """Whether a quoted scalar ends in the row in which it begins."""
    if value[0] == "'":
        return re.fullmatch(r"'(?:[^']|'')*'", value) is not None
    return re.fullmatch(r'"(?:[^"\\]|\\.)*"', value) is not None


def _scalar_text(value: str, below: list[str]) -> str:
    """The scalar in one piece; a block as a quoted one."""
    if _BLOCK.fullmatch(value):
        shift = min(
            (len(r) - len(r.lstrip(" ")) for r in below if r.strip()), default=0
        )
        joint = "\n" if value[0] == "|" else " "
        body = joint.join(row[shift:] for row in below).rstrip("\n ")
        return "'" + body.replace("'", "''") + "'"
    text = value
    for row in below:  # a line end is a blank, an empty line is a line end
        if text.endswith("\\") and value[:1] == '"':
            text = text[:-1] + row.strip().removeprefix("\\")
        else:
            text += ("\n" if not row.strip() else " ") + row.strip()
    return text


def _scalar(text: str) -> Any:
    if text[:1] == "'" and len(text) > 1:
        return text[1:-1].replace("''", "'")
    if text[:1] == '"' and len(text) > 1:
        return _ESCAPE.sub(_unescaped, text[1:-1])
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _NUMBER.fullmatch(text) else text


def _unescaped(found: re.Match[str]) -> str:
    code = found[1] or found[2]
    return chr(int(code, 16)) if code else _ESCAPES.get(found[3], found[3])


def _entry(text: str) -> dict[str, Any]:
    """The entry as JSON would have it; raises _NotYamlError."""
    lines = list(_lines(text))
    value, end = _map(lines, 0, 0)
    if end < len(lines) or not value:
        message = "the indentation does not fit"
        raise _NotYamlError(message)
    return value


def _map(lines: list[_Line], place: int, nested: int) -> tuple[dict[str, Any], int]:
    """The map whose first key is there, and where it ends."""
    if nested > _DEEPEST:
        message = "nested too deeply"
        raise _NotYamlError(message)
    found: dict[str, Any] = {}
    first = place
    while place < len(lines):
        line = lines[place]
        same = line.depth == lines[first].depth
        if not same or line.key is None or (line.item and place > first):
            break
        if line.key in found:
            message = f"{line.key} stands there twice"
            raise _NotYamlError(message)
        place += 1
        if line.text:
            found[line.key] = _scalar(line.text)
            continue
        found[line.key], place = _below(lines, place, line, nested)
    return found, place


def _below(
    lines: list[_Line], place: int, above: _Line, nested: int
) -> tuple[Any, int]:
    """What stands below a key that has no value of its own."""
    if place >= len(lines):
        return None, place
    line = lines[place]
    if line.item and line.depth > above.depth:
        return _list(lines, place, nested)
    if not line.item and line.depth > above.depth:
        return _map(lines, place, nested + 1)
    return None, place


def _list(lines: list[_Line], place: int, nested: int) -> tuple[list[Any], int]:
    depth = lines[place].depth
    found: list[Any] = []
    while place < len(lines) and lines[place].item and lines[place].depth == depth:
        if lines[place].key is None:
            found.append(_scalar(lines[place].text))
            place += 1
        else:
            value, place = _map(lines, place, nested + 1)
            found.append(value)
    return found, place


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
