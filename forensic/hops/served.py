"""A question about a status below 400 ▶ who sent it: such answers are no requests.

The request table holds errors. Redirects in a circle and empty pages are asked about
too, and the load balancer's own ones say so in their action.
"""

from datetime import timedelta
from typing import Any

import polars as pl

from forensic.hops.moment import corrected
from forensic.hops.question import Question

__all__ = ["served"]

#: Actions of a load balancer ▶ the cause of an answer that it gave itself.
_OWN = {
    "redirect": "redirect",
    "authenticate": "redirect",
    "fixed-response": "fixed_response",
}
_SLACK = timedelta(seconds=5)
_NAMES = {"cdn": "the CDN", "waf": "the WAF", "host": "a host"}
_SHOWN = 3


def served(
    events: pl.LazyFrame, clocks: pl.DataFrame, question: Question
) -> dict[str, Any] | None:
    """The verdict on a response that the logs have and that is no error.

    None where an error is asked about, or where no log has such a response.
    """
    if question.status is None or question.status >= 400:
        return None
    rows = _rows(events, clocks, question)
    if not rows.height:
        return None
    own = rows.filter(pl.col("cause").is_not_null())
    made = own if own.height else rows
    status, path = question.status, question.path or "any path"
    sent = made.group_by("hop", "action").len("n").sort("n", "hop", descending=True)
    told = [
        f"{n} of {_NAMES.get(hop, 'the ' + hop.replace('_', ' '))}"
        + (f" (action {action})" if action else "")
        for hop, action, n in sent.head(3).iter_rows()
    ]
    evidence = made.head(_SHOWN).select(
        "hop", "source", "line", "offset", "length", "time"
    )
    return {
        "answered_by": "load_balancer" if own.height else "unknown",
        "candidates": made["hop"].unique(maintain_order=True).to_list(),
        "cause": own["cause"].mode().sort()[0] if own.height else "unknown",
        "rule": None,
        "confidence": "certain" if own.height else "none",
        "sentence": f"The logs have {status} for {path}: {', '.join(told)}. It is no"
        " error, so that no more of it was followed from hop to hop.",
        "evidence": [
            line | {"role": "record of the response"} for line in evidence.to_dicts()
        ],
        "missing": [],
        "count": rows.height,
        "ask_for": [],
    }


def _rows(
    events: pl.LazyFrame, clocks: pl.DataFrame, question: Question
) -> pl.DataFrame:
    """The responses asked for, by time, and the cause where one says it."""
    micros, _ = corrected(clocks)
    moment = pl.from_epoch(micros, time_unit="us").dt.replace_time_zone("UTC")
    hop = pl.col("hop").cast(pl.String)
    last = pl.col("action").str.extract(r"([^,]*)$")
    own = (hop == "load_balancer") & pl.col("upstream_status").is_null()
    return (
        events.filter((pl.col("status") == question.status) & question.matches_path())
        .with_columns(time=moment)
        .filter(question.within(pl.col("time"), _SLACK))
        .select(
            *("source", "line", "offset", "length", "time", "action"),
            hop=hop,
            cause=pl.when(own).then(last.replace_strict(_OWN, default=None)),
        )
        .collect(engine="streaming")
        .sort("time", "source", "offset", nulls_last=True)
    )
