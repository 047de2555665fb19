"""Application logs of a stamp, a level and a message, as libraries lay them out.

Python's `logging` has no layout of its own, so that each project writes its own:
`2025-02-06 14:32:07,216 INFO app: …`, `INFO 2025-02-06 14:32:07,216 [app] …`,
`2025-02-06 14:32:07,216 - app - INFO - …`; loguru, structlog, logback, log4j and
Spring Boot write near relatives. A line is read in two steps: the stamp (behind the
level, where that comes first), then the names around the level.
"""

import re
from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl

from forensic.columns import (
    by_value,
    first_that_parses,
    iso_stamp,
    json_extra,
    moments,
    prefix,
)
from forensic.format import Format
from forensic.messages import http_messages
from forensic.octets import Ints, Mask, Octets, by_run, digits, number, shape

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
_AT_LEVEL = rf"\[?(?P<level>{_LEVEL}) *(?:[\]:|,]|$|[ \t])"
_LEVEL_FIRST = (
    rf"\[?(?P<level>{_LEVEL})\]? *(?:[:|-] *)?\[?(?P<stamp>{_STAMP})\]? *(?:[:|-] *)?"
)
#: The alternatives above make a pattern three times as slow as this one.
_PLAINEST = (
    r"(?P<level>[A-Z]+) +(?P<stamp>[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r" [0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(?:[.,][0-9]+)?) \[(?P<logger>[A-Za-z_][A-Za-z0-9_.$/-]*)\] "
)
_MORE_NAMES = r"^(?:[|-] )?(?:[^ ]+ - |[^ ]*\.[a-z]{1,4}:[0-9]+)"
_STAMP_FIRST = rf"\[?(?P<stamp>{_STAMP})\]?"
_FILE = r"[A-Za-z0-9_./-]{1,200}\.log[^ :]*(?::[0-9_:]+)?[ :]"
#: What stands between stamp and level, from the most certain shape to the least.
_BETWEEN = [
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
        rf"(?:\[(?P<thread>[^\]]{{0,80}})\] *)?(?:\[[^\]]{{0,80}}\] *)?"
        rf"(?:(?P<logger>{_NAME}) *)?(?:[|:-] *)?{_AT_LEVEL}"
    ),
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
    # OpenStack: nova.api [req-… user project] text
    rf" *(?:(?P<logger>{_NAME}) )?\[(?P<request_id>req-[0-9a-f-]+)[^\]]*\] ",
    # [main] c.e.Class - text
    rf" *\[(?P<thread>[^\]]{{1,80}})\] (?P<logger>{_NAME}) - ",
    # [app] text   app - text
    rf" *(?:[|-] )?\[(?P<logger>{_NAME}) *\]:? (?:[|-] )?",
    rf" *(?:[|-] )?(?P<logger>{_NAME}) [|-] ",
    # a.b: text   app: text
    (
        r" *(?:[|-] )?(?P<logger>[A-Za-z_$][A-Za-z0-9_$]*"
        r"(?:\.[A-Za-z_$][A-Za-z0-9_$]*)+):? "
    ),
    r" *(?:[|-] )?(?P<logger>[a-z_][a-z0-9_]*): ",
    # zookeeper: [a[b]:c@774] - text
    r" *\[(?P<thread>[^ ]{1,200})\] - ",
    r" *(?:[|-] +)?",
]
#: Layouts that name their program: gunicorn's and Flask's.
_OTHERS = (
    r"^\[[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}"
    r"(?: [+-][0-9]{4}\] \[[0-9]+\] \[|,[0-9]{3}\] [A-Z]+ in [^ :]+:)"
)
_HEAD = rf"^(?:{_FILE})?\[?(?:(?:{_LEVEL})\]? *(?:[:|-] *)?\[?)?{_STAMP}"
_GROUPS = "level zone pid thread logger caller request_id".split()
#: Words that begin a message, though they look like a logger's name.
_NO_LOGGER = "request response error warning info exception message status note".split()


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
    if behind is None:
        behind = _around(found["rest"], _BEHIND)
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
        logger=both["logger"],
        pid=both["pid"].cast(pl.Int64, strict=False),
        request_id=both["request_id"],
        message=behind["rest"],
        extra=json_extra(
            thread=both["thread"], caller=both["caller"], zone=both["zone"]
        ),
        flags=pl.when(pl.col("parsed") & stamps["local_time"].is_null()).then(
            pl.lit(["bad_time"])
        ),
        refused=pl.when(~pl.col("parsed")).then(pl.lit("no stamp and level")),
        **{name: http[name] for name in http.columns},
    )


#: `2025-02-06 14:32:45,136 `, in words.
_CLOCK = shape(24, date=0, hour=8, fraction=16)
_SECONDS = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}[.,]$"
_LOW = np.uint64(0xFFFFFFFF)
#: Text in which none of _BEHIND but the last finds anything.
_PLAIN = r"^(?:[^ \t\].:,\[|-][^ .:]*(?: [^\[|-]|$)|[A-Z][A-Za-z]*: [^-])"
_DOTTED = r"[A-Za-z_$][A-Za-z0-9_$]*(?:\.[A-Za-z_$][A-Za-z0-9_$]*)+|[a-z_][a-z0-9_]*"


def _is_level(text: str) -> bool:
    return text in _LEVELS


def _is_logger(text: str) -> bool:
    """Whether `[text] ` names a logger, as the shapes of _BEHIND would find it."""
    odd = text.startswith("req-") or text.lower() in _NO_LOGGER
    return re.fullmatch(_NAME, text) is not None and not odd


def _is_between(text: str) -> bool:
    """Whether ` - text - ` names a logger."""
    return _is_logger(text) and text.upper() not in _LEVELS


def _is_before(text: str) -> bool:
    """Whether `text: ` names a logger."""
    return re.fullmatch(_DOTTED, text) is not None and text not in _NO_LOGGER


class _Cutter:
    """Lines that are cut from the left, each at its own place."""

    def __init__(self, lines: pl.Series) -> None:
        self.octets = Octets.of(lines)
        self.place = self.octets.start

    def names(
        self, rows: Mask, until: bytes, known: Callable[[str], bool]
    ) -> tuple[pl.Series, Mask]:
        """The known names that stand up to `until`; the places move behind them."""
        texts, which, length = self.octets.beginnings(self.place, rows, until)
        names = [text.decode("utf-8", "replace") for text in texts]
        good = np.array([*map(known, names), False])[which]
        self.place = self.place + np.where(good, length, 0)
        values = pl.Series([*names, None], dtype=pl.String)
        if known is _is_level:
            values = values.str.to_lowercase()
        return values.gather(np.where(good, which, len(names))), good

    def skip(self, rows: Mask, text: bytes) -> Mask:
        """Whether the text stands there; the places move behind it."""
        if not rows.any():
            return rows
        found = rows & self.octets.stands(text, self.place)
        self.place = self.place + np.where(found, len(text), 0)
        return found

    def moments(self) -> tuple[pl.Series, Mask, Mask]:
        """The times of `2025-02-06 14:32:45,136 `, which fit, which have no `T`."""
        clock = self.octets.at(self.place, _CLOCK)
        values, fits = digits(clock["fraction"] >> np.uint64(32), "000 ")
        keys = [clock["date"], clock["hour"], clock["fraction"] & _LOW]
        seconds = by_run(keys, self._seconds)["local_time"]
        micros = pl.Series(number(values, 0) * 1000).cast(pl.Duration("us"))
        fits &= seconds.is_not_null().to_numpy()
        self.place = self.place + np.where(fits, _CLOCK.itemsize, 0)
        spaced = clock["hour"] >> np.uint64(16) & np.uint64(255) == np.uint64(ord(" "))
        return seconds + micros, fits, spaced

    def _seconds(self, first: Ints) -> pl.DataFrame:
        place, octets = self.place[first], self.octets
        start = pl.Series(place - octets.start[first])
        text = pl.col("line").str.slice(pl.lit(start), 20)
        return pl.DataFrame({"line": octets.lines.gather(first)}).select(
            local_time=iso_stamp(pl.when(text.str.contains(_SECONDS)).then(text))
        )


def _cut(lines: pl.Series) -> pl.DataFrame:
    """The lines of the plainest layouts, cut at their separators.

    `INFO STAMP [app] text`, `STAMP INFO text`, `STAMP INFO [app] text`,
    `STAMP INFO app: text` and `STAMP - app - INFO - text`.
    """
    cutter = _Cutter(lines)
    before, leads = cutter.names(np.ones(len(lines), np.bool_), b" ", _is_level)
    stamps, stamped, spaced = cutter.moments()
    leads &= stamped & spaced
    follows = stamped & before.is_null().to_numpy()
    dashed = cutter.skip(follows, b"- ")
    between, dashed = cutter.names(dashed, b" - ", _is_between)
    level, dashed = cutter.names(dashed, b" - ", _is_level)
    behind, follows = cutter.names(follows & ~dashed, b" ", _is_level)
    bracket = cutter.skip(leads | follows, b"[")
    logger, framed = cutter.names(bracket, b"] ", _is_logger)
    named, _ = cutter.names(follows & ~bracket, b": ", _is_before)
    rows = dashed | framed | (follows & ~bracket)
    rows &= cutter.place <= cutter.octets.end
    end = cutter.octets.end
    frame = cutter.octets.cuts(message=(np.where(rows, cutter.place, end), end))
    message = frame["message"]
    plain = message.str.contains(_PLAIN).to_numpy() | named.is_not_null().to_numpy()
    rows &= plain | _unnamed(rows & leads & ~plain, message)
    return frame.select(
        local_time=stamps,
        level=pl.coalesce(before, behind, level),
        logger=pl.coalesce(logger, named, between),
        message=message,
        refused=pl.when(~pl.lit(pl.Series(rows))).then(pl.lit("no stamp and level")),
        **{column.name: column for column in http_messages(message)},
    )


def _unnamed(rows: Mask, messages: pl.Series) -> Mask:
    """The rows whose text does not begin with more names."""
    found = rows.copy()
    if rows.any():
        more = messages.filter(pl.Series(rows)).str.contains(_MORE_NAMES)
        found[rows] = ~more.to_numpy()
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
    return _columns(head.drop("rest").with_columns(_around(head["rest"], _BETWEEN)))


def _prefixed(lines: pl.Series) -> pl.DataFrame:
    """The lines of several files in one, each behind its file's name."""
    return _stamp_first(prefix(lines, _FILE)["rest"])


def _slow(lines: pl.Series) -> pl.DataFrame:
    """The lines of any layout."""
    layouts = [_plainest, _level_first, _stamp_first, _prefixed]
    return first_that_parses(lines, layouts)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of lines with a stamp and a level."""
    found = first_that_parses(lines, [_cut, _slow], _HEAD)
    if not lines.str.starts_with("[").any():
        return found
    others = lines.str.contains(_OTHERS)
    taken = pl.when(others).then(pl.lit("another program's own layout"))
    return found.with_columns(refused=pl.coalesce("refused", taken))


FORMAT = Format(
    name="python_logging",
    title="application log",
    hop="application",
    reference="Python library, logging: Formatter; loguru, logback, log4j layouts",
    head=_HEAD,
    parse=parse,
    multiline=True,
)
