"""What the user says about clocks, and how a zone is written."""

import datetime as dt
import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from forensic.archive import means
from forensic.errors import UsageError

__all__ = ["Overrides", "chosen", "is_named", "offset_text", "zone_offset"]

T = TypeVar("T")

_WRITTEN = re.compile(r"^([+-])(\d{2}):?(\d{2})$")
_UNIVERSAL = {"UTC", "GMT", "Z", "UCT", "Zulu", "Etc/UTC", "Etc/GMT", "Etc/UCT"}


@dataclass(frozen=True, slots=True)
class Overrides:
    """The `--tz GLOB=ZONE` and `--year GLOB=YYYY` options, in the order given."""

    tz: tuple[tuple[str, str], ...] = ()
    year: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        """Refuse a zone that nobody can compute with, and a year that no log has."""
        for _, zone in self.tz:
            if zone_offset(zone, dt.datetime(2025, 1, 1)) is None:  # noqa: DTZ001 - naive on purpose
                message = f"{zone!r} is no zone: write +09:00, UTC or Asia/Tokyo"
                raise UsageError(message)
        for _, year in self.year:
            if not 1970 <= year <= 2100:
                message = f"{year} is no year of a log: write 1970 to 2100"
                raise UsageError(message)


def chosen(rules: Sequence[tuple[str, T]], source: str) -> T | None:
    """Value of the last rule whose glob matches the path or its file name."""
    found = None
    for glob, value in rules:
        if means(glob, source):
            found = value
    return found


def offset_text(seconds: int) -> str:
    """`+09:00` for 32400."""
    sign = "-" if seconds < 0 else "+"
    hours, rest = divmod(abs(seconds), 3600)
    return f"{sign}{hours:02d}:{rest // 60:02d}"


def is_named(zone: str | None) -> bool:
    """Whether the text is a name with rules (Europe/Berlin), not a fixed offset."""
    return zone is not None and not _WRITTEN.match(zone) and zone not in _UNIVERSAL


def zone_offset(zone: str, local: dt.datetime) -> int | None:
    """Seconds east of UTC that the zone has at a local time; None if it is no zone.

    Abbreviations such as IST or EST name several zones and are refused.
    """
    if zone in _UNIVERSAL:
        return 0
    written = _WRITTEN.match(zone)
    if written:
        sign, hours, minutes = written.groups()
        seconds = int(hours) * 3600 + int(minutes) * 60
        if int(minutes) > 59 or seconds > 14 * 3600:
            return None
        return -seconds if sign == "-" else seconds
    if "/" not in zone:
        return None
    try:
        offset = zoneinfo.ZoneInfo(zone).utcoffset(local)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return None if offset is None else int(offset.total_seconds())
