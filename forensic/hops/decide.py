"""One request's records ▶ who answered it, why, and how sure that is.

The decision table reads from the client inwards; the first line that applies wins.
"""

import functools
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from forensic.hops.edge import edge
from forensic.hops.origin import origin
from forensic.hops.table import BALANCED, WAF_PASSED, Line, has, sure_of

__all__ = ["decide"]


#: What a line of the table says, and what is said where none applies.
_SAID = {
    "answered_by": "unknown",
    "cause": "unknown",
    "confidence": "none",
    "because": "no record says who answered",
}


#: What conditions have in common is looked at once; nothing else makes them cheaper.
_SHARED = pl.QueryOptFlags.none().update(comm_subexpr_elim=True)


@functools.cache
def _table() -> tuple[Line, ...]:
    """The decision table, from the client inwards."""
    return (*edge(), *origin())


def _expression(value: pl.Expr | str) -> pl.Expr:
    return pl.lit(value) if isinstance(value, str) else value


def _first(requests: pl.DataFrame, lines: Sequence[Line]) -> pl.DataFrame:
    """What the first line that applies says of each request, in their order.

    Each condition is looked at once, and what lines say only where one applies: most
    of the table is about answers that an archive does not hold.
    """
    records = _records(requests, {line.record for line in lines if line.record})
    conditions = {
        str(place): sure_of(line.when)
        for place, line in enumerate(lines)
        if line.record is None or line.record in records
    }
    holds = requests.lazy().select(**conditions).collect(optimizations=_SHARED)
    number = np.full(requests.height, -1, np.int16)
    for place in reversed(holds.columns):
        number[holds[place].to_numpy()] = int(place)
    applies = pl.Series("_line", number)
    known = requests.with_columns(applies).with_row_index("_row")
    said = [pl.DataFrame(schema={"_row": pl.UInt32, **dict.fromkeys(_SAID, pl.String)})]
    for place in applies.filter(applies >= 0).unique().sort():
        line = lines[place]
        values = (line.by, line.cause, line.sure, line.because)
        columns = dict(zip(_SAID, map(_expression, values), strict=True))
        part = known.filter(pl.col("_line") == place).select("_row", **columns)
        said.append(part.cast(dict.fromkeys(_SAID, pl.String)))
    rows = known.select("_row").join(
        pl.concat(said), on="_row", how="left", maintain_order="left"
    )
    return rows.select(pl.col(name).fill_null(value) for name, value in _SAID.items())


def _records(
    requests: pl.DataFrame, wanted: Iterable[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Of hops and products those of which a request has a record."""
    hops = sorted({hop for hop, _ in wanted})
    held = requests.select(pl.col(f"{hop}_format").unique().implode() for hop in hops)
    formats = {hop: held[f"{hop}_format"].to_list()[0] for hop in hops}
    return {
        (hop, product)
        for hop, product in wanted
        if any(name and name.startswith(product) for name in formats[hop])
    }


def _lowered(confidence: pl.Expr) -> pl.Expr:
    """One step less sure."""
    return confidence.replace({"certain": "strong", "strong": "weak"})


#: Of a load balancer's rules, only those of Cloud Armor are a firewall's.
_ARMOR_RULE = pl.when(pl.col("load_balancer_format") == "gcp_load_balancer").then(
    "load_balancer_rule"
)
#: Another web ACL that let the request through names no rule that ended it.
_STOPPING_RULE = pl.when(~WAF_PASSED).then("waf_rule")
#: Equal requests closer than this (µs) may be exchanged.
_CLOSE = 3_000_000
_WITHIN = ["web_server", "app_server", "application"]
_IN_FRONT = ["cdn", "waf", "outer_balancer", "load_balancer"]


#: What an application means by this status is a limit of its own.
_TOO_MANY = 429
_LIMIT = (pl.col("status") == _TOO_MANY) & (pl.col("cause") == "application_response")


def _exchangeable() -> pl.Expr:
    """Requests that another one, answered otherwise, equals in all that joins them.

    Only what inner hops said can be exchanged; an outer hop's verdict stands on its
    own record, and what it ended never had a line of theirs.
    """
    inside = pl.col("answered_by").is_in(_WITHIN)
    within = pl.any_horizontal(has(tier) for tier in _WITHIN)
    ended = ~inside & ~within & (pl.col("confidence") == "certain")
    noted = pl.col("note").is_not_null() & ~pl.col("logs_upstream")
    joined = BALANCED & has("web_server")
    joined |= has("web_server") & (has("application") | has("app_server"))
    equal = ["method", "path", "query", "status", "_slot"]
    answer = pl.when(~ended).then(pl.struct("answered_by", "cause")).drop_nulls()
    others = answer.n_unique().over(equal) > 1
    # Where nothing is in front, a line that names a client is of no other's request.
    fronted = pl.any_horizontal(has(tier) for tier in _IN_FRONT)
    told = sure_of(pl.col("note_client")) & ~fronted
    same = answer.n_unique().over([*equal, "client_ip"]) > 1
    doubtful = pl.when(told).then(same).otherwise(others)
    return inside & ((joined & others) | (noted & doubtful))


def decide(requests: pl.DataFrame) -> pl.DataFrame:
    """The requests with `answered_by`, `cause`, `rule`, `confidence` and `because`."""
    decided = requests.with_columns(
        *_first(requests, _table()), _slot=pl.col("time") // _CLOSE
    ).with_columns(ambiguous=_exchangeable())
    return decided.drop("_slot").with_columns(
        cause=pl.when(_LIMIT).then(pl.lit("rate_limited")).otherwise("cause"),
        confidence=pl.when(pl.col("ambiguous"))
        .then(_lowered(pl.col("confidence")))
        .otherwise(pl.col("confidence")),
        rule=pl.when(pl.col("cause") == "waf_rule").then(
            pl.coalesce(_STOPPING_RULE, "cdn_rule", _ARMOR_RULE, "note_rule")
        ),
    )
