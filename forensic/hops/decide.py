"""One request's records ▶ who answered it, why, and how sure that is.

The decision table reads from the client inwards; the first line that applies wins.
"""

from collections.abc import Sequence

import polars as pl

from forensic.hops.edge import edge
from forensic.hops.origin import origin
from forensic.hops.table import BALANCED, Line, has, sure_of

__all__ = ["decide"]


def _first(lines: Sequence[Line], value: str) -> pl.Expr:
    """That field of the first line that applies."""
    chain = pl.lit(None, pl.String)
    for line in reversed(lines):
        found = getattr(line, value)
        result = pl.lit(found) if isinstance(found, str) else found
        chain = pl.when(sure_of(line.when)).then(result).otherwise(chain)
    return chain


def _lowered(confidence: pl.Expr) -> pl.Expr:
    """One step less sure."""
    return confidence.replace({"certain": "strong", "strong": "weak"})


#: Equal requests closer than this (µs) may be exchanged.
_CLOSE = 3_000_000


def _exchangeable() -> pl.Expr:
    """Requests that another one, answered otherwise, equals in all that joins them.

    Only what inner hops said can be exchanged; an outer hop's verdict stands on its
    own record.
    """
    inside = pl.col("answered_by").is_in(["web_server", "app_server", "application"])
    joined = (pl.col("note").is_not_null() & ~pl.col("logs_upstream")) | (
        BALANCED & has("web_server")
    )
    joined |= has("web_server") & (has("application") | has("app_server"))
    equal = ["method", "path", "query", "status", "_slot"]
    answers = pl.struct("answered_by", "cause").n_unique().over(equal)
    return inside & joined & (answers > 1)


def decide(requests: pl.DataFrame) -> pl.DataFrame:
    """The requests with `answered_by`, `cause`, `rule`, `confidence` and `because`."""
    lines = [*edge(), *origin()]
    decided = requests.with_columns(
        answered_by=_first(lines, "by").fill_null("unknown"),
        cause=_first(lines, "cause").fill_null("unknown"),
        confidence=_first(lines, "sure").fill_null("none"),
        because=_first(lines, "because").fill_null("no record says who answered"),
        _slot=pl.col("time") // _CLOSE,
    ).with_columns(ambiguous=_exchangeable())
    return decided.drop("_slot").with_columns(
        confidence=pl.when(pl.col("ambiguous"))
        .then(_lowered(pl.col("confidence")))
        .otherwise(pl.col("confidence")),
        rule=pl.when(pl.col("cause") == "waf_rule").then(
            pl.coalesce("waf_rule", "cdn_rule", "load_balancer_rule", "note_rule")
        ),
    )
