"""Whom fail2ban or CrowdSec had shut out at a moment, which no server's log tells.

Of a connection that a firewall drops no server writes a line. Who asks did not say
from which address; that there were such is told as a fact beside the answer.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from forensic.counted import apart, plural
from forensic.hops.journey import placed
from forensic.hops.moment import instant

__all__ = ["NAMES", "banned", "standing"]

#: Who shuts clients out, by its format.
NAMES = {"fail2ban": "fail2ban", "crowdsec": "CrowdSec"}
#: Jails that shut out clients of the web; others block other ports.
_JAILS = (
    r"(?i)crowdsec|nginx|apache|httpd?\b|web|wordpress|php|haproxy|caddy|traefik"
    r"|recidive"
)
#: So many are named.
_MOST = 3


def standing(events: pl.LazyFrame, clocks: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """The bans under which clients were then, one a client and jail, the last first."""
    # CrowdSec says for how long, fail2ban when it is over.
    lasts = (
        pl.col("extra").str.json_path_match("$.seconds").cast(pl.Int64, strict=False)
    )
    last = (
        events.filter(
            pl.col("format").is_in(list(NAMES)),
            pl.col("action").is_in(["ban", "unban"]),
            pl.col("client_ip").is_not_null(),
        )
        .select(
            *("source", "line", "offset", "client_ip", "rule", "action", "format"),
            lasts=pl.when(pl.col("format") == "crowdsec").then(lasts),
            hop=pl.col("hop").cast(pl.String),
            time=instant(clocks),
        )
        .filter(pl.col("time") <= pl.lit(at))
        .collect(engine="streaming")
        .sort("time", "source", "offset")
        .unique(["client_ip", "rule"], keep="last", maintain_order=True)
    )
    over = pl.col("time") + pl.duration(seconds="lasts") < pl.lit(at)
    holds = (pl.col("action") == "ban") & ~over.fill_null(value=False)
    return last.filter(holds).reverse()


def banned(
    events: pl.LazyFrame,
    clocks: pl.DataFrame,
    verdict: Mapping[str, Any],
    at: datetime | None,
) -> dict[str, Any]:
    """`sentence` and `evidence` with whom they had banned by then, or nothing."""
    if at is None:
        return {}
    out = standing(events, clocks, at).filter(pl.col("rule").str.contains(_JAILS))
    if not out.height:
        return {}
    who = NAMES[out["format"][0]]
    names = out["client_ip"].unique(maintain_order=True).to_list()
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    first = out.row(0, named=True)
    since = apart((at - first["time"]).total_seconds())
    said = (
        f" {who} had shut out {plural(len(names), 'client')} by then"
        f" ({', '.join(names[:_MOST])}{more}), the last {since} before"
        f" ({first['rule']}): no server logs a request of theirs."
    )
    lines = out.head(_MOST).select("hop", "source", "line", "offset").to_dicts()
    role = {"role": "shut out then"}
    return {
        "sentence": verdict["sentence"] + said,
        "evidence": [
            *verdict["evidence"],
            *(line | role for line in placed(events, lines)),
        ],
    }
