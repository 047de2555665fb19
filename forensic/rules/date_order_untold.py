"""Rule: logs whose dates have two meanings: they have no time, or a supposed one."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, report, tally

_FORMATS = ["written_dates", "windows_csv", "windows_text"]
_ASK = ["more of the same log: a day after the 12th of a month tells the order"]


def _untold(frames: Frames) -> pl.LazyFrame:
    untold = frames.sources.with_columns(
        first="first_time", last="last_time", why=pl.lit("order")
    ).filter(
        pl.col("format").is_in(_FORMATS),
        pl.col("events") > 0,
        pl.col("first_time").is_null(),
    )
    return report(
        tally(untold, ["why"], tops=["source"]),
        summary=pl.format(
            "{} with dates such as 06/02/2025, of which none tells whether the day or"
            " the month comes first: their lines have no time, and answer no question"
            " that has one. {}",
            plural(pl.col("count"), "log"),
            "source_list",
        ),
        confidence="certain",
        ask_for=_ASK,
    )


def _assumed(frames: Frames) -> pl.LazyFrame:
    lines = frames.telling.filter(pl.col("flags").list.contains("order_assumed"))
    return report(
        gather(frames, lines, tops=["source"]),
        summary=pl.format(
            "{} with dates of which nothing tells whether the day or the month comes"
            " first: read as most people write them, the month before a clock with AM"
            " or PM, else the day. {}",
            plural(pl.col("count"), "line"),
            "source_list",
        ),
        confidence="weak",
        level="low",
        ask_for=_ASK,
    )


def _query(frames: Frames) -> pl.LazyFrame:
    return pl.concat([_untold(frames), _assumed(frames)])


def _source(**values: object) -> dict[str, object]:
    return {"source": "app.log", "format": "written_dates", "events": 3} | values


RULE = Rule(
    id="date-order-untold",
    title="Dates that can be read in two ways",
    level="medium",
    description="Countries differ in whether day or month come first.",
    falsepositives=["A log that has no stamps but a few dates in its text"],
    references=["https://cldr.unicode.org/translation/date-time/date-time-patterns"],
    tags=["clock"],
    query=_query,
    positives=[
        Example(title="one day", sources=[_source()]),
        Example(title="by custom", events=[{"flags": ["order_assumed"]}]),
    ],
    negatives=[
        Example(
            title="told by another line",
            sources=[_source(first_time="2025-02-06T14:32:07")],
        ),
        Example(title="another format", sources=[_source(format="app_json")]),
    ],
)
