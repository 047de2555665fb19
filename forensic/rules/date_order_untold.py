"""Rule: logs whose dates have two meanings, so that their lines have no time."""

import polars as pl

from forensic.rule import Example, Frames, Rule, plural, report, tally

_FORMATS = ["written_dates", "windows_csv", "windows_text"]


def _query(frames: Frames) -> pl.LazyFrame:
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
        ask_for=[
            "more of the same log: a day after the 12th of a month tells the order"
        ],
    )


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
    positives=[Example(title="one day", sources=[_source()])],
    negatives=[
        Example(
            title="told by another line",
            sources=[_source(first_time="2025-02-06T14:32:07")],
        ),
        Example(title="another format", sources=[_source(format="app_json")]),
    ],
)
