"""Whether a log's dates such as `06/02/2025` have the day first or the month.

A date alone may not tell; the dates of a log together mostly do. A number above 12 is
a day. Where there is none, the order under which the log goes on from day to day is
the right one: the wrong one leaps from month to month.
"""

import re
from datetime import date
from itertools import pairwise

import polars as pl

__all__ = ["date_order", "day_in_name", "is_assumed", "iso_date", "whole_clock"]

#: Two numbers, the year, and a clock behind it.
_DATE = re.compile(
    rb"(?<![0-9/.-])([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4})[ ,T]{1,2}[0-9]{1,2}:"
)
#: A day in the name of a file or folder: `shop-2025-02-06.log`, `log20250206.txt`.
_DAY = re.compile(
    r"(?<![0-9])(20[0-9]{2})([-_]?)(0[1-9]|1[0-2])\2(0[1-9]|[12][0-9]|3[01])(?![0-9])"
)
#: So much nearer to that day the right reading is than the wrong one.
_NEARER = 3
#: Where no line has such a date so early, the file is of another kind.
_EARLY = 4 << 10
_MONTHS = 12
_HOURS = 12
#: So much further the wrong order leaps than the right one.
_LEAPS = 5


def date_order(head: bytes) -> str:
    """`dmy` or `mdy` for the dates in a file's first bytes; empty where none tells."""
    if not _DATE.search(head, 0, _EARLY):
        return ""
    dates = [(int(a), int(b), int(y)) for a, _, b, y in _DATE.findall(head)]
    days_first = any(first > _MONTHS for first, _, _ in dates)
    months_first = any(second > _MONTHS for _, second, _ in dates)
    if days_first or months_first:
        return "" if days_first and months_first else "dmy" if days_first else "mdy"
    as_days, as_months = (_leaps(dates, order) for order in ("dmy", "mdy"))
    if as_days == as_months:
        return ""
    order, less, more = (
        ("dmy", as_days, as_months)
        if as_days < as_months
        else ("mdy", as_months, as_days)
    )
    return order if less * _LEAPS < more else ""


def _leaps(dates: list[tuple[int, int, int]], order: str) -> int:
    """How many days lie between each date and the next, all in all."""
    try:
        read = [date(y, *((b, a) if order == "dmy" else (a, b))) for a, b, y in dates]
    except ValueError:  # no such day
        return 1 << 30
    return sum(abs((after - before).days) for before, after in pairwise(read))


def day_in_name(source: str) -> str:
    """The last day that the path of a file names as ISO has it; empty without one."""
    days = _DAY.findall(source)
    return "-".join((days[-1][0], *days[-1][2:])) if days else ""


def iso_date(numbers: pl.Expr, order: str, half: pl.Expr) -> pl.Expr:
    """`06/02/2025` as ISO has it; null where the order is unknown and it does not tell.

    The order may be a day: the reading that is much nearer to it is the right one.
    Where nothing tells, the day comes first with dots and dashes, and the month before
    a clock with a `half` of the day: so people write, most of them. Whoever reads a
    date so has to say it, see `is_assumed`.
    """
    year, a, b = _parts(numbers)
    day = pl.coalesce(_told(numbers, order), _customary(numbers, half))
    month = pl.when(day == a).then(b).otherwise(a)
    return pl.concat_str(year, month, day, separator="-")


def is_assumed(numbers: pl.Expr, order: str, half: pl.Expr) -> pl.Expr:
    """Whether custom alone tells which number of a date is the day."""
    customary = _customary(numbers, half).is_not_null()
    return customary & _told(numbers, order).is_null()


def _parts(numbers: pl.Expr) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """The year, and the two numbers before it."""
    groups = numbers.str.extract_groups(
        r"^([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})$"
    ).struct
    a, b, year = (groups.field(str(n)) for n in (1, 2, 3))
    return year, a.str.zfill(2), b.str.zfill(2)


def _told(numbers: pl.Expr, order: str) -> pl.Expr:
    """The day, where the file's order, the numbers or a day near by tell it."""
    year, a, b = _parts(numbers)
    if order in {"dmy", "mdy"}:
        return a if order == "dmy" else b
    sure = pl.when(a > "12").then(a).when((b > "12") | (a == b)).then(b)
    return pl.coalesce(sure, _nearer(year, a, b, order)) if order else sure


def _customary(numbers: pl.Expr, half: pl.Expr) -> pl.Expr:
    """The day, as most people write it; null where they differ."""
    _, a, b = _parts(numbers)
    slashes = numbers.str.contains("/", literal=True)
    return pl.when(half.is_not_null()).then(b).when(~slashes).then(a)


def _nearer(year: pl.Expr, a: pl.Expr, b: pl.Expr, near: str) -> pl.Expr:
    """Which of the two is the day if the date is near another; null for neither."""
    known = pl.lit(near).str.to_date("%Y-%m-%d", strict=False)
    first, second = (
        (pl.concat_str(year, month, day).str.to_date("%Y%m%d", strict=False) - known)
        .dt.total_days()
        .abs()
        for day, month in ((a, b), (b, a))
    )
    return (
        pl.when(first * _NEARER < second).then(a).when(second * _NEARER < first).then(b)
    )


def whole_clock(clock: pl.Expr, half: pl.Expr) -> pl.Expr:
    """`2:32:07` and `PM` as `14:32:07`; the clock alone has two digits for its hour."""
    hour = clock.str.extract(r"^([0-9]{1,2})").cast(pl.Int64, strict=False)
    mark = half.str.to_lowercase().str.extract("([ap])")
    full = mark.is_null() | (hour > _HOURS)  # 14:32 PM is 14:32
    whole = pl.when(full).then(hour).otherwise(hour % 12 + 12 * (mark == "p"))
    return whole.cast(pl.String).str.zfill(2) + clock.str.extract(r"^[0-9]{1,2}(.*)$")
