"""Format: the contract of one log format.

A module of `forensic.formats` holds one value, `FORMAT`. Laws (the shared tests
check them for every format):

* row-aligned: `parse` returns exactly one row a line, in the order of the lines;
* it never raises on data, never filters, never looks at another row, never opens a
  file, never knows another format;
* a line that parses matches `head`; a line that matches `head` and does not parse is
  `unparsed`; a line that does not match `head` continues the event above it where
  the format is `multiline`, and is `unparsed` otherwise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["Format", "Pieces", "headed", "is_bug", "parsed"]

Mask = npt.NDArray[np.bool_]
#: More lines than this on which a format breaks: it is the format that is broken.
_BREAKS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """How an envelope carries a payload that is too long for one of its lines."""

    #: Lines ▶ which of them go on in the next line (Boolean, never null).
    goes_on: Callable[[pl.Series], pl.Series]
    #: The lines of one payload ▶ the line that it would be in one piece. Bytes, since
    #: a character may be cut in two. None where they do not belong together.
    joined: Callable[[Sequence[bytes]], bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One log format: how to recognise a line, and how to turn lines into columns."""

    #: The module's name, as `events.format` shows it.
    name: str
    #: What a person calls it.
    title: str
    #: Whose log it is; None for an envelope that says nothing about it.
    hop: str | None
    #: Where the facts come from.
    reference: str
    #: Regular expression, anchored with `^`, of the first line of a record. It is
    #: run by polars on text and by `re` on bytes: keep to the common, linear subset
    #: (no look-around, no nested repetition).
    head: str
    #: Lines (String, no line end, never null) ▶ columns of `schema.PARSED`,
    #: `refused` among them. `local_time` without a written zone keeps `utc_offset`
    #: null; without a year it has the year `schema.YEARLESS`; an epoch is UTC with
    #: offset 0, and `start_time` alone in a log whose other stamps are local.
    #: Envelopes return `envelope_local`, `envelope_offset`, `hostname`,
    #: `process`, `pid` and the payload as `message`.
    parse: Callable[[pl.Series], pl.DataFrame]
    #: Lines that do not match `head` continue the record above.
    multiline: bool = False
    #: `parse` is given whole records, line ends inside: what follows the first line
    #: is the record's, not text behind its message. With `multiline` only.
    whole: bool = False
    #: Consecutive lines from where a record may begin, which of them match `head`, and
    #: whether more follow ▶ which of those are within the record above: text in it that
    #: looks like the beginning of one. With `whole` only.
    within: Callable[[pl.Series, Mask, bool], Mask] | None = None
    #: Regular expression of what each of its records begins with, where several may
    #: share a line, and which no text in one has. With `whole` only.
    parted: str = ""
    #: Records of other programs stand between its own: where there are such, it is
    #: read by lines all the same. With `whole` only.
    mixed: bool = False
    #: Its `message` is a line of another format, parsed in turn.
    envelope: bool = False
    #: How it cuts long payloads, which are parsed whole; envelopes only.
    pieces: Pieces | None = None
    #: Its head holds the beginning of a line of another format: whoever else reads such
    #: a line takes the payload for its own text. Or its shape is one that others read
    #: as a special case of theirs.
    narrow: bool = False
    #: It may stand inside an envelope.
    payload: bool = True
    #: One record is one JSON value: several may share a line, or one span many.
    json: bool = False
    #: `time` is when the request ended, so that it began `duration` earlier.
    stamps_end: bool = False
    #: `time` is when the request began, so that it ended `duration` later.
    stamps_start: bool = False
    #: Regular expression of source paths that suggest this format; breaks ties only.
    paths: str = r"(?!)"
    #: Breaks the last tie: of two formats that read a file alike, the usual one.
    usual: bool = False
    #: Its head alone tells: the records that it parses are its own, whatever other
    #: format would read the whole of a file that holds several kinds.
    sure: bool = False
    #: It claims nearly any stamped line: tried only where nothing else fits.
    last_resort: bool = False
    #: Its records have no stamp, and may stand between the lines of another log; where
    #: those go on in the lines below, what looks like one is a part of them.
    stampless: bool = False
    #: Lines such as `#Fields:` that describe the file: counted as headers.
    header: str = r"[^\s\S]"
    #: A file's first bytes ▶ the templates that its header lines announce, which the
    #: module's `from_template` turns into formats.
    templates: Callable[[bytes], list[str]] = lambda _head: []


def parsed(fmt: Format, lines: pl.Series) -> pl.DataFrame:
    """What a format makes of lines; one on which it breaks is refused, and no other.

    Formats never raise, but for bugs: of a number that nobody thought of. Raises what
    a format raises where it does so on many lines.
    """
    left = [_BREAKS]

    def halved(rows: pl.Series) -> pl.DataFrame:
        try:
            return fmt.parse(rows)
        except BaseException as error:
            left[0] -= len(rows) == 1
            if not is_bug(error) or left[0] < 0:
                raise
            if len(rows) == 1:
                return pl.DataFrame({"refused": [f"{fmt.name} broke on it: {error}"]})
        middle = len(rows) // 2
        halves = [halved(rows[:middle]), halved(rows[middle:])]
        return pl.concat(halves, how="diagonal_relaxed")

    return halved(lines)


def headed(fmt: Format) -> Format:
    """The format, which refuses lines that do not begin as its `head` says.

    For formats whose expressions would read more than that.
    """

    def parse(lines: pl.Series) -> pl.DataFrame:
        rows = fmt.parse(lines)
        odd = rows["refused"].is_null() & ~lines.str.contains(fmt.head)
        if not odd.any():
            return rows
        why = pl.when(odd).then(pl.lit("it does not begin as such lines do"))
        return rows.with_columns(refused=why.otherwise(pl.col("refused")))

    return replace(fmt, parse=parse)


def is_bug(error: BaseException) -> bool:
    """Whether code raised it that met what its author did not think of.

    Interrupts and a lack of memory are none; polars' panic is one, but no Exception.
    """
    if isinstance(error, MemoryError | OSError):
        return False
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
