"""When a record really was: its time on the reference clock."""

from typing import Any, NamedTuple

import polars as pl

from forensic.clock.pairs import MOST_SKEW
from forensic.clock.year import FILE_ALONE
from forensic.clock.zone import UTC_ASSUMED
from forensic.hops.machine import machine

__all__ = ["corrected", "doubtful", "guessed", "instant", "settled"]


def _applies(span: dict[str, Any]) -> pl.Expr:
    """The events that a row of the clock table speaks of."""
    held: pl.Expr = pl.col("source") == span["source"]
    held &= _stamped(str(span["stamp"]))
    for name in ("hostname", "process"):
        if span[name] is not None:
            held &= pl.col(name) == span[name]
    if span["first_line"] is not None:
        held &= pl.col("line") >= span["first_line"]
    if span["last_line"] is not None:
        held &= pl.col("line") <= span["last_line"]
    return held


def _stamped(stamp: str) -> pl.Expr:
    """The events whose time comes from that one of their two stamps."""
    own = pl.col("local_time").is_not_null()
    return own if stamp == "event" else ~own


def _micros(seconds: pl.Expr) -> pl.Expr:
    return (seconds * 1_000_000).round().cast(pl.Int64)


def _ahead(clocks: pl.DataFrame) -> pl.Expr:
    """Microseconds by which an event's clock is ahead of the reference."""
    # A clock that was right in another stretch has not one skew for the whole log.
    alone = pl.len().over("source", "stamp") == 1
    simple = pl.col("hostname").is_null() & pl.col("process").is_null() & alone
    known = _completed(clocks).with_columns(simple=simple)
    found = known.filter(pl.col("skew").is_not_null() & (pl.col("skew") != 0.0))
    expression = pl.lit(0, pl.Int64)
    for stamp in ("event", "envelope"):
        whole = found.filter("simple").filter(pl.col("stamp") == stamp)
        if whole.height:
            micros = whole.select(_micros(pl.col("skew"))).to_series()
            mapped = pl.col("source").replace_strict(
                whole["source"], micros, default=0, return_dtype=pl.Int64
            )
            expression = pl.when(_stamped(stamp)).then(mapped).otherwise(expression)
    order = ["source", "stamp", "hostname", "process", "first_line"]
    for span in found.filter(~pl.col("simple")).sort(order).to_dicts():
        micros_ahead = round(float(span["skew"]) * 1_000_000)
        expression = pl.when(_applies(span)).then(micros_ahead).otherwise(expression)
    return expression.cast(pl.Int64)


#: A skew is known where its bounds (seconds) are no further apart than this.
_KNOWN = 4.0
_OUTER = ["cdn", "waf", "load_balancer"]


def settled(clocks: pl.DataFrame, sources: pl.DataFrame) -> pl.DataFrame:
    """The clock table, with skews that are mere guesses replaced.

    A log with few lines gives a skew between bounds that are far apart, or none. Logs
    of one machine share its clock, so such a log takes the skew of its neighbours:
    those in the same top folder, else all logs of the inner hops where these agree.
    """
    outer = sources.filter(pl.col("hop").is_in(_OUTER))["source"]
    width = pl.col("skew_high") - pl.col("skew_low")
    known = pl.col("skew").is_not_null() & (width.fill_null(0.0) <= _KNOWN)
    inner = ~pl.col("source").is_in(outer.implode())
    # An offset that is not the clock's is one program's doing, not the machine's.
    own = pl.col("skew").abs() >= MOST_SKEW
    good = pl.when(known & inner & ~own).then("skew")
    agreed = good.max() - good.min() <= _KNOWN / 2
    near = good.median().over(machine(pl.col("source")))
    replaced = pl.coalesce(near, pl.when(agreed).then(good.median()), pl.lit(0.0))
    # Between such bounds may be none at all: then the log is no further off than that.
    none = (pl.col("skew_low") <= 0.0) & (pl.col("skew_high") >= 0.0)
    return clocks.with_columns(
        skew=pl.when(none & known)
        .then(pl.lit(0.0))
        .when(inner & ~known)
        .then(replaced)
        .when(pl.col("skew").is_not_null() & ~known)
        .then(pl.lit(0.0))
        .otherwise("skew")
    )


def doubtful(clocks: pl.DataFrame) -> list[str]:
    """The sources whose zone is a guess: their lines may be hours from where they seem.

    Where UTC is assumed of all logs alike, they stand right beside each other at least.
    """
    sure = pl.col("confidence").is_in(["certain", "strong"])
    alike = bool((clocks["basis"] == "assumed").all())
    guessed = ~sure & pl.lit(not alike)
    found = clocks.filter(guessed.all().over("source"))["source"]
    return found.unique().sort().to_list()


class Guessed(NamedTuple):
    """The sources whose zone nothing tells, and those whose year nothing tells."""

    zones: list[str]
    years: list[str]


def guessed(clocks: pl.DataFrame) -> Guessed:
    """What is a guess of the clocks: UTC, or the year of the file's own time."""
    found = clocks.filter(pl.col("basis").cast(pl.String) == "assumed")
    told = pl.col("detail").fill_null(UTC_ASSUMED)
    zones, years = (
        found.filter(told.str.contains(word, literal=True))["source"].unique().sort()
        for word in (UTC_ASSUMED, FILE_ALONE)
    )
    return Guessed(zones.to_list(), years.to_list())


def _completed(clocks: pl.DataFrame) -> pl.DataFrame:
    """The clock table with one machine's lead given to both stamps of its files."""
    own = (
        clocks.filter((pl.col("stamp") == "event") & pl.col("skew").is_not_null())
        .group_by("source")
        .agg(machine=pl.col("skew").median())
    )
    return clocks.join(
        own, on="source", how="left", maintain_order="left"
    ).with_columns(
        skew=pl.when(pl.col("stamp") == "envelope")
        .then(pl.coalesce("skew", "machine"))
        .otherwise("skew")
    )


def corrected(clocks: pl.DataFrame) -> tuple[pl.Expr, pl.Expr]:
    """`time` and `start_time` in µs since 1970, less the lead of their clock."""
    ahead = _ahead(clocks)
    return (
        pl.col("time").dt.epoch("us") - ahead,
        pl.col("start_time").dt.epoch("us") - ahead,
    )


def instant(clocks: pl.DataFrame) -> pl.Expr:
    """`time` as a moment in UTC, less the lead of its clock."""
    micros, _ = corrected(clocks)
    return pl.from_epoch(micros, time_unit="us").dt.replace_time_zone("UTC")
