"""Rule: a clock that leaps or changes its zone inside a log."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, report, tally

_WHO = ["source", "hostname", "process", "stamp"]
#: What chrony, ntpd, systemd and the kernel write when they set the clock.
_SET = (
    r"(?i)\b(System clock (?:wrong by|was stepped)|clock was stepped|time stepped by"
    r"|System time stepped|time reset [+-]|step time server|Time has been changed"
    r"|setting system clock to)"
)


def _leaps(frames: Frames) -> pl.LazyFrame:
    """Neighbouring spans of one clock that differ in skew or in zone."""
    spans = frames.clocks.sort([*_WHO, "first_line"], nulls_last=True)
    before = {name: pl.col(name).shift(1).over(_WHO) for name in ("skew", "utc_offset")}
    leap = pl.col("skew") - before["skew"]
    shift = pl.col("utc_offset") - before["utc_offset"]
    times = frames.sources.select("source", "first_time", "last_time")
    rows = (
        spans.with_columns(leap=leap.round(1), shift=shift)
        .filter((pl.col("leap").abs() >= 2) | (pl.col("shift") != 0))
        .join(times, on="source", how="left")
        .with_columns(first="first_time", last="last_time")
    )
    leaps = pl.format("the clock leaps by {} s", "leap")
    zones = pl.format("the zone changes by {} h", pl.col("shift") / 3600)
    what = pl.when(pl.col("shift") != 0).then(zones).otherwise(leaps)
    return report(
        tally(rows, ["source", "first_line", "leap", "shift"]),
        summary=pl.format("{} line {}: {}", "source", "first_line", what),
        level="medium",
        ask_for=["chrony or ntp log of that host"],
    )


def _messages(frames: Frames) -> pl.LazyFrame:
    """Say what time daemons say of it themselves."""
    host = pl.col("hop") == "host"
    said = frames.telling.filter(host, pl.col("message").str.contains(_SET))
    return report(
        gather(frames, said, ["source"]),
        summary=pl.format(
            "{}: {} that the clock was set", "source", plural(pl.col("count"), "line")
        ),
        confidence="certain",
    )


def _query(frames: Frames) -> pl.LazyFrame:
    return pl.concat([_leaps(frames), _messages(frames)]).sort("summary")


_CLOCK = {"source": "app.log", "stamp": "event", "utc_offset": 0, "skew": 0.1}

RULE = Rule(
    id="clock-step",
    title="A clock leaps inside a log",
    level="low",
    description="From one line on the stamps differ from those of the other logs by "
    "another amount: the clock was set, or the host came back in another zone.",
    falsepositives=["A copy that joins two logs in one file"],
    references=["https://chrony-project.org/doc/4.6/chrony.conf.html"],
    tags=["clock"],
    query=_query,
    positives=[
        Example(
            title="skew",
            clocks=[
                _CLOCK | {"first_line": 1, "last_line": 50},
                _CLOCK | {"first_line": 51, "last_line": 90, "skew": 35.2},
            ],
        ),
        Example(
            title="zone",
            clocks=[
                _CLOCK | {"first_line": 1, "last_line": 50},
                _CLOCK | {"first_line": 51, "last_line": 90, "utc_offset": 32400},
            ],
        ),
        Example(
            title="chrony",
            events=[
                {
                    "hop": "host",
                    "process": "chronyd",
                    "message": "System clock was stepped by 35.2 seconds",
                }
            ],
        ),
    ],
    negatives=[
        Example(
            title="two clocks",
            clocks=[_CLOCK, _CLOCK | {"source": "b.log", "skew": 40.0}],
        ),
        Example(
            title="another message",
            events=[{"hop": "host", "message": "Selected source 192.0.2.1"}],
        ),
    ],
)
