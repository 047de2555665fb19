"""Numbers as people write them: `1 request`, `2 requests`; `3 hours and 1 minute`."""

from typing import overload

import polars as pl

__all__ = ["apart", "plural"]

#: In minutes.
_HOUR = 60


@overload
def plural(count: int, noun: str) -> str: ...
@overload
def plural(count: pl.Expr, noun: str) -> pl.Expr: ...
def plural(count: int | pl.Expr, noun: str) -> str | pl.Expr:
    """The number with its noun, of each row where it is a column."""
    if isinstance(count, int):
        return f"{count} {noun}{'' if count == 1 else 's'}"
    ending = pl.when(count != 1).then(pl.lit("s")).otherwise(pl.lit(""))
    return pl.format("{} {}{}", count, pl.lit(noun), ending)


def apart(seconds: float) -> str:
    """A distance in time as people say it."""
    minutes = round(seconds / 60)
    if not minutes:
        return plural(round(seconds), "second")
    return plural(minutes, "minute") if minutes < _HOUR else _hours(minutes)


def _hours(minutes: int) -> str:
    """Hours and minutes, the latter where there are some."""
    hours, rest = divmod(minutes, _HOUR)
    return plural(hours, "hour") + (f" and {plural(rest, 'minute')}" if rest else "")
