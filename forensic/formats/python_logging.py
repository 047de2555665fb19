"""Application logs of a stamp, a level and a message, as libraries lay them out.

Python's `logging` has no layout of its own, so that each project writes its own:
`2025-02-06 14:32:07,216 INFO app: …`, `INFO 2025-02-06 14:32:07,216 [app] …`,
`2025-02-06 14:32:07,216 - app - INFO - …`; loguru, structlog, logback, log4j and
Spring Boot write near relatives. A line is read in two steps: the stamp (behind the
level, where that comes first), then the names around the level.
"""

import dataclasses
import re
from functools import partial

import numpy as np
import polars as pl

from forensic.fields import moments as stamps_at
from forensic.fields.columns import (
    by_value,
    clf_stamp,
    json_extra,
    moments,
    offset_seconds,
    prefix,
    zone_between,
)
from forensic.fields.http_messages import announced, http_messages
from forensic.fields.names import Names, either, names
from forensic.fields.octets import Ints, Mask, Octets, Words, word
from forensic.fields.rowwise import first_that_parses, refused_where
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
    r"(?: ?[+-][0-9]{2}:?[0-9]{2}|Z)?"
)
_LEVELS = (
    "DEBUG INFO WARNING WARN ERROR CRITICAL FATAL TRACE NOTICE SUCCESS NOTSET SEVERE"
    " FINEST FINER FINE CONFIG EXCEPTION INFORMATION VERBOSE ALERT"
).split()
_LEVEL = "|".join([*_LEVELS, *(level.lower() for level in _LEVELS), "Level [0-9]+"])
_ZONES = (
    "UTC|GMT|JST|KST|IST|CET|CEST|BST|EST|EDT|CST|CDT|MST|MDT|PST|PDT|HKT|SGT|AEST|AEDT"
)
_NAME = r"[A-Za-z_][A-Za-z0-9_.$/-]*"
_WORD = r"[A-Za-z_$][A-Za-z0-9_$]*"
_AT_LEVEL = rf"\[?(?P<level>{_LEVEL}) *(?:[\]:|,]|$|[ \t])"
_LEVEL_FIRST = (
    rf"\[?(?P<level>{_LEVEL})\]? *(?:[:|-] *)?(?:\[(?P<thread>[^\] ]{{1,80}})\] +)?"
    rf"\[?(?P<stamp>{_STAMP})\]? *(?:[:|-] *)?"
)
#: The alternatives above make a pattern three times as slow as this one.
_PLAINEST = (
    r"(?P<level>[A-Z]+) +(?P<stamp>[0-9]{4}-[0-9]{2}-[0-9]{2}"
    rf" [0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?:[.,][0-9]+)?) \[(?P<logger>{_NAME})\] "
)
_MORE_NAMES = r"^(?:[|-] )?(?:[^ ]+ - |[^ ]*\.[a-z]{1,4}:[0-9]+)"
_STAMP_FIRST = rf"\[?(?P<stamp>{_STAMP})\]?"
_FILE = r"[A-Za-z0-9_./-]{1,200}\.log[^ :]*(?::[0-9_:]+)?[ :]"
#: What stands between stamp and level, from the most certain shape to the least.
_BETWEEN = [
    # INFO:app:text, as logging.BASIC_FORMAT has it
    rf" *(?P<level>{_LEVEL}):(?P<logger>{_NAME}):",
    # INFO   - INFO -   | INFO |   [INFO]   :INFO:
    rf" *(?:[|:-] *)?{_AT_LEVEL}",
    # JST INFO   JST [812] INFO
    (
        rf" +(?P<zone>{_ZONES})\]? *(?:\[(?P<pid>[0-9]{{1,10}})\] *)?"
        rf"(?:[|:-] *)?{_AT_LEVEL}"
    ),
    # - app - INFO -   [app] [INFO]   app INFO
    rf" +(?:[|-] )?(?P<logger>{_NAME}) *(?:[|:-] *)?{_AT_LEVEL}",
    # [MainThread] INFO   25746 INFO   [812] [MainThread] INFO
    (
        rf" *(?:[|-] *)?(?:(?P<pid>[0-9]{{1,10}}) +)?"
        rf"(?:\[(?P<thread>[^\]]{{0,80}})\] *)?(?:\[[^\]]{{0,80}}\] *)??"
        rf"(?:(?P<logger>{_NAME}) *)?(?:[|:-] *)?{_AT_LEVEL}"
    ),
    # Elixir's names of the request come before the level
    rf" +(?:request_id=(?P<request_id>\S+) )?(?:\w+=\S* )*\[(?P<level>{_LEVEL})\] +",
]
_CALLER = r"(?P<caller>[A-Za-z0-9_./<>-]+\.[a-z]{1,4}:[0-9]+)"
#: What stands between level and message, likewise; the last leaves it all to it.
_BEHIND = [
    # Spring Boot: 812 --- [main] c.e.Class : text
    (
        r" *(?P<pid>[0-9]{1,10}) --- (?:\[[^\]]*\] )?\[ *(?P<thread>[^\]]*)\] "
        r"(?P<logger>[^ ]+) *: ?"
    ),
    # loguru: module:function:26 - text
    rf" *(?:[|-] )?(?P<logger>{_NAME}):(?P<caller>[A-Za-z0-9_<>.]+:[0-9]+) - ",
    # app [Thread-3] login.py:41 text
    (
        rf" *(?:[|-] )?(?:(?P<logger>{_NAME}) )?\[(?P<thread>[^\]]{{1,80}})\]"
        rf" {_CALLER}:? (?:- )?"
    ),
    rf" *(?:[|-] )?{_CALLER}:? (?:[|-] )?",
    # a.b:26 text   app:1457 - text; four digits alone may be the port of a message
    (
        rf" *(?:[|-] )?(?P<logger>{_NAME})"
        r"(?:(?P<caller>:[0-9]{1,3}):?|(?P<line>:[0-9]{4})(?::| [|-])) (?:[|-] )?"
    ),
    # OpenStack: nova.api [req-… user project] text
    rf" *(?:(?P<logger>{_NAME}) )?\[(?P<request_id>req-[0-9a-f-]+)[^\]]*\] ",
    # [main] c.e.Class - text
    rf" *\[(?P<thread>[^\]]{{1,80}})\] (?P<logger>{_NAME}) - ",
    # [app] text   app - text
    rf" *(?:[|-] )?\[(?P<logger>{_NAME}) *\]:? (?:[|-] )?",
    rf" *(?:[|-] )?(?P<logger>{_NAME}) [|-] ",
    # Rust: a::b] text   a::b: text
    r" *(?P<logger>[a-z_]\w*(?:::\w+)*)\] ",
    r" *(?P<logger>[a-z_]\w*(?:::\w+)+): ",
    # a.b: text   app: text
    rf" *(?:[|-] )?(?P<logger>{_WORD}(?:\.{_WORD})+):? ",
    r" *(?:[|-] )?(?P<logger>[a-z_][a-z0-9_]*): ",
    # Django's "verbose": module, process, thread
    r" *(?P<caller>[A-Za-z_]\w*) (?P<pid>[0-9]{1,10}) (?P<thread>[0-9]{9,20}) ",
    # zookeeper: [a[b]:c@774] - text
    r" *\[(?P<thread>[^ ]{1,200})\] - ",
    r" *(?:[|-] +|: +)?",
]
#: Layouts that name their program: gunicorn's and Flask's.
_OTHERS = (
    r"^\[[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}"
    r"(?: [+-][0-9]{4}\] \[[0-9]+\] \[|,[0-9]{3}\] [A-Z]+ in [^ :]+:)"
)
_BEFORE = rf"(?:{_LEVEL})\]? *(?:[:|-] *)?(?:\[[^\] ]{{1,80}}\] +)?\[?"
_HEAD = rf"^(?:{_FILE})?\[?(?:{_BEFORE})?{_STAMP}"
_GROUPS = "level zone pid thread logger caller line request_id".split()
_NO_LINE = "no stamp and level"
#: Words that begin a message, though they look like a logger's name.
_NO_LOGGER = "request response error warning info exception message status note".split()
#: The stamp of an access line, as aiohttp and others write them by Python's logging.
_BEHIND_STAMP = '] "'
_ACCESS = r"\[([0-9]{2}/[A-Z][a-z]{2}/[0-9:]{13}) ([+-][0-9]{4})\] \""
#: Both stamps are of one moment, nearly (s).
_SLACK = 2


def _piece(texts: pl.Series, pattern: str) -> pl.DataFrame:
    """What one shape finds; refused where there is text and it finds nothing."""
    found = prefix(texts, pattern)
    logger = pl.col("logger") if "logger" in found.columns else pl.lit(None, pl.String)
    named = pl.col("rest").is_not_null() & ~logger.str.to_lowercase().is_in(
        _NO_LOGGER
    ).fill_null(value=False)
    return found.with_columns(refused=pl.when(~named).then(texts))


def _around(texts: pl.Series, shapes: list[str]) -> pl.DataFrame:
    pieces = [partial(_piece, pattern=pattern) for pattern in shapes]
    found = first_that_parses(texts, pieces)
    return found.with_columns(
        rest=pl.when(pl.col("refused").is_null()).then("rest")
    ).drop("refused")


def _columns(found: pl.DataFrame, behind: pl.DataFrame | None = None) -> pl.DataFrame:
    """The parsed columns of the pieces found; refused where there is no `rest`."""
    rest = found["rest"] if behind is None else behind["rest"]
    if not rest.count():
        return refused_where(rest.is_null().to_numpy(), _NO_LINE).to_frame()
    if behind is None:
        behind = _around(rest, _BEHIND)
    absent = pl.Series([None], dtype=pl.String).new_from_index(0, len(found))
    both = {
        name: pl.coalesce(
            *(frame.get_column(name, default=absent) for frame in (behind, found))
        )
        for name in _GROUPS
    }
    stamps = moments(found["stamp"])
    http = http_messages(behind["rest"])
    parsed = behind["rest"].is_not_null()
    lower = by_value(found["level"], lambda v: v.str.to_lowercase().to_frame("level"))
    return pl.DataFrame({"parsed": parsed}).select(
        pl.when("parsed").then(stamps["local_time"]).alias("local_time"),
        utc_offset=stamps["utc_offset"],
        level=lower["level"],
        logger=both["logger"].str.strip_chars_end("."),  # Laravel: production.ERROR
        pid=both["pid"].cast(pl.Int64, strict=False),
        request_id=both["request_id"],
        message=behind["rest"],
        extra=json_extra(
            thread=both["thread"],
            caller=pl.coalesce(both["caller"], both["line"]),
            zone=both["zone"],
        ),
        flags=pl.when(pl.col("parsed") & stamps["local_time"].is_null()).then(
            pl.lit(["bad_time"])
        ),
        refused=pl.when(~pl.col("parsed")).then(pl.lit(_NO_LINE)),
        **{name: http[name] for name in http.columns},
    )


_SECONDS = len("2025-02-06 14:32:45")
#: A comma becomes a point where this is taken from it.
_COMMA = word(",") ^ word(".")
#: Text in which none of _BEHIND but the last finds anything.
_PLAIN = (
    r"^(?:[^ \t\].:,\[|-][^ .:\]]*(?: [^\[|-]|$)|[A-Z][A-Za-z]*: [^-]"
    # A path; a number or an address; the end of a sentence.
    r"|/[^ :]*(?: |$)|[0-9]+\.[^ :]*(?: |$)|[^ \t\].:,\[|-][^ :]*\.(?: [^\[|-]|$))"
)
_DOTTED = r"[A-Za-z_$][A-Za-z0-9_$]*(?:\.[A-Za-z_$][A-Za-z0-9_$]*)+"


_ONE_LEVEL = "|".join(_LEVELS)
_AT_LEVEL_CUT = re.compile(f"({_ONE_LEVEL}) ".encode())
_BRACKETED_LEVEL = re.compile(rf"\[?({_ONE_LEVEL})\]? ".encode())
_DASHED_LEVEL = re.compile(f"({_ONE_LEVEL}) - ".encode())
#: `[text] ` names a logger, as the shapes of _BEHIND would find it.
_NONE = "|".join(_NO_LOGGER)
_IN_BRACKETS = re.compile(rf"\[(?!req-|(?i:{_NONE})\])({_NAME})\] ".encode())
_BETWEEN_DASHES = re.compile(
    rf"- (?!req-|(?i:{_NONE}|{_ONE_LEVEL}) )({_NAME}) - ".encode()
)
#: `a.b: `, `a: ` or `a.b `.
_BARE_NAME = re.compile(
    rf"(?!(?:{_NONE}): )({_DOTTED}(?=:? )|[a-z_][a-z0-9_]*(?=: )):? ".encode()
)
#: With one of these, more names follow one that no colon ends.
_MORE = b"[-|"

_BYTE = np.uint64(255)


class _Cutter:
    """Lines that are cut from the left, each at its own place."""

    def __init__(self, lines: pl.Series) -> None:
        self.octets = Octets.of(lines, partly=True)
        self.place = self.octets.start

    def names(self, rows: Mask, pattern: re.Pattern[bytes]) -> Names:
        """The words of a pattern at the rows' places, which move behind them."""
        found = names(self.octets, self.place, rows, pattern)
        if found.groups:
            self.place = self.place + found.length
        return found

    def stamps(self, opened: Mask) -> tuple[pl.Series, Mask, Mask]:
        """The times of `2025-02-06 14:32:45,136 `, which fit, which have no `T`.

        Those that a bracket opened, end with one: `2025-02-06 14:32:45,136] `.
        """
        words = self.octets.at(self.place, stamps_at.ISO)
        local, fits = stamps_at.iso(words, "T ")
        tail = words["tail"]
        comma = tail & _BYTE == np.uint64(ord(","))
        pointed: Words = np.where(comma, tail ^ _COMMA, tail)
        micros, length = stamps_at.fraction(pointed)
        ends = self.place + _SECONDS + length
        closed = self.octets.stands(b"] ", ends)
        fits &= np.where(opened, closed, self.octets.byte(ends) == ord(" "))
        middle = words["hour"] >> np.uint64(16) & _BYTE
        self.place = np.where(fits, ends + 1 + opened, self.place)
        return stamps_at.naive(local + micros), fits, middle == np.uint64(ord(" "))


def _cut(lines: pl.Series) -> pl.DataFrame:
    """The lines of the plainest layouts, cut at their separators.

    `INFO STAMP [app] text`, `STAMP INFO text`, `STAMP INFO [app] text`,
    `STAMP INFO app: text`, `STAMP INFO a.b text` and `STAMP - app - INFO - text`;
    but for the first, stamp and level may stand in brackets.
    """
    cutter = _Cutter(lines)
    octets = cutter.octets
    before = cutter.names(np.ones(len(lines), np.bool_), _AT_LEVEL_CUT)
    opened = ~before.found & (octets.byte(cutter.place) == ord("["))
    cutter.place = cutter.place + opened
    stamps, stamped, spaced = cutter.stamps(opened)
    leads = before.found & stamped & spaced
    follows = stamped & ~before.found
    between = cutter.names(follows, _BETWEEN_DASHES)
    level = cutter.names(between.found, _DASHED_LEVEL)
    behind = cutter.names(follows & ~between.found, _BRACKETED_LEVEL)
    logger = cutter.names(leads | behind.found, _IN_BRACKETS)
    bare = behind.found & ~logger.found
    bare &= octets.byte(cutter.place) != ord("[")
    # `[STAMP] INFO in app: text` is another program's.
    bare &= ~(opened & octets.stands(b"in ", cutter.place))
    named = cutter.names(bare, _BARE_NAME)
    bare &= ~(named.found & _more_names(octets, cutter.place))
    rows = (level.found | logger.found | bare) & (cutter.place <= octets.end)
    if not rows.any():
        return refused_where(~rows, _NO_LINE).to_frame()
    begins = np.where(rows, cutter.place, octets.end)
    message = octets.cut(begins, octets.end)
    http, plainest = announced(dataclasses.replace(octets, lines=message, start=begins))
    odd = _odd(rows & ~named.found & ~plainest, message)
    rows[odd] = logger.found[odd] & ~_names_first(leads[odd], message.gather(odd))
    levels, loggers = either(before, behind, level), either(logger, named, between)
    return http.with_columns(
        stamps.alias("local_time"),
        levels.column(str.lower).alias("level"),
        loggers.column(lambda text: text.rstrip(".")).alias("logger"),
        message.alias("message"),
        refused_where(~rows, _NO_LINE),
    )


def _more_names(octets: Octets, places: Ints) -> Mask:
    """Where more names may follow the one that ends at a place, without a colon."""
    follows = octets.byte(places)
    found: Mask = octets.byte(places - 2) != ord(":")
    found &= np.logical_or.reduce([follows == byte for byte in _MORE])
    return found


def _odd(rows: Mask, messages: pl.Series) -> Ints:
    """Those of the rows of which the text may begin with more names."""
    some = np.flatnonzero(rows)
    if len(some):
        some = some[~messages.gather(some).str.contains(_PLAIN).to_numpy()]
    return some


def _names_first(leads: Mask, messages: pl.Series) -> Mask:
    """Which texts behind a name in brackets begin with more names, or a separator."""
    found: Mask = ~leads & messages.str.contains("^[|-] ").to_numpy()
    found |= messages.str.contains(_MORE_NAMES).to_numpy()
    return found


def _plainest(lines: pl.Series) -> pl.DataFrame:
    """The lines of `INFO 2025-02-06 14:32:45,136 [app] text`, by one small pattern."""
    head = prefix(lines, _PLAINEST)
    known = head["level"].is_in(_LEVELS) & ~head["rest"].str.contains(_MORE_NAMES)
    rest = head.select(pl.when(known).then("rest"))
    return _columns(head.drop("rest"), rest)


def _level_first(lines: pl.Series) -> pl.DataFrame:
    return _columns(prefix(lines, _LEVEL_FIRST))


def _stamp_first(lines: pl.Series) -> pl.DataFrame:
    head = prefix(lines, _STAMP_FIRST)
    if not head["rest"].count():
        return _columns(head)
    return _columns(head.drop("rest").with_columns(_around(head["rest"], _BETWEEN)))


def _prefixed(lines: pl.Series) -> pl.DataFrame:
    """The lines of several files in one, each behind its file's name."""
    return _stamp_first(prefix(lines, _FILE)["rest"])


def _slow(lines: pl.Series) -> pl.DataFrame:
    """The lines of any layout."""
    layouts = [_plainest, _level_first, _stamp_first, _prefixed]
    found = first_that_parses(lines, layouts)
    others = lines.str.contains(_OTHERS)
    if not others.any():
        return found
    taken = pl.when(others).then(pl.lit("another program's own layout"))
    return found.with_columns(refused=pl.coalesce("refused", taken))


def _zoned(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows, those that hold an access line with the zone that its stamp tells."""
    if "status" not in rows.columns or not rows["status"].count():
        return rows
    # A look for a few bytes, before the expression has to look at every answer.
    access = pl.col("message").str.contains(_BEHIND_STAMP, literal=True)
    answers = rows.select((pl.col("status").is_not_null() & access).alias("at"))["at"]
    if not answers.any():
        return rows
    written = pl.col("utc_offset") if "utc_offset" in rows.columns else pl.lit(None)
    told = (
        pl.when(answers & written.is_null())
        .then("message")
        .str.extract_groups(_ACCESS)
        .struct
    )
    inner = clf_stamp(told.field("1"))
    offset = pl.duration(seconds=offset_seconds(told.field("2")))
    found = zone_between(pl.col("local_time"), inner - offset, _SLACK)
    return rows.with_columns(utc_offset=pl.coalesce(written, found))


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of lines with a stamp and a level."""
    return _zoned(first_that_parses(lines, [_cut, _slow], _HEAD))


FORMAT = Format(
    name="python_logging",
    title="application log",
    hop="application",
    reference="Python library, logging: Formatter; loguru, logback, log4j layouts",
    head=_HEAD,
    parse=parse,
    multiline=True,
)
