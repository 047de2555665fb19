"""Which formats claim a file, and the payloads inside its envelope.

The choice is greedy and by content: the format that parses most of the sampled
lines comes first, then the one that parses most of what it left, and so on. A path
(`Format.paths`) only breaks ties. Rare lines are not sampled, so the remaining
formats are still offered every line that the chosen ones refuse (`events.rows`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from forensic.claims import best_formats
from forensic.documents import is_document, records
from forensic.fields.columns import without_colour
from forensic.format import Format, parsed
from forensic.formats import all_formats, load
from forensic.matching import all_match, matches

__all__ = ["Sniffed", "family", "fits", "is_binary", "sniff"]

_LINES = 60
_RECORDS = 40
_LOOK = 16 << 10
_NUMBERS = re.compile(r"[0-9a-fA-F]*[0-9][0-9a-fA-F]*")
#: Below this share of the sampled lines a format must claim the very first one.
_SHARE = 0.1
_PASTED = re.compile(rb"\n(\{[ \t\r]*\n[ \t]+\")")
_COLOUR = b"\x1b["
_HOLE = re.compile(rb"\0{16,}")
#: Control bytes that text logs do have: tab, line ends, ESC (colours), form feed.
_TEXT = bytes({9, 10, 11, 12, 13, 27, *range(32, 127), *range(128, 256)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sniffed:
    """The formats of a file and of its payloads, as keys, best first."""

    formats: tuple[str, ...]
    payloads: tuple[str, ...] = ()
    framing: str = "lines"
    #: Lines are read without their terminal colours.
    coloured: bool = False


def is_binary(head: bytes) -> bool:
    """Whether the first bytes are no text in an ASCII-compatible encoding."""
    # A log with a hole is text: zeros that nobody wrote say nothing.
    sample = (_HOLE.sub(b"", head) if b"\0" in head else head)[:4096]
    odd = len(sample.translate(None, _TEXT))
    return odd * 20 > len(sample)


def sniff(head: bytes, source: str, templates: Sequence[str]) -> Sniffed | None:
    """The formats that claim a stream which begins with `head`; None if none does.

    `templates` are keys of formats built for this archive (an nginx `log_format`),
    which are offered beside the built-in ones and those that the file's own header
    lines describe.
    """
    head = head.removeprefix(b"\xef\xbb\xbf")
    announced = [
        f"{f.name}:{found}" for f in all_formats() for found in f.templates(head)
    ]
    keys = [*templates, *announced, *(fmt.name for fmt in all_formats())]
    framing = "json" if is_document(head) else "lines"
    coloured = framing == "lines" and _COLOUR in head
    sample = _records(head) if framing == "json" else _lines(head)
    if coloured:
        sample = [text.encode() for text in without_colour(_text(sample))]
    outermost = keys
    if framing == "json":
        outermost = [key for key in keys if load(key).json or load(key).envelope]
    chosen = _greedy(sample, outermost, source)
    sure = bool(chosen) and load(chosen[0]).sure
    if framing == "lines":
        chosen += _between(head, chosen)
    if not chosen or not (sure or _convincing(sample, chosen[0])):
        # Records over several lines that somebody pasted below a few words.
        pasted = _PASTED.search(head) if framing == "lines" else None
        return pasted and sniff(head[pasted.start(1) :], source, templates)
    payloads: tuple[str, ...] = ()
    outer = load(chosen[0])
    if outer.whole and not (outer.mixed and len(chosen) > 1):
        framing, chosen = "whole", chosen[:1]
        sample = _wholes(head, outer, coloured=coloured)
    if outer.envelope:
        wanted = [key for key in keys if load(key).payload and key != chosen[0]]
        payloads = _inside(_messages(outer, sample), wanted, source)
        alone = not payloads and not outer.whole
        if alone and (bare := _of_requests(sample, outermost, source)):
            chosen = bare
    return Sniffed(
        formats=chosen, payloads=payloads, framing=framing, coloured=coloured
    )


def _of_requests(
    sample: list[bytes], keys: Sequence[str], source: str
) -> tuple[str, ...]:
    """The last resort that reads requests in most lines, if there is one.

    What stands before a line of nobody's may be the first value of a line of requests.
    """
    lines = _text(sample)
    resorts = [key for key in keys if load(key).last_resort and load(key).hop]
    for key in resorts:
        _, left = best_formats(lines, [key], source)
        if 2 * left.sum() < len(lines):
            return (key,)
    return ()


def _inside(sample: list[bytes], keys: Sequence[str], source: str) -> tuple[str, ...]:
    """The formats of an envelope's payloads, and of what is in one that carries too.

    Container runtimes and shippers wrap a line before a log store does.
    """
    found = _greedy(sample, keys, source)
    if not found or not load(found[0]).envelope:
        return found
    deeper = _greedy(_messages(load(found[0]), sample), keys, source)
    return tuple(dict.fromkeys([*found, *deeper]))


def family(source: str) -> str:
    """The path without its numbers: files of one series have it in common."""
    return _NUMBERS.sub("#", source)


def fits(sniffed: Sniffed, head: bytes) -> bool:
    """Whether a stream of the same family begins as the formats found there do.

    A cheap look at the first lines, for archives of thousands of small objects. What
    the formats refuse all the same is offered to every other one, as always.
    """
    head = head.removeprefix(b"\xef\xbb\xbf")[:_LOOK]
    if is_document(head) != (sniffed.framing == "json"):
        return False
    if sniffed.framing == "json":
        return True
    if (_COLOUR in head) != sniffed.coloured:
        return False
    lines = _texts([line for line in head.split(b"\n")[:-1] if line.strip()])
    if sniffed.coloured:
        lines = without_colour(pl.Series(lines, dtype=pl.String)).to_list()
    heads = "|".join(f"(?:{load(key).head})" for key in sniffed.formats)
    return len(lines) > 0 and all_match(lines, heads)


def _lines(head: bytes) -> list[bytes]:
    """Whole lines from the front, the middle and the end of the first bytes."""
    lines = head.split(b"\n")
    if len(lines) > _LINES and lines[-1]:
        del lines[-1]  # cut by the end of the sample; that of a small file is whole
    lines = [line.removesuffix(b"\r").lstrip(b"\0") for line in lines]
    lines = [line for line in lines if line.strip()]
    if len(lines) <= 3 * _LINES:
        return lines
    middle = len(lines) // 2
    return lines[:_LINES] + lines[middle : middle + _LINES] + lines[-_LINES:]


def _records(head: bytes) -> list[bytes]:
    # A list longer than the sample is cut short, but the records before the cut stand.
    found = records(head, final=True)
    return [bytes(head[start:end]) for start, end in found.spans[:_RECORDS]]


def _between(head: bytes, chosen: Sequence[str]) -> tuple[str, ...]:
    """Formats whose records stand between the lines of the log, however seldom."""
    known = [load(key) for key in chosen]
    if not known or any(map(_goes_on, known)):
        return ()
    return tuple(
        fmt.name
        for fmt in all_formats()
        if fmt.stampless and fmt.name not in chosen and _anywhere(fmt.head, head)
    )


def _anywhere(pattern: str, head: bytes) -> bool:
    """Whether a line begins as the pattern says."""
    return re.search(pattern.encode(), head, re.MULTILINE) is not None


def _wholes(head: bytes, outer: Format, *, coloured: bool) -> list[bytes]:
    """The first records of a format whose records are several lines."""
    text = _text([line.removesuffix(b"\r") for line in head.split(b"\n")])
    text = without_colour(text) if coloured else text
    starts = text.str.contains(outer.head).arg_true().to_list()[: _RECORDS + 1]
    ends = [*starts[1:], len(text)][:_RECORDS]
    pairs = zip(starts, ends, strict=False)
    return ["\n".join(text[low:high].to_list()).encode() for low, high in pairs]


def _greedy(sample: list[bytes], keys: Sequence[str], source: str) -> tuple[str, ...]:
    """Format keys that together parse the sample, each the best for what is left."""
    lines = _text(sample)
    usual = [key for key in keys if not load(key).last_resort]
    chosen, left = best_formats(lines, usual, source)
    # A last resort wins only where nothing else parses a line at all.
    for stampless in (False, True):
        if stampless and any(map(_goes_on, map(load, chosen))):
            break
        resorts = [
            key
            for key in keys
            if load(key).last_resort and load(key).stampless == stampless
        ]
        lines = lines.filter(pl.Series(left))
        found, left = best_formats(lines, resorts, source)
        chosen += found
    return chosen


def _goes_on(fmt: Format) -> bool:
    """Whether what stands below a line of the format may be that line's."""
    return fmt.multiline or fmt.envelope


def _texts(lines: Sequence[bytes]) -> list[str]:
    return [line.decode("utf-8", "backslashreplace") for line in lines]


def _text(lines: Sequence[bytes]) -> pl.Series:
    return pl.Series("text", _texts(lines), dtype=pl.String)


def _messages(outer: Format, sample: list[bytes]) -> list[bytes]:
    rows = parsed(outer, _text(sample))
    messages = rows.filter(rows["refused"].is_null())["message"].drop_nulls()
    return [text.encode() for text in messages.to_list()]


def _convincing(sample: list[bytes], key: str) -> bool:
    """Whether the best format claims the first line, or a fair share of all.

    Lines of its header count as claimed where they come first.
    """
    fmt, lines = load(key), _text(sample)
    mine = matches(lines, fmt.head)
    first = bool(mine[0]) or bool(lines.head(1).str.contains(fmt.header)[0])
    return first or int(mine.sum()) >= _SHARE * len(mine)
