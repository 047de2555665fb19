"""Rule: lines that a client may have forged, or that can be read in two ways."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, report

_WHY = {
    "forgery_suspect": "a client's own text may have made fields of the line",
    "joined_lines": "another record stands behind it in the line, and is not read",
    "duplicate_key": "a key stands twice with different values, so readers disagree",
}


def _query(frames: Frames) -> pl.LazyFrame:
    flagged = (
        frames.telling.filter(pl.col("flags").list.len() > 0)
        .with_columns(flag="flags")
        .explode("flag")
        .filter(pl.col("flag").is_in(list(_WHY)))
    )
    return report(
        gather(frames, flagged, ["flag"], tops=["source", "client_ip", "path"]),
        summary=pl.format(
            "{} that can be read in two ways: {}. {}; client {}; path {}",
            plural(pl.col("count"), "record"),
            pl.col("flag").replace_strict(_WHY, default=None, return_dtype=pl.String),
            "source_list",
            "client_ip_list",
            "path_list",
        ),
        confidence="weak",
        ask_for=["another log of the same requests, to tell which reading is right"],
    )


def _line(*flags: str) -> dict[str, object]:
    return {"hop": "web_server", "path": "/", "flags": list(flags)}


RULE = Rule(
    id="suspect-lines",
    title="Records that may be forged",
    level="medium",
    description="Log lines hold what clients sent, in some formats without escaping.",
    falsepositives=["A referrer or name that holds the same words by chance"],
    references=["https://cwe.mitre.org/data/definitions/117.html"],
    tags=["integrity"],
    query=_query,
    positives=[
        Example(title="forged context", events=[_line("forgery_suspect")]),
        Example(title="torn writes", events=[_line("joined_lines")]),
        Example(title="a key twice", events=[_line("invalid_utf8", "duplicate_key")]),
    ],
    negatives=[
        Example(title="odd bytes", events=[_line("invalid_utf8")]),
        Example(title="nothing", events=[_line()]),
    ],
)
