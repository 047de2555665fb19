"""A request that failed between two servers ▶ what other logs tell of that moment.

A proxy's record says that nobody answered it, not why: that a service was stopped,
that the network refused the connections, or that somebody changed a rule an hour
before stands in logs that know of no request. They are told as facts beside the
answer; no cause is made of them.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import polars as pl

from forensic.counted import plural
from forensic.hops.journey import placed
from forensic.hops.match import apart
from forensic.hops.moment import instant

__all__ = ["circumstances"]

#: Causes that lie between the hop that answered and the one behind it.
_BETWEEN = {
    "no_target",
    "target_timeout",
    "target_connection_error",
    "upstream_refused",
    "upstream_timeout",
    "upstream_closed",
    "bad_gateway",
}
_DOWN = ["service_stopped", "unit_failed", "start_limit"]
_STATES = [*_DOWN, "service_started"]
_DEATHS = ["oom_kill", "OOMKilled", "segfault"]
_FULL = ["workers_exhausted", "threads_exhausted"]
#: Causes that what an application waits for may have.
_WAITING = {
    "exception",
    "application_response",
    "worker_timeout",
    "upstream_timeout",
    "target_timeout",
}
_STORES = ["postgresql", "mysql_error", "redis"]
#: What a database says of what it refuses, and of its own coming and going.
_REFUSALS = "too_many_connections statement_timeout deadlock auth_failed disk_full"
_ABSENCES = "crash shutting_down starting out_of_memory"
_FAILING = ["store_refused", "store_away"]
#: What Kubernetes and ECS say of containers that answer no request.
_PODS = (
    "Unhealthy Killing BackOff CrashLoopBackOff Failed Evicted NodeNotReady"
    " Deregistered FailedScheduling FailedPlacement ErrImagePull ImagePullBackOff Error"
).split()
#: What Windows says of IIS's application pools.
_POOLS = ["app_pool_disabled", "worker_crashed", "worker_unresponsive"]
#: What is of a kind by its reason alone.
_NAMED = [*_STATES, *_DEATHS, *_FULL, *_POOLS, "probe_failed"]
#: A packet that a host's firewall dropped, as its kernel logs it: LOG alone may have
#: any words before it.
_PACKET = r"(?i)(?:block|drop|reject|den[yi]).*\bSRC=\S+ DST=\S+ .*\bDPT=[0-9]"
#: How long before the request such a thing may have come, and still matter to it.
_BEFORE = {
    **dict.fromkeys(_STATES, timedelta(minutes=15)),
    **dict.fromkeys(_DEATHS, timedelta(minutes=1)),
    **dict.fromkeys(_FULL, timedelta(minutes=2)),
    "store_refused": timedelta(seconds=5),
    "store_away": timedelta(minutes=1),
    "pod": timedelta(minutes=10),
    **dict.fromkeys(_POOLS, timedelta(minutes=2)),
    "probe_failed": timedelta(minutes=5),
    "app_pool_disabled": timedelta(hours=1),  # until somebody starts it
    "change": timedelta(hours=1),
    "flow": timedelta(minutes=10),
    "packet": timedelta(minutes=10),
}
_AFTER = timedelta(minutes=15)
_SECOND = timedelta(seconds=1)
_SERVER_ERROR = 500
#: So many of a kind are named.
_MOST = 3
_WORDS = 100
_UNIT = re.compile(
    r"^(?:(?:Stopped|Started|Failed to start) )?([^ :]+\.service)\b"
    r"|^(?:Stopped|Started|Failed to start) (.+?)\.?$"
)
#: What systemd names so is no service.
_NO_SERVICE = re.compile(
    r"^(?:target |session |user@|User Manager|Session )|\.(?:slice|timer)$"
)
#: Calls of AWS that change what answers, or who may talk to whom.
_CHANGES = (
    r"^(?:Modify|Update|Delete|Create|Put|Set|Revoke|Authorize|Register|Deregister"
    r"|Associate|Disassociate|Attach|Detach|Replace|Stop|Terminate|Reboot|Run|Start)"
)
_SERVICES = (
    r"^(?:ec2|elasticloadbalancing|ecs|eks|autoscaling|rds|lambda|cloudfront|route53"
    r"|apigateway|acm|codedeploy|elasticbeanstalk)\."
)
_FIREWALL = r"^(?:wafv2|waf|waf-regional|fms|shield)\."


class _Told(NamedTuple):
    """A sentence, and the rows that it rests on."""

    text: str = ""
    rows: pl.DataFrame = pl.DataFrame()


def circumstances(
    events: pl.LazyFrame,
    clocks: pl.DataFrame,
    verdict: Mapping[str, Any],
    present: frozenset[str],
) -> dict[str, Any]:
    """`sentence` and `evidence` with what other logs tell of that moment, or nothing.

    `present` are the hops and formats that the archive has events of.
    """
    at = verdict["request"]["time"]
    between = verdict["cause"] in _BETWEEN
    refused = verdict["cause"] == "waf_rule"
    kinds = {"host", "app_server", "vpc_flow"} if between else set()
    kinds |= {"cloudtrail"} if between or refused else set()
    waiting = verdict["cause"] in _WAITING
    waiting &= (verdict["request"]["status"] or 0) >= _SERVER_ERROR
    kinds |= set(_STORES) if waiting else set()
    if at is None or not kinds & present:
        return {}
    known = [(line["source"], line["offset"]) for line in verdict["evidence"]]
    told = pl.DataFrame(
        known, schema={"source": pl.String, "offset": pl.Int64}, orient="row"
    )
    rows = _around(events, clocks, at).join(
        told, on=["source", "offset"], how="anti", maintain_order="left"
    )
    change = _changes(rows, at, _FIREWALL if refused else _SERVICES)
    found = [change] if between or refused else []
    if between:
        target = _target(events, verdict["evidence"])
        found = [
            _services(rows, at),
            _said(rows, at, _DEATHS, "The host's log has a death"),
            _said(rows, at, _FULL, "The application server was at its limit"),
            _said(rows, at, ["pod"], "A container was in trouble"),
            _said(rows, at, ["probe_failed"], "A health probe had failed"),
            _said(rows, at, _POOLS, "Windows tells of the application pool"),
            _flows(rows, at, target),
            _packets(rows, at, target),
            change,
        ]
    if waiting:
        found.append(_said(rows, at, _FAILING, "The database's log says"))
    found = [one for one in found if one.text]
    if not found:
        return {}
    lines = [
        line
        for one in found
        for line in one.rows.head(_MOST)
        .select("hop", "source", "line", "offset")
        .to_dicts()
    ]
    role = {"role": "about that moment"}
    return {
        "sentence": verdict["sentence"] + "".join(f" {one.text}." for one in found),
        "evidence": [
            *verdict["evidence"],
            *(line | role for line in placed(events, lines)),
        ],
    }


def _around(events: pl.LazyFrame, clocks: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """The events of such kinds around a moment, with their `kind`, by time."""
    store = pl.col("format").is_in(_STORES)
    kind = (
        pl.when(store & pl.col("reason").is_in(_REFUSALS.split()))
        .then(pl.lit("store_refused"))
        .when(store & pl.col("reason").is_in(_ABSENCES.split()))
        .then(pl.lit("store_away"))
        .when(pl.col("reason").is_in(_NAMED))
        .then("reason")
        .when(
            pl.col("process").is_in(["kubernetes", "ecs"])
            & pl.col("reason").is_in(_PODS)
        )
        .then(pl.lit("pod"))
        .when(
            pl.col("format").is_in(["vpc_flow", "hubble"])
            & (pl.col("action") == "REJECT")
        )
        .then(pl.lit("flow"))
        .when((pl.col("process") == "kernel") & pl.col("message").str.contains(_PACKET))
        .then(pl.lit("packet"))
        .when((pl.col("format") == "cloudtrail") & pl.col("reason").is_null())
        .then(pl.lit("change"))
    )
    low, high = pl.lit(at) - max(_BEFORE.values()), pl.lit(at) + _AFTER
    # As stamped, and so far off as any clock is: most of the table need not be read.
    skew = clocks.select(pl.col("skew").abs().max().fill_null(0.0)).item()
    off = timedelta(seconds=skew + 1.0)
    return (
        events.filter(pl.col("time").is_between(low - off, high + off))
        .with_columns(kind=kind)
        .filter(pl.col("kind").is_not_null())
        .select(
            *("source", "line", "offset", "kind", "message", "action", "user"),
            *("client_ip", "upstream", "hostname"),
            hop=pl.col("hop").cast(pl.String),
            time=instant(clocks),
        )
        .filter(pl.col("time").is_between(low, high))
        .collect(engine="streaming")
        .sort("time", "source", "offset")
    )


def _before(rows: pl.DataFrame, at: datetime, kinds: Sequence[str]) -> pl.DataFrame:
    """The rows of these kinds that came before a moment, and may matter to it."""
    since = pl.lit(at) - pl.col("kind").replace_strict(
        list(_BEFORE), list(_BEFORE.values()), return_dtype=pl.Duration("us")
    )
    near = pl.col("time").is_between(since, pl.lit(at) + _SECOND)
    return rows.filter(pl.col("kind").is_in(kinds)).filter(near)


def _ago(at: datetime, time: datetime) -> str:
    """How long before a moment, in words."""
    seconds = (at - time).total_seconds()
    return "in the same second" if seconds < 1 else f"{apart(seconds)} before"


def _services(rows: pl.DataFrame, at: datetime) -> _Told:
    """The services that were down at that moment, and since when."""
    units = [_unit(text or "") for text in rows["message"].to_list()]
    named = rows.with_columns(unit=pl.Series(units, dtype=pl.String))
    named = named.filter(pl.col("unit").is_not_null())
    last = _before(named, at, _STATES).unique("unit", keep="last", maintain_order=True)
    down = last.filter(pl.col("kind").is_in(_DOWN)).reverse()
    if not down.height:
        return _Told()
    later = named.filter(
        (pl.col("kind") == "service_started") & (pl.col("time") > at + _SECOND)
    )
    told = []
    for unit, time in down.select("unit", "time").head(_MOST).iter_rows():
        again = later.filter(pl.col("unit") == unit)["time"].to_list()
        back = [apart((time - at).total_seconds()) for time in again[:1]]
        up = "".join(f", and up again {seconds} after" for seconds in back)
        told.append(f"{unit} went down {_ago(at, time)}{up}")
    more = f", and {down.height - _MOST} more" if down.height > _MOST else ""
    return _Told(f"By systemd's log {'; '.join(told)}{more}", down)


def _unit(message: str) -> str | None:
    """The service that a line of systemd is about."""
    found = _UNIT.match(message)
    name = (found[1] or found[2].partition(" - ")[0]) if found else None
    return None if name is None or _NO_SERVICE.search(name) else name


def _said(rows: pl.DataFrame, at: datetime, kinds: Sequence[str], what: str) -> _Told:
    """The last line of such a kind before that moment."""
    own = _before(rows, at, kinds).tail(1)
    if not own.height:
        return _Told()
    row = own.row(0, named=True)
    words = str(row["message"] or row["kind"]).split("\n", 1)[0][:_WORDS]
    where = f" on {row['hostname']}" if row["hostname"] else ""
    return _Told(f"{what}{where} {_ago(at, row['time'])} ({words})", own)


def _target(events: pl.LazyFrame, evidence: Sequence[Mapping[str, Any]]) -> str | None:
    """The address of the server that the proxy's record names."""
    places = pl.col("source").is_in([line["source"] for line in evidence])
    places &= pl.col("offset").is_in([line["offset"] for line in evidence])
    rows = events.filter(places).select("upstream").collect(engine="streaming")
    return rows["upstream"].drop_nulls().first()  # type: ignore[return-value]


def _flows(rows: pl.DataFrame, at: datetime, target: str | None) -> _Told:
    """The connections to that server that the network refused."""
    refused = _before(rows, at, ["flow"])
    refused = refused.filter(pl.col("upstream") == (target or ""))
    if not refused.height:
        return _Told()
    senders = ", ".join(refused["client_ip"].unique().sort().head(_MOST).to_list())
    records = plural(refused.height, "record")
    text = (
        f"The network's flow log has {records} of connections to {target} that it"
        f" refused (REJECT), from {senders}: a security group, an access list or a"
        " policy"
    )
    return _Told(text, refused.tail(_MOST))


def _packets(rows: pl.DataFrame, at: datetime, target: str | None) -> _Told:
    """The packets to that server that a host's firewall dropped."""
    address, _, port = (target or "").rpartition(":")
    near = _before(rows, at, ["packet"])
    said = pl.col("message")
    meant = said.str.contains(f" DST={address} ", literal=True)
    meant &= said.str.contains(rf"\bDPT={port}\b") if port.isdigit() else False
    own = near.filter(meant)
    if not address or not own.height:
        return _Told()
    words = plural(own.height, "packet")
    where = str(own["hostname"].drop_nulls().last() or "a host")
    return _Told(
        f"The firewall of {where} dropped {words} to {target}", own.tail(_MOST)
    )


def _changes(rows: pl.DataFrame, at: datetime, services: str) -> _Told:
    """What somebody changed in the hour before, by CloudTrail."""
    own = _before(rows, at, ["change"]).filter(
        pl.col("action").str.contains(_CHANGES)
        & pl.col("message").str.contains(services)
    )
    if not own.height:
        return _Told()
    told = [
        f"{row['action']} by {row['user'] or 'somebody'} {_ago(at, row['time'])}"
        for row in own.tail(_MOST).iter_rows(named=True)
    ]
    return _Told(f"CloudTrail has {', '.join(told)}", own.tail(_MOST))
