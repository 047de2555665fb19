"""A login proxy that a web server asks first (`auth_request`) ▶ what it refused.

nginx answers with the status that the login proxy gave it, and says so nowhere: the
other's record of the question stands beside it, under an address of its own.
"""

import polars as pl

from forensic.hops.pair import pair
from forensic.schema import EVENT

__all__ = ["refused"]

_AT_ONCE = (-1_500_000, 1_500_000)
_PLACE = ["source", "line", "offset"]
_STATUSES = [401, 403]


def refused(requests: pl.DataFrame) -> pl.DataFrame:
    """The requests, with the login proxy's refusal in the place of a trace.

    Its own record is no request of a client then, and left out.
    """
    product = pl.col("load_balancer_format").str.starts_with("oauth2_proxy")
    asked = product & pl.col("path").str.ends_with("/auth")
    asked &= pl.col("load_balancer_status").is_in(_STATUSES)
    timed = requests.filter(pl.col("time").is_not_null())
    gates = timed.filter(asked & pl.col("web_server_row").is_null())
    if not gates.height:
        return requests
    alone = pl.col("load_balancer_row").is_null()
    alone &= pl.col("web_server_upstream").is_null() & pl.col("trace").is_null()
    answers = timed.filter(alone & pl.col("web_server_status").is_in(_STATUSES))
    sides = [
        (frame[status].cast(pl.UInt64).to_numpy(), frame["time"].to_numpy())
        for frame, status in (
            (answers, "web_server_status"),
            (gates, "load_balancer_status"),
        )
    ]
    mine, theirs = pair(sides[0], sides[1], _AT_ONCE)
    places = gates.select(**{f"gate_{c}": f"load_balancer_{c}" for c in _PLACE})
    found = pl.concat(
        [answers.select("root")[mine], places[theirs]], how="horizontal"
    ).with_columns(gate=pl.lit(value=True))
    questions = gates["root"].gather(theirs)
    joined = requests.filter(~pl.col("root").is_in(questions.implode())).join(
        found, on="root", how="left", maintain_order="left"
    )
    here = pl.col("gate").is_not_null()
    return joined.with_columns(
        *(pl.coalesce(f"gate_{c}", f"trace_{c}").alias(f"trace_{c}") for c in _PLACE),
        trace=pl.when(here).then(-1).otherwise("trace"),
        trace_kind=pl.when(here).then(pl.lit("gate")).otherwise("trace_kind"),
        trace_hop=pl.when(here)
        .then(pl.lit("load_balancer").cast(EVENT["hop"]))
        .otherwise("trace_hop"),
    ).drop("gate", *(f"gate_{c}" for c in _PLACE))
