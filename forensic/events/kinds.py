"""What each physical line is: an event, a continuation, blank, a header, unparsed.

Every line is exactly one of them, so that the ledger closes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from forensic.documents import records
from forensic.events.cuts import running_on
from forensic.events.pieces import join
from forensic.events.records import by_records
from forensic.events.rows import parse_rows
from forensic.events.shape import KINDS, Found, Kind, Lines
from forensic.events.starts import text_starts
from forensic.fields.columns import without_colour
from forensic.fields.octets import Mask
from forensic.formats import load
from forensic.lines import Index, texts

__all__ = ["KINDS", "Lines", "by_lines"]

#: Continuation text kept in `message`; the event's span holds all of it.
_MESSAGE = 64 << 10


@dataclass(frozen=True, slots=True)
class _Owned:
    """Continuation lines and the event line that each belongs to."""

    lines: Index
    owners: Index


def by_lines(
    block: memoryview,
    lines: Lines,
    formats: Sequence[str],
    payloads: Sequence[str],
    *,
    coloured: bool = False,
) -> Found:
    """What the lines hold, one record a line."""
    starts = text_starts(block, lines)
    text, invalid = texts(block, starts, lines.ends)
    text, invalid, runs = join(block, lines, text, invalid, formats)
    if coloured:
        text = without_colour(text)
    parsed = parse_rows(text, formats, payloads)
    refused = parsed["refused"]
    good = refused.is_null().to_numpy()
    kinds = np.where(good, Kind.EVENT, Kind.UNPARSED).astype(np.int8)
    rows = np.flatnonzero(good)
    if len(rows) == len(kinds):
        return Found(parsed, rows, lines.starts, lines.ends, kinds, invalid)
    several = _several(block, lines, text, good)
    runs_on = _runs_on(parsed, formats)
    owned = _sort_out(text, good, several, kinds, lines, formats, runs_on)
    ends = lines.ends.copy()
    np.maximum.at(ends, owned.owners, lines.ends[owned.lines])
    rest, firsts = runs.rest()
    ends[runs.first] = lines.ends[runs.last]
    kinds[rest] = np.where(good[firsts], Kind.CONTINUATION, Kind.UNPARSED)
    parsed = _with_messages(parsed, text, owned).filter(pl.Series(good))
    left = np.flatnonzero(kinds == Kind.UNPARSED)
    left = left[~np.isin(left, several)]
    found = Found(
        parsed,
        rows,
        lines.starts[rows],
        ends[rows],
        kinds,
        invalid.gather(rows),
        left,
        lines.starts[left],
        lines.ends[left],
        refused.gather(left),
    )
    if not len(several):
        return found
    ranges = [(int(lines.starts[i]), int(lines.ends[i])) for i in several]
    return found.joined(by_records(block, lines, ranges, formats, payloads), several)


def _several(
    block: memoryview,
    lines: Lines,
    text: pl.Series,
    good: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> Index:
    """Refused lines that hold several JSON records, or records in a wrapper."""
    bad = np.flatnonzero(~good)
    suspects = bad[text.gather(bad).str.contains(r"^\s*[{\[]").to_numpy()]
    found = []
    for index in suspects:
        start, end = int(lines.starts[index]), int(lines.ends[index])
        spans = records(bytes(block[start:end]), final=True).spans
        if len(spans) > 1 or (spans and spans[0][0] > 0):
            found.append(index)
    return np.array(found, np.int64)


def _sort_out(
    text: pl.Series,
    good: np.ndarray[tuple[int], np.dtype[np.bool_]],
    several: Index,
    kinds: np.ndarray[tuple[int], np.dtype[np.int8]],
    lines: Lines,
    formats: Sequence[str],
    runs_on: Mask,
) -> _Owned:
    """Set the kinds of refused lines; the continuation lines and their events."""
    bad = np.flatnonzero(~good)
    bad = bad[~np.isin(bad, several)]
    words = text.gather(bad)
    blank = words.str.strip_chars() == ""
    chosen = [load(key) for key in formats]
    header = words.str.contains("|".join(f"(?:{fmt.header})" for fmt in chosen))
    kinds[bad[blank.to_numpy()]] = Kind.BLANK
    kinds[bad[(header & ~blank).to_numpy()]] = Kind.HEADER
    if not runs_on.any():
        return _Owned(np.zeros(0, np.int64), np.zeros(0, np.int64))
    heads = words.str.contains("|".join(f"(?:{fmt.head})" for fmt in chosen))
    may = bad[(~heads & ~blank & ~header).to_numpy()]
    return _continuations(may, kinds, lines, runs_on)


def _runs_on(parsed: pl.DataFrame, formats: Sequence[str]) -> Mask:
    """Which rows' records may go on in the lines below.

    In a file where several logs were put together, those of the row's own format; in
    an envelope, whose lines are all headed, all or none.
    """
    chosen = [load(key) for key in formats]
    if not running_on(chosen):
        return np.zeros(len(parsed), np.bool_)
    if chosen[0].multiline:
        return np.ones(len(parsed), np.bool_)
    several = [fmt.name for fmt in chosen if fmt.multiline and not fmt.envelope]
    return parsed["format"].is_in(several).fill_null(value=False).to_numpy()


def _continuations(
    may: Index,
    kinds: np.ndarray[tuple[int], np.dtype[np.int8]],
    lines: Lines,
    runs_on: Mask,
) -> _Owned:
    """Give lines that may continue to the event above them, in the same segment.

    A line that starts a record but cannot be read stands in between: what follows
    it continues no event. Blank lines inside a record belong to it.
    """
    count = len(kinds)
    candidate = np.zeros(count, bool)
    candidate[may] = True
    index = np.arange(count)
    fixed = ~candidate & (kinds != Kind.BLANK)
    owner = np.maximum.accumulate(np.where(fixed, index, -1))
    same = (owner >= 0) & (lines.segment[owner] == lines.segment)
    owned = candidate & same & (kinds[owner] == Kind.EVENT) & runs_on[owner]
    solid = np.where(kinds != Kind.BLANK, index, count)
    following = np.minimum.accumulate(solid[::-1])[::-1]
    inside = (kinds == Kind.BLANK) & (following < count)
    next_ = np.minimum(following, count - 1)
    inside &= owned[next_] & (owner[next_] == owner)
    owned |= inside
    kinds[owned] = Kind.CONTINUATION
    rows = np.flatnonzero(owned)
    return _Owned(rows, owner[rows])


def _with_messages(
    parsed: pl.DataFrame, text: pl.Series, owned: _Owned
) -> pl.DataFrame:
    """The rows with their continuation lines behind the message, up to 64 KiB."""
    if not len(owned.lines):
        return parsed
    tails = (
        pl.DataFrame({"owner": owned.owners, "tail": text.gather(owned.lines)})
        .group_by("owner", maintain_order=True)
        .agg(pl.col("tail").str.join("\n"))
    )
    if "message" not in parsed.columns:
        parsed = parsed.with_columns(message=pl.lit(None, pl.String))
    heads = parsed["message"].gather(tails["owner"]).fill_null("")
    whole = (heads + "\n" + tails["tail"]).str.slice(0, _MESSAGE)
    message = parsed["message"].rechunk().scatter(tails["owner"].to_numpy(), whole)
    return parsed.with_columns(message.alias("message"))
