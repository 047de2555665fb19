"""Lines of other logs that may matter to a failure between two servers, by kind.

What is of a kind, and how long before a failure it may have come, stands in one table:
a kind more is a row more.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import polars as pl

from forensic.hops.explain import HEALTH
from forensic.hops.moment import instant

__all__ = [
    "DOWN",
    "ORCHESTRATORS",
    "SELINUX",
    "STATES",
    "STORES",
    "around",
    "before",
    "worded",
]

DOWN = ["service_stopped", "unit_failed", "start_limit"]
#: What systemd tells of services.
STATES = [*DOWN, "service_started"]
STORES = ["postgresql", "mysql_error", "redis"]
#: A packet that a host's firewall dropped, as its kernel logs it: LOG alone may have
#: any words before it.
_PACKET = r"(?i)(?:block|drop|reject|den[yi]).*\bSRC=\S+ DST=\S+ .*\bDPT=[0-9]"
_SECOND, _MINUTE, _HOUR = (timedelta(seconds=n) for n in (1, 60, 3600))
_AFTER = 15 * _MINUTE


class _Kind(NamedTuple):
    """A kind of line: which are of it, and how long before a failure it may matter."""

    name: str
    is_one: pl.Expr
    before: timedelta
    #: How the last of them is told; empty where it takes more than its own words.
    words: str = ""


def _reason(names: str) -> pl.Expr:
    return pl.col("reason").is_in(names.split())


_STORE = pl.col("format").is_in(STORES)
SELINUX = "The kernel's audit log has a refusal of SELinux's"
_DATABASE = "The database's log says"
_VAULT = "Vault's audit log says"
#: The processes of what runs servers and containers, and tells of their trouble.
ORCHESTRATORS = "kubernetes kubelet ecs elb autoscaling rds elasticbeanstalk".split()
_POOL = "Windows tells of the application pool"
#: The first that fits a line is its kind.
_KINDS = [
    # What a database refuses, and its own coming and going.
    _Kind(
        "store_refused",
        _STORE
        & _reason(
            "too_many_connections statement_timeout deadlock auth_failed disk_full"
        ),
        5 * _SECOND,
        _DATABASE,
    ),
    _Kind(
        "store_away",
        _STORE & _reason("crash shutting_down starting out_of_memory"),
        _MINUTE,
        _DATABASE,
    ),
    _Kind("vault_refused", _reason("vault_refused"), 5 * _SECOND, _VAULT),
    *(_Kind(state, _reason(state), 15 * _MINUTE) for state in STATES),
    _Kind(
        "death",
        _reason("oom_kill OOMKilled segfault"),
        _MINUTE,
        "The host's log has a death",
    ),
    _Kind(
        "forbidden",
        _reason("selinux_denied"),
        2 * _SECOND,
        SELINUX,
    ),
    # It takes no connection more, or cannot open one to the server behind it.
    _Kind(
        "web_full",
        (pl.col("hop") == "web_server")
        & _reason("worker_connections too_many_open_files workers_exhausted"),
        2 * _MINUTE,
        "The web server was at its limit",
    ),
    _Kind(
        "full",
        _reason("workers_exhausted threads_exhausted"),
        2 * _MINUTE,
        "The application server was at its limit",
    ),
    # Kubernetes and AWS, of servers and containers that answer no request.
    _Kind(
        "platform",
        pl.col("process").is_in(ORCHESTRATORS)
        & _reason(
            "Unhealthy Killing BackOff CrashLoopBackOff Failed Evicted NodeNotReady"
            " Deregistered FailedScheduling FailedPlacement ErrImagePull"
            " ImagePullBackOff Error Failover Restarted"
        ),
        10 * _MINUTE,
        "The platform told of trouble",
    ),
    _Kind(
        "probe_failed",
        _reason("probe_failed"),
        5 * _MINUTE,
        "A health probe had failed",
    ),
    # What a balancer asks its servers, and then sends them no more.
    _Kind(
        "checked",
        pl.col("user_agent").str.contains(HEALTH) & (pl.col("status") >= 400),
        5 * _MINUTE,
        "The server's log has a health check that failed",
    ),
    # Until somebody starts it.
    _Kind("pool_disabled", _reason("app_pool_disabled"), _HOUR, _POOL),
    _Kind("pool", _reason("worker_crashed worker_unresponsive"), 2 * _MINUTE, _POOL),
    _Kind(
        "flow",
        pl.col("format").is_in(["vpc_flow", "hubble", "hubble_text"])
        & (pl.col("action") == "REJECT"),
        10 * _MINUTE,
    ),
    # What a mesh's own proxies, which log no request, would not or could not pass on.
    _Kind("mesh", _reason("mesh_denied mesh_failed"), _MINUTE),
    # A name that could not be looked up, which a server behind may have.
    _Kind("lookup", _reason("lookup_failed"), _MINUTE),
    _Kind(
        "packet",
        (pl.col("process") == "kernel") & pl.col("message").str.contains(_PACKET),
        10 * _MINUTE,
    ),
    _Kind(
        "change",
        (pl.col("format") == "cloudtrail") & pl.col("reason").is_null(),
        _HOUR,
    ),
]


def worded(*, stores: bool) -> dict[str, list[str]]:
    """Words for a log's last line of some kinds, and these kinds.

    Those of what an application asks, or all the others.
    """
    found: dict[str, list[str]] = {}
    for kind in _KINDS:
        if kind.words and stores == (kind.words in {_DATABASE, _VAULT}):
            found.setdefault(kind.words, []).append(kind.name)
    return found


def around(events: pl.LazyFrame, clocks: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """The lines of such kinds around a moment, with their `kind`, by time."""
    kind = pl.coalesce(pl.when(k.is_one).then(pl.lit(k.name)) for k in _KINDS)
    low, high = at - max(kind.before for kind in _KINDS), at + _AFTER
    # As stamped, and so far off as any clock is: most of the table need not be read.
    skew = clocks.select(pl.col("skew").abs().max().fill_null(0.0)).item()
    off = timedelta(seconds=skew + 1.0)
    return (
        events.filter(pl.col("time").is_between(pl.lit(low - off), pl.lit(high + off)))
        .with_columns(kind=kind)
        .filter(pl.col("kind").is_not_null())
        .select(
            *("source", "line", "offset", "kind", "action", "user"),
            *("client_ip", "upstream", "hostname", "reason", "extra", "format"),
            hop=pl.col("hop").cast(pl.String),
            message=pl.coalesce(
                "message",
                pl.concat_str("method", "path", "status", separator=" "),
            ),
            lasted=pl.col("time") - pl.col("start_time"),
            time=instant(clocks),
        )
        .filter(pl.col("time").is_between(pl.lit(low), pl.lit(high)))
        .collect(engine="streaming")
        .sort("time", "source", "offset")
    )


def before(rows: pl.DataFrame, at: datetime, kinds: Sequence[str]) -> pl.DataFrame:
    """The rows of these kinds that came before a moment, and may matter to it.

    One that stands for several, which went on behind the moment, came when the first
    of them did.
    """
    began = pl.col("time") - pl.col("lasted").fill_null(timedelta(0))
    on = (pl.col("time") > pl.lit(at)) & (began <= pl.lit(at))
    rows = rows.with_columns(time=pl.when(on).then(began).otherwise("time"))
    since = pl.lit(at) - pl.col("kind").replace_strict(
        {kind.name: kind.before for kind in _KINDS}, return_dtype=pl.Duration("us")
    )
    near = pl.col("time").is_between(since, pl.lit(at) + _SECOND)
    return rows.filter(pl.col("kind").is_in(kinds)).filter(near)
