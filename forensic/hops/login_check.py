"""nginx's answer to a login check that went wrong ▶ what that check ran into.

`auth_request` asks another server first. Where that one gives neither 2xx nor 401 nor
403, nginx writes so and answers 500 (ngx_http_auth_request_module.c); why it had no
better answer stands in an error line before, of the same connection's subrequest.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import polars as pl

from forensic.hops.quoted import words
from forensic.hops.verdict import once, with_why

__all__ = ["login_check"]

_PLACE = ["source", "line", "offset", "length", "time"]
_MOMENT = timedelta(seconds=1)
_CONNECTION = pl.col("extra").str.extract(r'"connection":(\d+)')


def login_check(events: pl.LazyFrame, verdict: Mapping[str, Any]) -> dict[str, Any]:
    """The sentence and the line of the check that failed, or {}."""
    said = verdict["request"]["explanation"] or ""
    if verdict["answered_by"] != "web_server" or "auth request unexpected" not in said:
        return {}
    sources = [line["source"] for line in verdict["evidence"]]
    rows = (
        events.filter(
            pl.col("source").is_in(sources),
            pl.col("format") == "nginx_error",
            (pl.col("reason") == "auth_request_failed")
            | pl.col("extra").str.contains('"subrequest":', literal=True),
        )
        .select(*_PLACE, "pid", "upstream", "reason", "message", connection=_CONNECTION)
        .collect(engine="streaming")
    )
    offsets = [line["offset"] for line in verdict["evidence"]]
    checked = rows["reason"] == "auth_request_failed"
    own = rows.filter(checked & pl.col("offset").is_in(offsets))
    before = rows.filter(~checked).join(
        own.select("source", "pid", "connection", end="offset", then="time"),
        on=["source", "pid", "connection"],
    )
    # A connection may have carried others before; both lines are of one moment.
    near = (pl.col("then") - pl.col("time")) <= _MOMENT
    found = before.filter(near & (pl.col("offset") < pl.col("end")))
    found = found.sort("source", "offset").tail(1)
    if not found.height:
        return {}
    line = found.select(_PLACE).row(0, named=True)
    whom, text = found.select("upstream", words(pl.col("message"))).row(0)
    asked = f" of {whom}" if whom else ""
    told = f" What it asks first (auth_request) had no answer{asked}: {text}."
    role = "tells why, about that moment"
    shown = once([{"hop": "web_server", "role": role, **line}])
    return {
        "sentence": with_why(verdict, told),
        "evidence": [*verdict["evidence"], *shown],
    }
