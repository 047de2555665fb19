"""Rule: stamps without a year, and where their year comes from."""

import polars as pl

from forensic.rule import Example, Frames, Rule, report, tally


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
            dated=pl.col("year").cast(pl.String),
        )
    )
    keys = ["source", "why", "confidence", "guessed"]
    return report(
        tally(rows, keys, tops=["dated"]),
        summary=pl.format(
            "{} writes no year; taken as {}: {}",
            "source",
            pl.col("dated_list").str.replace_all(r" \(\d+\)", ""),
            "why",
        ),
        confidence=pl.col("confidence"),
        level=pl.when("guessed").then(pl.lit("medium")),
        ask_for=[
            "a log of the same host whose stamps have a year, or --year GLOB=YYYY"
        ],
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
