"""A verdict by the silence of a log behind the web server ▶ what that silence is worth.

A web server may ask several servers, each below a path of its own. The log of one has
nothing of what another answers.
"""

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from forensic.hops.explain import NAMES
from forensic.hops.unlogged import NOT_AMONG

__all__ = ["elsewhere"]

#: So many answers below the path, of which the log has none, show that it has no such.
_SHOWN = 5
_FIRST = re.compile(r"/[^/?;]+(?=/)")
_BEHIND = ["app_server", "application"]


def elsewhere(events: pl.LazyFrame, verdict: Mapping[str, Any]) -> dict[str, Any]:
    """What becomes of it where what is logged behind never answers below that path.

    Empty where it does, or where the verdict does not rest on its silence.
    """
    row = verdict["request"]
    below = _FIRST.match(row["path"] or "")
    if NOT_AMONG not in (row["explanation"] or "") or below is None:
        return {}
    under = pl.col("path").str.starts_with(below[0] + "/")
    answers = events.filter(pl.col("status") < 400)
    hop = pl.col("hop").cast(pl.String)
    own = under & (hop == "web_server")
    inner = hop.is_in(_BEHIND)
    sent, there, others = (
        answers.select(
            own.sum(), below=(inner & under).sum(), others=(inner & ~under).sum()
        )
        .collect(engine="streaming")
        .row(0)
    )
    if (sent or 0) < _SHOWN or there or (others or 0) < _SHOWN:
        return {}
    by = verdict["answered_by"]
    answered = verdict["sentence"].replace(row["explanation"], "", 1)
    return {
        "answered_by": "unknown",
        "cause": "unknown",
        "candidates": ["application", by],
        "missing": [*verdict["missing"], "application"],
        "wanted": ["application", *verdict["wanted"]],
        "sentence": f"An unknown hop answered it with {row['status']}: what is logged"
        f" behind {NAMES[by]} has no request below {below[0]}, of which {NAMES[by]}"
        f" sent {sent:,} answers. Another server, whose log is not here, or"
        f" {NAMES[by]} itself.{answered}",
    }
