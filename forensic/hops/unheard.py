"""A verdict that rests on another hop's silence ▶ what it is worth in a gap."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from forensic.hops.explain import NAMES
from forensic.hops.products.cloudfront import SILENT
from forensic.schema import HOPS

__all__ = ["unheard"]


def unheard(verdict: Mapping[str, Any], gaps: pl.DataFrame) -> dict[str, Any]:
    """What a hole in the log of the hop behind makes of the verdict.

    Empty where that log was there, or where it does not matter. A CDN's record does
    not tell its own error from its origin's.
    """
    row = verdict["request"]
    if SILENT not in (row["explanation"] or "") or row["time"] is None:
        return {}
    moment = pl.lit(row["time"])
    holes = gaps.filter(
        (pl.col("kind") != "absent")
        & (pl.col("start") <= moment)
        & (pl.col("end") > moment)
    )
    behind = HOPS[HOPS.index(verdict["answered_by"]) + 1 :]
    found = holes["hop"].cast(pl.String).to_list()
    hop = next((hop for hop in behind if hop in found and hop != "waf"), None)
    if hop is None:
        return {}
    detail = holes.filter(pl.col("hop") == hop).sort("start", "source")["detail"][0]
    by = verdict["answered_by"]
    cause = f" ({str(verdict['cause']).replace('_', ' ')})"
    answered = verdict["sentence"].replace(cause, "", 1)[len(NAMES[by]) :]
    return {
        "answered_by": "unknown",
        "cause": "unknown",
        "confidence": "weak",
        "candidates": [hop, by],
        "missing": [*verdict["missing"], hop],
        "wanted": [hop, *verdict["wanted"]],
        "sentence": f"An unknown hop{answered} But there is a gap: {detail} So"
        f" {NAMES[hop]}, or what stands behind it, may have answered as well.",
    }
