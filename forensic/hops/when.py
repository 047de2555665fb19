"""The time that a person typed ▶ a span on a wall clock, its zone, and what it lacks.

People copy stamps from browsers and logs, or say what they saw on a clock: any form
that can be read in one way only is read.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from forensic.errors import UsageError
from forensic.zones import ABBREVIATIONS, MONTHS

__all__ = ["When", "read", "zone_name"]

_NAME = f"(?P<name>{'|'.join(MONTHS)})[a-z]*"
_YEAR = r"(?P<year>\d{4})(?!\d)"
_WEEKDAY = re.compile(r"(?i)(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+")
#: Dates of which each part is what it must be.
_DATES = [
    re.compile(rf"(?i){text}")
    for text in (
        r"(?P<year>\d{4})([-/.])(?P<month>\d\d?)\2(?P<day>\d\d?)",
        # With dots the day comes first, wherever people write so.
        r"(?P<day>\d\d?)\.(?P<month>\d\d?)\.(?P<year>\d{4})(?!\d)",
        rf"(?P<day>\d\d?)[ /-]{_NAME}(?:[ /-]{_YEAR})?",
        r"(?:(?P<year>\d{4})年 ?)?(?P<month>\d\d?)月 ?(?P<day>\d\d?)日",
        rf"{_NAME} (?P<day>\d\d?)(?![\d:])(?:,? {_YEAR})?",
    )
]
#: Of these the day is told where it is above 12: 06/02/2025 has two meanings.
_EITHER = re.compile(r"(\d\d?)([/-])(\d\d?)\2(\d{4})(?!\d)")
_KANJI = re.compile(r"(\d\d?)時 ?(\d\d?)分(?: ?(\d\d?)秒)?")
#: Halves of the day stand in front of the clock there.
_HALF = re.compile(r"午([前後]) ?([0-9:]+)")
#: As names of files have it.
_PACKED = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)?(?!\d)")
#: Who says so means a minute more or less, as all do.
_VAGUE = re.compile(
    r"(?i)[~≈]|\b(?:about|around|approx(?:imately)?\b\.?|ca\b\.?)|頃|ごろ"
)
_CLOCK = re.compile(
    r"(?i)(?P<hour>\d\d?)(?::(?P<minute>\d\d)(?::(?P<second>\d\d(?:[.,]\d+)?))?)?"
    r"(?:\s*(?P<half>[ap])\.?m\.?(?![a-z]))?"
)
#: Longer than this nobody says that it was "from to".
_SPAN = timedelta(hours=12)
#: What parts the two times of a span. In `10:12~10:15` the mark was taken for a word.
_TO = re.compile(
    r"(?i)\s*(?:(?P<hyphen>-)(?=\d)|\s-\s|[–—〜]|to\b|until\b|から| (?=\d))\s*"
)
#: The offsets west of Greenwich that there are.
_OFFSET_KEPT = re.compile(r"\s*-(?:(?:0\d|1[0-2]|\d):00|0?9:30|0?[23]:30)\b")
#: A zone alone in brackets, not what a browser puts behind an offset.
_BRACKETS = re.compile(r"^\(([A-Za-z0-9/_+:-]+)\)$")
_EPOCH = re.compile(r"(\d{10})(?:\.(\d{1,6})|(\d{3})|(\d{6}))?")
_OFFSET = re.compile(r"(?i)(?:utc|gmt)?\s*([+-])(\d\d?)(?::?(\d\d))?(?:\s*\(.*\))?")
#: Abbreviations of several zones, as most people mean them.
_USUAL = {"PST": -8.0, "CST": -6.0, "IST": 5.5}
_LONGEST = timedelta(hours=14)
#: Of others, a zone or a span around may leave the calendar.
_YEARS = range(1900, 9000)
_HELP = "write 2025-02-06 14:32 +09:00"


def zone_name(offset: int) -> str:
    """`UTC+09:00` for that many seconds east of UTC."""
    sign, size = "-" if offset < 0 else "+", abs(offset)
    return f"UTC{sign}{size // 3600:02}:{size % 3600 // 60:02}"


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A span of time as it was said."""

    #: On the wall clock; in 1972 (a leap year) where no year was said.
    start: datetime
    size: timedelta
    zone: tzinfo | None = None
    #: What was left out: `date`, `year`, or nothing.
    lacks: str = ""
    #: How something was read that has two meanings.
    note: str = ""


def read(text: str) -> When:
    """What a text means; raises UsageError where that is unknown or not one thing."""
    bare = _VAGUE.sub(" ", unicodedata.normalize("NFKC", text))
    bare = " ".join(bare.split()).removeprefix("[").removesuffix("]")
    epoch = _EPOCH.fullmatch(bare)
    if epoch is not None:
        fraction = epoch[2] or epoch[3] or epoch[4] or "0"
        start = datetime.fromtimestamp(int(epoch[1]), UTC)
        start += timedelta(microseconds=int(f"{fraction:0<6}"))
        return When(start=start.replace(tzinfo=None), size=_second(), zone=UTC)
    bare = _KANJI.sub(_colons, _WEEKDAY.sub("", bare, count=1))
    bare = _HALF.sub(_western, bare).replace("日本時間", "JST")
    bare = _PACKED.sub(_spaced, bare, count=1)
    bare = _EITHER.sub(_told, bare, count=1)
    day, lacks, rest = _date(bare, text)
    clock, size, rest = _clock(rest, text, alone=lacks == "date")
    size, rest = _until(clock, size, rest, text)
    zone, note = _zone(_BRACKETS.sub(r"\1", rest.strip()), text)
    return When(start=day + clock, size=size, zone=zone, lacks=lacks, note=note)


def _colons(clock: re.Match[str]) -> str:
    """A time of day as clocks show it."""
    return ":".join(f"{part:0>2}" for part in clock.groups() if part)


def _western(clock: re.Match[str]) -> str:
    """A time of day with its half behind it."""
    return f"{clock[2]} {'a' if clock[1] == '前' else 'p'}m"


def _spaced(stamp: re.Match[str]) -> str:
    """A stamp without marks between its parts, with them."""
    year, month, day, *clock = (part for part in stamp.groups() if part)
    return f"{year}-{month}-{day}T{':'.join(clock)}"


def _told(date: re.Match[str]) -> str:
    """A date of two numbers and a year, as ISO has it; raises UsageError."""
    first, second, year = int(date[1]), int(date[3]), date[4]
    if first != second and max(first, second) <= 12:
        message = (
            f"{date[0]} may be {year}-{first:02}-{second:02} or"
            f" {year}-{second:02}-{first:02}: write one of them"
        )
        raise UsageError(message)
    day, month = max(first, second), min(first, second)
    return f"{year}-{month:02}-{day:02}"


def _second() -> timedelta:
    return timedelta(seconds=1)


def _date(bare: str, text: str) -> tuple[datetime, str, str]:
    """The day, what it lacks, and what follows it."""
    found = next((m for m in (d.match(bare) for d in _DATES) if m), None)
    if found is None:
        return datetime(1972, 1, 1), "date", bare  # noqa: DTZ001 (a wall clock's)
    parts = found.groupdict()
    name = parts.get("name")
    month = int(MONTHS[name.capitalize()]) if name else int(parts["month"])
    rest = bare[found.end() :]
    late = re.search(r"^(.* )(\d{4})$", rest) if not parts["year"] else None
    if late is not None:  # as `date` prints it: the year at the end
        parts["year"], rest = late[2], late[1]
    year = int(parts["year"] or 1972)
    try:
        day = datetime(year if year in _YEARS else 0, month, int(parts["day"]))  # noqa: DTZ001
    except ValueError as error:
        message = f"no such time: {text!r}"
        raise UsageError(message) from error
    return day, "" if parts["year"] else "year", rest


def _clock(rest: str, text: str, *, alone: bool) -> tuple[timedelta, timedelta, str]:
    """Time since midnight, how long the span is, and what follows."""
    bare = re.sub(r"^(?:,? at |[T:,]| )\s*", "", rest, count=1)
    found = _CLOCK.match(bare)
    if found is None or (found["minute"] is None and found["half"] is None):
        if alone:
            message = f"cannot read the time {text!r}: {_HELP}"
            raise UsageError(message)
        return timedelta(0), timedelta(days=1), rest
    hour, half = int(found["hour"]), found["half"]
    minute, second = int(found["minute"] or 0), found["second"] or "0"
    if hour > (12 if half else 23) or (half and not hour) or minute > 59:
        message = f"no such time: {text!r}"
        raise UsageError(message)
    if half:
        hour = hour % 12 + 12 * (half.lower() == "p")
    seconds = float(second.replace(",", "."))
    if seconds >= 61:
        message = f"no such time: {text!r}"
        raise UsageError(message)
    size = _second() if found["second"] else timedelta(minutes=1)
    if found["minute"] is None:
        size = timedelta(hours=1)
    since = timedelta(hours=hour, minutes=minute, seconds=seconds)
    return since, size, bare[found.end() :]


def _until(
    since: timedelta, size: timedelta, rest: str, text: str
) -> tuple[timedelta, str]:
    """How long the span is where a later time of day ends it, and what follows that.

    Behind a bare hyphen it may be an offset: one that some zone keeps is read so.
    """
    found = _TO.match(rest)
    if found is None or (found["hyphen"] and _OFFSET_KEPT.match(rest)):
        return size, rest
    end, tail, after = _clock(rest[found.end() :], text, alone=False)
    if end <= since:  # it may be past midnight
        end += timedelta(days=1)
    if tail > timedelta(minutes=1) or end - since > _SPAN:
        return size, rest
    return end - since + tail, after


def _zone(name: str, text: str) -> tuple[tzinfo | None, str]:
    """The zone that the rest of a text names, and how it was read."""
    if not name:
        return None, ""
    found = _OFFSET.fullmatch(name)
    if found is not None:
        minutes = int(found[3] or 0)
        size = timedelta(hours=int(found[2]), minutes=minutes)
        if size > _LONGEST or minutes % 15:
            message = f"{name} is no zone offset"
            raise UsageError(message)
        return timezone(-size if found[1] == "-" else size), ""
    known = ABBREVIATIONS.get(name.upper())
    if known is not None or name.upper() == "Z":
        return timezone(timedelta(seconds=known or 0)), ""
    usual = _USUAL.get(name.upper())
    if usual is not None:
        note = f"{name.upper()} is read as {zone_name(int(usual * 3600))}."
        return timezone(timedelta(hours=usual)), note
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+/-]*", name):
        message = f"cannot read the time {text!r}: {_HELP}"
        raise UsageError(message)
    try:
        return ZoneInfo(name), ""
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"unknown time zone {name!r}: give an offset such as +09:00"
        raise UsageError(message) from error
