"""An archive without errors ▶ the verdict that nothing failed, as far as was read."""

from typing import Any

import polars as pl

from forensic.counted import plural
from forensic.hops import notes
from forensic.hops.journey import placed
from forensic.schema import NOT_WHOLE

__all__ = ["calm", "harmless", "unread"]

#: Names of logs, and of files that are none.
_LOG = (
    r"(?i)(?:^|[^a-z])(?:access|error|app)?[_-]?(?:logs?|access|errors?|journal|trace)"
    r"(?:[^a-z]|$)|\.(?:out|err)$"
)
#: Causes that lie behind the web server.
_FAILED = ["upstream_refused", "upstream_timeout", "upstream_closed", "bad_gateway"]
#: So many lines are evidence.
_MOST = 3
_NO_LOG = r"(?i)\.(?:conf|cfg|ini|ya?ml|toml|xml|html?|css|js|py|rb|php|go|java|sh|md)$"


def calm(
    events: pl.LazyFrame,
    clocks: pl.DataFrame,
    gaps: pl.DataFrame,
    sources: pl.DataFrame,
) -> dict[str, Any]:
    """The verdict on an archive without any error, where nothing was asked."""
    answers = events.select(pl.col("status").is_not_null().sum(), lines=pl.len())
    count, lines = answers.collect(engine="streaming").row(0)
    evidence: list[dict[str, Any]] = []
    if count:
        several = f"all {count} responses logged have"
        every = "the one response logged has" if count == 1 else several
        seen = "No error in what could be read" if _hurt(sources) else "No error"
        sentence = f"{seen}: {every} a status below 400."
        text, evidence = _behind(events, clocks)
        sentence += text
        absent = gaps.filter(pl.col("kind") == "absent")["hop"].cast(pl.String)
        if "load_balancer" in absent:
            sentence += (
                " What stands in front of the web server has no log here: errors of"
                " its own making would not be seen."
            )
    elif lines:
        sentence = (
            "The logs of the archive hold no responses: whether requests failed is not"
            " seen in them."
        )
    else:
        sentence = (
            "The archive holds no log that could be read: `forensic formats` lists what"
            " is known, and --log-format describes another."
        )
    return {
        "answered_by": "unknown",
        "candidates": [],
        "cause": "unknown",
        "rule": None,
        "confidence": "none",
        "sentence": sentence,
        "evidence": evidence,
        "missing": [],
        "count": 0,
        "ask_for": [],
    }


def _behind(
    events: pl.LazyFrame, clocks: pl.DataFrame
) -> tuple[str, list[dict[str, Any]]]:
    """What the web server's error log has on servers that failed it, and its lines."""
    bad = pl.col("level").is_in(["error", "crit", "alert", "emerg"])
    lines = events.filter((pl.col("hop") == "web_server") & bad)
    failed = notes.collect(lines, clocks).filter(pl.col("cause").is_in(_FAILED))
    if not failed.height:
        return "", []
    many = plural(failed.height, "failure")
    text = (
        f" But the web server's error log has {many} of servers behind it: another"
        " try, or a page of its own, was what clients got."
    )
    places = failed.head(_MOST).select("hop", "source", "line", "offset").to_dicts()
    return text, placed(events, places)


def harmless(requests: pl.DataFrame) -> str:
    """The sentence that all errors of an archive are refusals, no server's; or none."""
    status = requests["status"]
    if not (status >= 400).any() or (status >= 500).any() or status.has_nulls():
        return ""
    return " No response of 500 or above was logged."


def unread(sources: pl.DataFrame) -> str:
    """The sentences about what no answer rests on, as it could not be read.

    They name the longest file that looks like a log and has no format, and count those
    that were not read whole.
    """
    name = pl.col("source")
    unknown = pl.col("verdict").cast(pl.String) == "unsupported"
    named = name.str.contains(_LOG) & ~name.str.contains(_NO_LOG)
    text = pl.col("detail").ne_missing(pl.lit("binary data"))
    rows = sources.filter(unknown & named & text & (pl.col("lines") > 0))
    told = ""
    if rows.height:
        source, lines = rows.sort("lines", "source").select("source", "lines").row(-1)
        many = plural(lines, "line")
        told = f" {source} ({many}) could not be read: no format fits it."
    if hurt := _hurt(sources):
        told += f" {plural(hurt, 'file')} could not be read whole: an error may stand"
        told += " in what is missing."
    return told


def _hurt(sources: pl.DataFrame) -> int:
    """How many files hold evidence that could not be read."""
    return int(sources["verdict"].cast(pl.String).is_in(NOT_WHOLE).sum())
