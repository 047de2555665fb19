"""Moments as people read them: UTC, or the local time of the machines that logged."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

from forensic.case import Case
from forensic.census import of_case
from forensic.hops.meant import dominant_offset

__all__ = [
    "local_offset",
    "minute",
    "moment",
    "set_right",
    "stamp",
    "zone_name",
]

_NOISE = timedelta(seconds=1)


def moment(value: object) -> datetime | None:
    """The UTC moment of an ISO text or a datetime; None for anything else."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def stamp(value: object, offset: int | None = 0) -> str:
    """A moment as `2025-02-06 14:32:07 +09:00`; what is no moment as it is."""
    when = moment(value)
    if when is None:
        return "" if value is None else str(value)
    local = _local(when, offset)
    zone = f" {zone_name(offset)}" if local.utcoffset() else "Z"
    return f"{_date(local)}:{local:%S}{zone}"


def set_right(step: Mapping[str, object]) -> object:
    """When a step was by the reference clock, where its own was a second or more off.

    None elsewhere: what is less lies within the noise of whole seconds.
    """
    own, reference = moment(step.get("time")), moment(step.get("corrected"))
    if own is None or reference is None or abs(own - reference) < _NOISE:
        return None
    return reference


def minute(value: object, offset: int | None) -> str:
    """A moment to the minute, without its zone, for tables that name the zone once."""
    when = moment(value)
    return _date(_local(when, offset)) if when else ""


def zone_name(offset: int | None) -> str:
    """The zone of an offset: `+09:00`, or `UTC`."""
    if not offset:
        return "UTC"
    sign, whole = "-" if offset < 0 else "+", abs(offset)
    return f"{sign}{whole // 3600:02}:{whole % 3600 // 60:02}"


def _zone_of(offset: int | None) -> timezone:
    """The zone of an offset; UTC for none."""
    return timezone(timedelta(seconds=offset or 0))


def _date(local: datetime) -> str:
    """To the minute; years before 1000 keep four digits (strftime drops them)."""
    return f"{local.year:04}-{local:%m-%d %H:%M}"


def _local(when: datetime, offset: int | None) -> datetime:
    try:
        return when.astimezone(_zone_of(offset))
    except (ValueError, OverflowError):
        return when


def local_offset(case: Case) -> int | None:
    """Seconds east of UTC of the zone that the servers' people read; None for UTC.

    The same zone in which a question without a zone is understood.
    """
    clocks = case.table("clocks").collect()
    return dominant_offset(case.events(), of_case(case), clocks) or None
