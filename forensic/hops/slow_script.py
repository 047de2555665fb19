"""A request that was given up ▶ what its application server noted while it ran.

php-fpm traces a script that takes too long, Tomcat names a thread that may be stuck:
where it hung then is why nobody got an answer.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from forensic.counted import plural
from forensic.hops.journey import placed
from forensic.hops.moment import instant

__all__ = ["slow_script"]

_CAUSES = {"upstream_timeout", "target_timeout", "client_closed"}
_REASONS = ["slow_request", "stuck_thread"]
#: As long as a request waits, and how far two programs' stamps of one moment differ.
_WAIT, _SAME = timedelta(seconds=75), timedelta(seconds=1.5)
#: A script that answers for all paths.
_FRONT = r"/(?:index|app)\.php$"
_ADDRESS = r"https?://[^/\s]+(/[^\s?\]]*)"
#: The innermost call of a trace.
_FRAME = r"(?m)^(?:\[0x[0-9a-f]+\]|\s+at) ([^\n]{1,120})"
_MOST = 3


def slow_script(
    events: pl.LazyFrame, clocks: pl.DataFrame, verdict: Mapping[str, Any]
) -> dict[str, Any]:
    """`sentence`, `evidence` and `confidence` with what was noted of it; or nothing.

    By its path, or where one script answers for all paths, where just one was slow.
    """
    request = verdict["request"]
    if verdict["cause"] not in _CAUSES or request["time"] is None:
        return {}
    rows = _noted(events, clocks, request["time"])
    named = rows.filter(
        (pl.col("asked") == request["path"])
        | pl.col("file").str.ends_with(request["path"] or "\n")
    )
    front = rows.filter(pl.coalesce("asked", "file").str.contains(_FRONT))
    found = named if named.height else front
    if not found.height or found["pid"].n_unique() > 1:
        return {}
    # Its trace stands in another log.
    near = (pl.col("time") - found["time"][0]).abs() < _SAME
    lines = rows.filter(pl.col("pid").is_in(found["pid"].implode()) & near).head(_MOST)
    shown = placed(events, lines.select("hop", "source", "line", "offset").to_dicts())
    role = {"role": "noted while it ran"}
    sure = verdict["confidence"]
    return {
        # That its upstream was slow is no guess any more.
        "confidence": "strong" if named.height and sure == "weak" else sure,
        "sentence": verdict["sentence"]
        + _said(lines, request["time"], own=named.height > 0),
        "evidence": [*verdict["evidence"], *(line | role for line in shown)],
    }


def _noted(events: pl.LazyFrame, clocks: pl.DataFrame, ended: datetime) -> pl.DataFrame:
    """The lines about slow scripts while a request that ended then may have run."""
    moment = pl.lit(ended)
    return (
        events.filter(pl.col("reason").is_in(_REASONS))
        .select(
            *("source", "line", "offset", "pid", "message"),
            hop=pl.col("hop").cast(pl.String),
            time=instant(clocks),
            asked=pl.coalesce("path", pl.col("message").str.extract(_ADDRESS)),
            file=pl.col("message").str.extract(r"script_filename = (\S+)"),
        )
        .filter(pl.col("time").is_between(moment - _WAIT, moment + _SAME))
        .collect(engine="streaming")
        .sort("time", "source", "offset")
    )


def _said(lines: pl.DataFrame, ended: datetime, *, own: bool) -> str:
    """The sentence: when it was noted, and where the script was."""
    since = plural(round((ended - lines["time"][0]).total_seconds()), "second")
    frame = lines["message"].str.extract(_FRAME, 1).drop_nulls()
    where = f": it was in {frame[0]}" if len(frame) else ""
    which = "its script" if own else "a script"
    return f" Its application server had noted {which} as slow {since} before{where}."
