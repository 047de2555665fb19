"""Rule: stamps without a year, and where their year comes from."""

import polars as pl

from forensic.rotation import log_of
from forensic.rule import Example, Frames, Rule, report, tally

#: How often a value was counted.
_TIMES = r" \(\d+\)"
_WISH = "a log of the same host whose stamps have a year, or --year GLOB=YYYY"


def _query(frames: Frames) -> pl.LazyFrame:
    basis = pl.col("basis").cast(pl.String)
    guessed = (basis == "assumed") | (pl.col("confidence").cast(pl.String) == "weak")
    rows = (
        frames.clocks.filter(pl.col("year").is_not_null(), basis != "written")
        .join(frames.sources, on="source", how="left", suffix="_source")
        .with_columns(
            pl.col("confidence").cast(pl.String),
            first="first_time",
            last="last_time",
            why=pl.col("detail").str.strip_chars_end("."),
            guessed=guessed,
            log=log_of(pl.col("source")),
            dated=pl.col("year").cast(pl.String),
        )
    )
    keys = ["log", "why", "confidence", "guessed", "basis"]
    one = pl.col("source_count") == 1
    return report(
        tally(rows.with_columns(basis=basis), keys, tops=["dated", "source"]),
        summary=pl.format(
            "{} no year; taken as {}: {}",
            pl.when(one)
            .then(pl.format("{} writes", pl.col("source_list").str.replace(_TIMES, "")))
            .otherwise(
                pl.format(
                    "{} and its rotations ({} files) write", "log", "source_count"
                )
            ),
            pl.col("dated_list").str.replace_all(_TIMES, ""),
            "why",
        ),
        confidence=pl.col("confidence"),
        # Dated neighbours make it likely; a file's own time, no more than a guess.
        level=pl.when(pl.col("basis") == "assumed")
        .then(pl.lit("medium"))
        .when("guessed")
        .then(pl.lit("low")),
        ask_for=pl.when(pl.col("basis") == "assumed")
        .then(pl.lit([_WISH]))
        .otherwise(pl.lit([], pl.List(pl.String))),
    )


_CLOCK = {
    "source": "syslog",
    "stamp": "envelope",
    "year": 2025,
    "utc_offset": 0,
    "basis": "inferred",
    "confidence": "certain",
    "detail": "40 payload stamps inside syslog are dated 2025",
}

RULE = Rule(
    id="year-inferred",
    title="The year of a log is inferred",
    level="informational",
    description="Stamps of the classic syslog form have no year. It follows from "
    "stamps inside the lines, from request ids, from file names or from dated "
    "neighbours; a file time alone is a guess.",
    falsepositives=["none: it says how sure the inference is"],
    references=["https://www.rfc-editor.org/rfc/rfc3164"],
    tags=["clock"],
    query=_query,
    positives=[
        Example(title="payload year", clocks=[_CLOCK]),
        Example(
            title="file time",
            clocks=[_CLOCK | {"basis": "assumed", "confidence": "weak"}],
        ),
    ],
    negatives=[
        Example(title="written", clocks=[_CLOCK | {"year": None}]),
        Example(title="said by the user", clocks=[_CLOCK | {"basis": "written"}]),
    ],
)
