"""Rule: a clock that is ahead of the others, or behind."""

import polars as pl

from forensic.clock.pairs import MOST_SKEW
from forensic.rule import Example, Frames, Rule, report, tally

#: Seconds that are worth a word beyond what the stamps' resolution explains.
_LEAST = 1.0


def _query(frames: Frames) -> pl.LazyFrame:
    sure = (pl.col("skew_low") > _LEAST) | (pl.col("skew_high") < -_LEAST)
    times = frames.sources.select("source", "first_time", "last_time")
    size = pl.col("skew").abs()
    rows = (
        frames.clocks.filter(sure)
        .join(times, on="source", how="left")
        .with_columns(
            first="first_time",
            last="last_time",
            size=size.round(1),
            side=pl.when(pl.col("skew") > 0)
            .then(pl.lit("ahead of"))
            .otherwise(pl.lit("behind")),
            belied=size >= MOST_SKEW,
            width=((pl.col("skew_high") - pl.col("skew_low")) / 2).round(1),
            weight=pl.when(size >= 60)
            .then(pl.lit("high"))
            .when(size >= 5)
            .then(pl.lit("medium")),
        )
    )
    keys = ["source", "size", "side", "width", "weight", "zone", "belied"]
    return report(
        tally(rows, keys),
        summary=pl.when("belied").then(_belied()).otherwise(_skewed()),
        level=pl.col("weight"),
        ask_for=["chronyc tracking or timedatectl of that host"],
    )


def _skewed() -> pl.Expr:
    return pl.format(
        "{} is {} s {} the reference clock (±{} s): the order of its lines and of "
        "those of other hosts is not that of their stamps",
        "source",
        "size",
        "side",
        "width",
    )


def _belied() -> pl.Expr:
    """What is said where the stamps are as far off as zones are apart."""
    hours = (pl.col("size") / 3600).round(2).cast(pl.String).str.strip_suffix(".0")
    return pl.format(
        "{} writes {}, and its stamps are {} h {} those that other logs have of the "
        "same requests: they are in another zone than they say, or the clock is wrong",
        "source",
        pl.col("zone").fill_null("an offset"),
        hours,
        "side",
    )


_CLOCK = {
    "source": "app.log",
    "stamp": "event",
    "skew": 40.1,
    "skew_low": 39.6,
    "skew_high": 40.6,
}

RULE = Rule(
    id="clock-skew",
    title="The clock of a host is wrong",
    level="low",
    description="The same requests stand in two logs, and their stamps differ by more "
    "than the time that they took. The reference is the outermost log; the skew is "
    "allowed for when requests are matched, and is not taken off the times shown.",
    falsepositives=["Requests that wait that long between the two hops"],
    references=["https://www.rfc-editor.org/rfc/rfc5905"],
    tags=["clock"],
    query=_query,
    positives=[
        Example(title="40 seconds ahead", clocks=[_CLOCK]),
        Example(
            title="local time with a Z",
            clocks=[
                _CLOCK
                | {"skew": 32400.1, "skew_low": 32399.6, "skew_high": 32400.6}
                | {"zone": "+00:00"}
            ],
        ),
        Example(
            title="behind",
            clocks=[_CLOCK | {"skew": -3.0, "skew_low": -3.5, "skew_high": -2.5}],
        ),
    ],
    negatives=[
        Example(
            title="within the resolution",
            clocks=[_CLOCK | {"skew": 1.2, "skew_low": 0.2, "skew_high": 2.2}],
        ),
        Example(
            title="unknown",
            clocks=[_CLOCK | {"skew": None, "skew_low": None, "skew_high": None}],
        ),
    ],
)
