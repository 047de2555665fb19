"""What a user saw: when, which status, on which path."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from forensic.errors import UsageError

__all__ = ["Question", "zone_name"]

_AT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d)(:\d\d(?:[.,]\d+)?)?)?"
    r"\s*(Z|[+-]\d\d(?::?\d\d)?|[A-Za-z][A-Za-z0-9_+/-]*)?"
)
#: Abbreviations that mean one zone only.
_ABBREVIATIONS = {"UTC": 0, "GMT": 0, "Z": 0, "JST": 9, "KST": 9, "CET": 1, "CEST": 2}


def zone_name(offset: int) -> str:
    """`UTC+09:00` for that many seconds east of UTC."""
    sign, size = "-" if offset < 0 else "+", abs(offset)
    return f"UTC{sign}{size // 3600:02}:{size % 3600 // 60:02}"


def _zone(text: str) -> timezone | ZoneInfo:
    """The zone that a text names."""
    if text.upper() in _ABBREVIATIONS:
        return timezone(timedelta(hours=_ABBREVIATIONS[text.upper()]))
    if text[0] in "+-":
        hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
        size = timedelta(hours=hours, minutes=minutes)
        if size > timedelta(hours=14) or minutes > 59:
            message = f"{text} is no zone offset"
            raise UsageError(message)
        return timezone(-size if text[0] == "-" else size)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as error:
        message = f"unknown time zone {text!r}: give an offset such as +09:00"
        raise UsageError(message) from error


def _glob(path: str) -> str:
    """The regular expression of a path pattern: `*` any text, `?` one character.

    What browsers encode on the way fits either way: `é`, `%C3%A9` and `%c3%a9`.
    """
    parts = {"*": ".*", "?": ".", " ": r"(?: |%20|\+)"}
    return "".join(parts.get(c) or _either(c) for c in path)


def _either(character: str) -> str:
    """A character as it is, or as a browser sends it."""
    if character.isascii():
        return re.escape(character)
    return f"(?:{character}|(?i:{_escaped(character)}))"


def _escaped(character: str) -> str:
    """Return the character's bytes as `%xx`."""
    return "".join(f"%{byte:02x}" for byte in character.encode())


_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")


def _path(written: str) -> str:
    """The path of what may be a whole address, as copied from a browser."""
    bare = _ADDRESS.sub("", written.strip(), count=1) if "://" in written else written
    return bare.partition("#")[0] or "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One error that somebody saw; what is not known is None."""

    #: The time as it was given.
    at: str | None = None
    #: The span that it means, UTC; where no zone was given, as if it were UTC.
    start: datetime | None = None
    end: datetime | None = None
    zone_written: bool = True
    #: Seconds east of UTC of the zone in which the time is read.
    offset: int = 0
    status: int | None = None
    #: A pattern; `*` and `?` as in a shell.
    path: str | None = None
    #: Whether case and a slash at the end of the path make no difference.
    loose: bool = False

    @classmethod
    def parse(
        cls, at: str | None = None, status: int | None = None, path: str | None = None
    ) -> "Question":
        """The question of `--at`, `--status`, `--path`; raises UsageError.

        `2025-02-06 14:32 +09:00` means that minute, with seconds that second, a day
        alone the whole day.
        """
        if status is not None and not 100 <= status <= 999:
            message = f"{status} is no HTTP status"
            raise UsageError(message)
        if at is None:
            return cls(status=status, path=path and _path(path))
        found = _AT.fullmatch(at.strip())
        if found is None:
            message = f"cannot read the time {at!r}: write 2025-02-06 14:32 +09:00"
            raise UsageError(message)
        day, minute, second, zone = found.groups()
        text = f"{day} {minute or '00:00'}{second or ''}".replace(",", ".")
        try:
            naive = datetime.fromisoformat(text)
        except ValueError as error:
            message = f"no such time: {at!r}"
            raise UsageError(message) from error
        size = (
            timedelta(seconds=1)
            if second
            else timedelta(minutes=1)
            if minute
            else timedelta(days=1)
        )
        local = naive.replace(tzinfo=_zone(zone) if zone else UTC)
        start = local.astimezone(UTC)
        return cls(
            at=at.strip(),
            start=start,
            end=start + size,
            zone_written=zone is not None,
            offset=round((local.utcoffset() or timedelta(0)).total_seconds()),
            status=status,
            path=path and _path(path),
        )

    def placed(self, offset: int) -> "Question":
        """The question with its wall-clock time read `offset` seconds east of UTC."""
        if self.start is None or self.end is None or self.zone_written:
            return self
        shift = timedelta(seconds=offset)
        start, end = self.start - shift, self.end - shift
        return replace(self, start=start, end=end, offset=self.offset + offset)

    def matches_path(self) -> pl.Expr:
        """Whether `path`, alone or with its query, is the one asked for."""
        if self.path is None:
            return pl.lit(value=True)
        pattern = f"^{_glob(self.path)}$"
        if self.loose:
            pattern = f"(?i)^{_glob(self.path.rstrip('/'))}/?$"
        whole = pl.concat_str("path", pl.lit("?"), pl.col("query").fill_null(""))
        found = pl.col("path").str.contains(pattern) | whole.str.contains(pattern)
        return found.fill_null(value=False)

    def within(self, moment: pl.Expr, slack: timedelta = timedelta(0)) -> pl.Expr:
        """Whether a moment lies in the span, or that near to it."""
        if self.start is None or self.end is None:
            return pl.lit(value=True)
        low, high = self.start - slack, self.end + slack
        return ((moment >= low) & (moment < high)).fill_null(value=False)
