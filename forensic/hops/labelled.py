"""A WAF's answer by an own rule ▶ the managed rule that set the label it may act on.

A rule that matches labels names none of them in its record (terminatingRuleMatchDetails
is of SQL injection and XSS alone): the labels of the request and what was counted tell.
"""

from collections.abc import Mapping
from typing import Any

import orjson
import polars as pl

from forensic.hops.verdict import with_why

__all__ = ["labelled"]

_MOST = 3


def labelled(events: pl.LazyFrame, verdict: Mapping[str, Any]) -> dict[str, Any]:
    """The sentence with what set the labels; empty where none were set."""
    lines = [line for line in verdict["evidence"] if line["hop"] == "waf"]
    if verdict["answered_by"] != "waf" or not lines:
        return {}
    rows = (
        events.filter(
            pl.col("source") == lines[0]["source"],
            pl.col("offset") == lines[0]["offset"],
            pl.col("rule_type") == "REGULAR",
            pl.col("rule").ne_missing(pl.lit("Default_Action")),
        )
        .select("rule", "extra", "labels")
        .head(1)
        .collect(engine="streaming")
    )
    if not rows.height or not rows["labels"].list.len().fill_null(0)[0]:
        return {}
    return {"sentence": with_why(verdict, _told(rows.row(0, named=True)))}


def _told(row: Mapping[str, Any]) -> str:
    rule, labels = row["rule"] or "That rule", row["labels"]
    for match in _counted(row["extra"]):
        name, group = match.get("ruleId"), match.get("group")
        theirs = [
            label
            for label in labels
            if isinstance(name, str) and label.lower().endswith(f":{name.lower()}")
        ]
        if theirs:
            of = f" of {group}" if isinstance(group, str) else ""
            return (
                f" Before, {name}{of} had counted the request and labelled it"
                f" ({theirs[0]}): if {rule} acts on that label, that is the reason."
            )
    several = "labels" if len(labels) > 1 else "label"
    more = f" and {len(labels) - _MOST} more" if len(labels) > _MOST else ""
    return (
        f" The request had the {several} {', '.join(labels[:_MOST])}{more}, on which"
        f" {rule} may act."
    )


def _counted(extra: str | None) -> list[dict[str, Any]]:
    """What matched without ending the request."""
    try:
        found = orjson.loads(extra or "{}")
    except orjson.JSONDecodeError:
        return []
    counted = found.get("counted") if isinstance(found, dict) else None
    several = counted if isinstance(counted, list) else []
    return [match for match in several if isinstance(match, dict)]
