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

from forensic.counted import apart, plural
from forensic.hops.banned import NAMES, standing
from forensic.hops.journey import placed
from forensic.hops.symptoms import (
    DOWN,
    SELINUX,
    STATES,
    STORES,
    around,
    before,
    worded,
)

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
#: Causes that what an application waits for may have.
_WAITING = {
    "exception",
    "application_response",
    "worker_timeout",
    "upstream_timeout",
    "target_timeout",
}
#: What a web server's own list refuses may be what others put there.
_BANNED = "access_forbidden"
_SECOND = timedelta(seconds=1)
_SERVER_ERROR = 500
_FORBIDDEN = 403
#: How long before a failure another server's trouble is told.
_JUST = timedelta(minutes=2)
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


#: The programs that serve files, as the kernel's audit log has them.
_SERVES = r'\bcomm="(?:httpd|apache2|nginx|php-fpm\S*|lighttpd|caddy|litespeed)"'
#: Where php-fpm listens.
_PHP_SOCKET = r"(?i)php|fpm|:90[0-9]{2}$"
#: The logs of other application servers.
_OTHER_SERVERS = frozenset(
    "gunicorn_error gunicorn_access uwsgi uvicorn werkzeug daphne puma passenger"
    " rack_access tomcat".split()
)


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
    kinds = {"host", "app_server", "web_server", "vpc_flow"} if between else set()
    kinds |= {"cloudtrail"} if between or refused else set()
    waiting = verdict["cause"] in _WAITING
    waiting &= (verdict["request"]["status"] or 0) >= _SERVER_ERROR
    kinds |= {*STORES, "coredns", "vault_audit"} if waiting else set()
    # Who answers for them, as a bouncer in a web server does, is told by no record.
    unsure = verdict["request"]["status"] == _FORBIDDEN
    unsure &= verdict["confidence"] == "weak"
    banned = verdict["cause"] == _BANNED or unsure
    kinds |= set(NAMES) if banned else set()
    # What a web server may not read, the kernel may have denied it.
    withheld = banned and verdict["answered_by"] == "web_server"
    kinds |= {"host"} if withheld else set()
    if at is None or not kinds & present:
        return {}
    known = [(line["source"], line["offset"]) for line in verdict["evidence"]]
    told = pl.DataFrame(
        known, schema={"source": pl.String, "offset": pl.Int64}, orient="row"
    )
    rows = around(events, clocks, at).join(
        told, on=["source", "offset"], how="anti", maintain_order="left"
    )
    change = _changes(rows, at, _FIREWALL if refused else _SERVICES)
    found = [change] if between or refused else []
    if banned:
        bans = standing(events, clocks, at)
        found.append(_ban(bans, at, verdict["request"]["client_ip"]))
    if withheld:
        own = pl.col("message").str.contains(_SERVES)
        found.append(_said(rows.filter(own), at, SELINUX, ["forbidden"]))
    if between:
        target, protocol = _target(events, verdict["evidence"])
        path = verdict["request"]["path"]
        if not _is_php(target, protocol, path, present):
            pool = (pl.col("format") == "php") & (pl.col("kind") == "full")
            rows = rows.filter(~pool.fill_null(value=False))
        found = [
            _services(rows, at),
            *(
                _said(_nearest(rows, at, target), at, *told)
                for told in worded(stores=False).items()
            ),
            _flows(rows, at, target),
            _meshed(rows, at, target),
            _packets(rows, at, target),
            change,
        ]
    if waiting:
        found += [_said(rows, at, *told) for told in worded(stores=True).items()]
    if between or waiting:
        found.append(_lookups(rows, at, verdict["sentence"]))
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


def _ago(at: datetime, time: datetime) -> str:
    """How long before a moment, in words."""
    seconds = (at - time).total_seconds()
    return "in the same second" if seconds < 1 else f"{apart(seconds)} before"


def _services(rows: pl.DataFrame, at: datetime) -> _Told:
    """The services that were down at that moment, and since when."""
    units = [_unit(text or "") for text in rows["message"].to_list()]
    named = rows.with_columns(unit=pl.Series(units, dtype=pl.String))
    named = named.filter(pl.col("unit").is_not_null())
    last = before(named, at, STATES).unique("unit", keep="last", maintain_order=True)
    down = last.filter(pl.col("kind").is_in(DOWN)).reverse()
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


def _said(rows: pl.DataFrame, at: datetime, what: str, kinds: Sequence[str]) -> _Told:
    """The last line of such a kind before that moment."""
    own = before(rows, at, kinds).tail(1)
    if not own.height:
        return _Told()
    row = own.row(0, named=True)
    words = str(row["message"] or row["reason"]).split("\n", 1)[0][:_WORDS]
    where = f" on {row['hostname']}" if row["hostname"] else ""
    return _Told(f"{what}{where} {_ago(at, row['time'])} ({words})", own)


def _ban(bans: pl.DataFrame, at: datetime, client: str | None) -> _Told:
    """The ban under which the client was at that moment."""
    own = bans.filter(pl.col("client_ip") == (client or "")).head(1)
    if not own.height:
        return _Told()
    row = own.row(0, named=True)
    kind = "jail " if row["format"] == "fail2ban" else ""
    jail = f" ({kind}{row['rule']})" if row["rule"] else ""
    who = NAMES[row["format"]]
    return _Told(f"{who} had banned {client} {_ago(at, row['time'])}{jail}", own)


def _target(
    events: pl.LazyFrame, evidence: Sequence[Mapping[str, Any]]
) -> tuple[str | None, str | None]:
    """The address of the server that the proxy's record names, and its protocol."""
    places = pl.col("source").is_in([line["source"] for line in evidence])
    places &= pl.col("offset").is_in([line["offset"] for line in evidence])
    spoken = pl.col("extra").str.json_path_match("$.protocol").alias("protocol")
    rows = events.filter(places & pl.col("upstream").is_not_null())
    found = rows.select("upstream", spoken).collect(engine="streaming")
    return found["upstream"].first(), found["protocol"].drop_nulls().first()  # type: ignore[return-value]


def _is_php(
    target: str | None,
    protocol: str | None,
    path: str | None,
    present: frozenset[str],
) -> bool:
    """Whether the request was php-fpm's to answer, or may have been.

    It is spoken to by FastCGI, on a socket of its name or on a port of its own; but
    the target may be the server in front of it, or a name of that server's own.
    """
    if protocol is not None:
        return protocol == "fastcgi"
    if ".php" in (path or ""):
        return True
    if target is not None:
        return re.search(_PHP_SOCKET, target) is not None
    return not present & _OTHER_SERVERS


def _nearest(rows: pl.DataFrame, at: datetime, target: str | None) -> pl.DataFrame:
    """The rows without what a platform says of other servers, but just before.

    Where it names the server that was asked, that alone. In a cluster something is in
    trouble all the time.
    """
    platform = pl.col("kind") == "platform"
    address = (target or "").rpartition(":")[0]
    said = pl.concat_str("message", "hostname", "extra", ignore_nulls=True)
    whole = rf"(?:^|[^0-9A-Za-z]){pl.escape_regex(address)}(?:[^0-9A-Za-z]|$)"
    meant = said.str.contains(whole) & bool(address)
    if before(rows.filter(meant), at, ["platform"]).height:
        return rows.filter(~platform | meant)
    return rows.filter(~platform | (pl.col("time") >= pl.lit(at) - _JUST))


def _flows(rows: pl.DataFrame, at: datetime, target: str | None) -> _Told:
    """The connections to that server that the network refused.

    Where a cluster's pods are logged by name, those to a pod at that port just then.
    """
    near = before(rows, at, ["flow"])
    refused = near.filter(pl.col("upstream") == (target or ""))
    if not refused.height:
        port = (target or "").rpartition(":")[2]
        named = pl.col("upstream").str.contains(rf"^[a-z0-9.-]+/[^:]+:{port}$")
        named &= pl.col("time") >= pl.lit(at) - _JUST
        refused = near.filter(named & port.isdigit())
    if not refused.height:
        return _Told()
    sender = pl.coalesce("client_ip", pl.col("extra").str.json_path_match("$.sender"))
    names = refused.select(sender.str.replace(r"^(.*/.*):\d+$", "$1")).to_series()
    senders = ", ".join(names.drop_nulls().unique().sort().head(_MOST).to_list())
    asked = ", ".join(refused["upstream"].unique().sort().head(_MOST).to_list())
    records = plural(refused.height, "record")
    text = (
        f"The network's flow log has {records} of connections to {asked} that it"
        f" refused (REJECT), from {senders}: a security group, an access list or a"
        " policy"
    )
    return _Told(text, refused.tail(_MOST))


def _meshed(rows: pl.DataFrame, at: datetime, target: str | None) -> _Told:
    """What the proxies of a mesh could not pass on to that server.

    They may know it by another address, of a pod and not of its service: then what they
    say of its port just then.
    """
    near = before(rows, at, ["mesh"])
    port = (target or "").rpartition(":")[2]
    served = pl.col("extra").str.json_path_match("$.port")
    served = pl.coalesce(pl.col("upstream").str.extract(r":(\d+)$", 1), served)
    named = near.filter(pl.col("upstream") == (target or ""))
    just = pl.col("time") >= pl.lit(at) - 2 * _SECOND
    own = (named if named.height else near.filter((served == port) & just)).tail(_MOST)
    if not own.height:
        return _Told()
    row = own.row(-1, named=True)
    denied = row["reason"] == "mesh_denied"
    what = "refused a connection" if denied else "could not pass a request on"
    words = str(row["message"]).split("\n", 1)[0][:_WORDS]
    return _Told(f"The mesh's proxy {what} {_ago(at, row['time'])} ({words})", own)


def _lookups(rows: pl.DataFrame, at: datetime, said: str) -> _Told:
    """The lookups that failed, of names that the answer's own lines speak of."""
    names = pl.col("extra").str.json_path_match("$.name")
    near = before(rows, at, ["lookup"]).with_columns(name=names)
    own = near.filter(pl.lit(said).str.contains(pl.col("name"), literal=True))
    if not own.height:
        return _Told()
    name, time = own.select("name", "time").row(-1)
    text = f"The DNS server could not look up {name} {_ago(at, time)}"
    return _Told(text, own.tail(_MOST))


def _packets(rows: pl.DataFrame, at: datetime, target: str | None) -> _Told:
    """The packets to that server that a host's firewall dropped."""
    address, _, port = (target or "").rpartition(":")
    near = before(rows, at, ["packet"])
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
    own = before(rows, at, ["change"]).filter(
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
