"""A login proxy that another one asks first (`auth_request`) ▶ what it refused.

nginx and Traefik (`forwardAuth`) answer with the status that the login proxy gave them,
and say so nowhere: its record of the question stands beside it, under an address of
its own.
"""

import polars as pl

from forensic.hops.joined import joined
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
    web = pl.col("web_server_row").is_not_null()
    proxy = pl.col("load_balancer_row").is_not_null() & ~product.fill_null(value=False)
    status = pl.coalesce("web_server_status", "load_balancer_status")
    # Who asked somebody else passed the gate.
    asking = pl.coalesce("web_server_upstream", "load_balancer_upstream").is_not_null()
    answers = timed.filter(
        (web ^ proxy) & ~asking & pl.col("trace").is_null() & status.is_in(_STATUSES)
    )
    sides = [
        (
            frame.select(status.cast(pl.UInt64)).to_series().to_numpy(),
            frame["time"].to_numpy(),
        )
        for frame in (answers, gates)
    ]
    mine, theirs = pair(sides[0], sides[1], _AT_ONCE)
    places = gates.select(**{f"gate_{c}": f"load_balancer_{c}" for c in _PLACE})
    found = pl.concat(
        [answers.select("root")[mine], places[theirs]], how="horizontal"
    ).with_columns(gate=pl.lit(value=True))
    questions = gates["root"].gather(theirs)
    own = requests.filter(~pl.col("root").is_in(questions.implode()))
    here = pl.col("gate").is_not_null()
    return (
        joined(own, found, "root")
        .with_columns(
            *(
                pl.coalesce(f"gate_{c}", f"trace_{c}").alias(f"trace_{c}")
                for c in _PLACE
            ),
            trace=pl.when(here).then(-1).otherwise("trace"),
            trace_kind=pl.when(here).then(pl.lit("gate")).otherwise("trace_kind"),
            trace_hop=pl.when(here)
            .then(pl.lit("load_balancer").cast(EVENT["hop"]))
            .otherwise("trace_hop"),
        )
        .drop("gate", *(f"gate_{c}" for c in _PLACE))
    )
