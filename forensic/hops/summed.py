"""A WAF's answer by a sum of core rules ▶ the rules that added to it.

Azure's firewalls write a record for every rule that matched, with the request's id; the
one that ends the request (949110) only compares the score, and cannot be switched off:
what to change is among the others (learn.microsoft.com, troubleshoot
"waf-anomaly-scoring-rule-949110-blocks").
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from forensic.hops.quoted import cut
from forensic.hops.verdict import once, with_why

__all__ = ["summed"]

#: Front Door writes the set and the group before the number.
_SUM = r"(?:^|-)(?:94911[01]|95910[01])$"
#: Rules that begin, sum up and report.
_AROUND = r"(?:^|-)(?:9[04]9|901|959|980)[0-9]{3}$"
_PLACE = ["source", "line", "offset", "length", "time"]
#: So many rules are named.
_MOST = 3


def summed(events: pl.LazyFrame, verdict: Mapping[str, Any]) -> dict[str, Any]:
    """The sentence and the lines of the rules that matched before, or {}."""
    lines = [line for line in verdict["evidence"] if line["hop"] == "waf"]
    ended = pl.Series([verdict["rule"] or ""]).str.contains(_SUM).item()
    if verdict["answered_by"] != "waf" or not ended or not lines:
        return {}
    here = pl.col("source") == lines[0]["source"]
    own = events.filter(here, pl.col("offset") == lines[0]["offset"])
    named = own.select("request_id").drop_nulls().collect(engine="streaming")
    if not named.height:
        return {}
    rows = (
        events.filter(
            pl.col("hop") == "waf",
            pl.col("request_id") == named.item(0, 0),
            pl.col("action").is_null(),
            ~pl.col("rule").str.contains(_AROUND),
        )
        .select(*_PLACE, "rule", said=cut(pl.col("message")))
        .collect(engine="streaming")
        .sort("source", "offset")
        .unique("rule", keep="first", maintain_order=True)
    )
    if not rows.height:
        return {}
    each = rows.select(pl.concat_str("rule", "said", separator=" ", ignore_nulls=True))
    more = f" and {rows.height - _MOST} more" if rows.height > _MOST else ""
    told = f" Matched before: {', '.join(each.to_series().head(_MOST))}{more}."
    role = "a rule that added to the score"
    beside = [
        {"hop": "waf", "role": role, **line}
        for line in rows.head(_MOST).select(_PLACE).to_dicts()
    ]
    return {
        "sentence": with_why(verdict, told),
        "evidence": [*verdict["evidence"], *once(beside)],
    }
