"""Worker deaths ▶ requests: which failure of a host broke which request.

A worker that is killed takes its requests with it: nginx sees the connection close.
A server that cannot boot, or was shut down, leaves nobody listening: nginx is refused.
A service that has no pod that is ready has nobody to ask.
"""

import polars as pl

from forensic.hops.attach import LEAST_LIMIT
from forensic.hops.machine import machine
from forensic.hops.said import made_by

__all__ = ["incidents"]

_SECOND = 1_000_000
_EMPTY = {"request": pl.Int64, "incident": pl.String, "incident_note": pl.Int64}
#: The worker dies first, nginx notices at once; whole seconds and buffering blur it.
_BEFORE = 3_500_000
_AFTER = 2_000_000
#: So late the death of a worker is told, at most, or the request that it broke.
_TOLD = 1_500_000
#: A failed boot explains refusals until the next boot that holds.
_OUTAGE = 900 * _SECOND
#: So long a container needs to start again.
_RESTART = 60 * _SECOND
_HOLDS = 12 * _SECOND
#: What tells why a worker had to die, and what is written once it is dead.
_REASONS, _FOLLOW = ["timeout", "oom"], ["killed", "abort", "exited"]
#: So long after the reason that may follow.
_LINGERS = 8 * _SECOND
#: How Go's runtime begins what it writes when it gives up.
_PANIC = r"^(?:panic|fatal error): "
#: What the kernel kills and no web server sends requests to.
_NO_WORKER = (
    r"[Kk]illed process \d+ \((?:mysqld|mariadbd|postgres|mongod|redis-server"
    r"|memcached|chrome|firefox|sshd)\)"
)


def _fatal(notes: pl.DataFrame) -> pl.DataFrame:
    """The exceptions that end a program: Go's panics, and those that Node quits by.

    What a program survives is printed otherwise, as `http: panic serving` is.
    """
    thrown = notes.filter(pl.col("kind") == "exception", pl.col("time").is_not_null())
    last = (
        notes.filter((pl.col("kind") == "quit") & pl.col("time").is_not_null())
        .select("source", "time", place="offset")
        .sort("time", "place")
    )
    ended = thrown.sort("time", "note").join_asof(
        last,
        on="time",
        by="source",
        strategy="forward",
        tolerance=_SECOND,
        check_sortedness=False,
    )
    ended = ended.filter(pl.col("place") > pl.col("offset")).drop("place")
    goes = pl.col("message").str.contains(_PANIC)
    found = pl.concat([thrown.filter(goes), ended.filter(~goes)])
    return found.with_columns(kind=pl.lit("crashed"), cause=pl.lit("worker_crashed"))


def _kills(notes: pl.DataFrame) -> pl.DataFrame:
    """Deaths of workers, with the cause that the whole group of lines gives.

    The arbiter kills a worker that ignores its time limit with the very line that it
    writes for a lack of memory; a time limit, or the kernel's word, just before says
    which it was. What the worker itself writes then only follows from that line.
    """
    dead = pl.col("kind").is_in([*_REASONS, *_FOLLOW, "crashed"])
    told = [
        notes.filter(dead).with_columns(sudden=pl.lit(value=False)),
        _fatal(notes).with_columns(sudden=pl.lit(value=True)),
    ]
    deaths = pl.concat(told).sort("time", "note")
    limits = deaths.filter(pl.col("kind").is_in(_REASONS)).select("time", "victim")
    named = limits.drop_nulls("victim").with_columns(limit="time")
    before = limits.rename({"victim": "limited"}).with_columns(earlier="time")
    nameless = pl.col("victim").is_null() | pl.col("limited").is_null()
    nameless &= pl.col("earlier").is_not_null()
    return (
        deaths.join_asof(before, on="time", strategy="backward", tolerance=_LINGERS)
        # Two programs tell of one victim: their clocks may be a little apart.
        .with_columns(time=pl.col("time") + _TOLD, at="time")
        .join_asof(
            named,
            on="time",
            by="victim",
            strategy="backward",
            tolerance=_LINGERS + _TOLD,
            check_sortedness=False,
        )
        .filter(
            ~(
                pl.col("kind").is_in(_FOLLOW)
                & (pl.col("limit").is_not_null() | nameless)
            )
        )
        .filter(~pl.col("message").str.contains(_NO_WORKER))
        .select(
            *("note", "source", "hostname", "format", "sudden"),
            time="at",
            incident="cause",
        )
    )


def _are_machines(kills: pl.DataFrame) -> bool:
    """Whether folders have the names of hosts, by what deaths say where they were."""
    name, folder = pl.col("hostname").str.to_lowercase(), pl.col("machine")
    own = name.str.starts_with(folder.str.to_lowercase()) & (folder != "")
    return bool(kills.select(own.any()).item())


#: Where a server says that it listens, and where it was looked for.
_LISTENS = r"(?:Listening at|Listening on|running on):? \S*:(\d{2,5})\b"
_PORT = r":(\d{2,5})(?:/|$)"


def _elsewhere(joined: pl.DataFrame, notes: pl.DataFrame) -> pl.Expr:
    """Whether the request was for another port than that of the server that failed.

    Only of ports at which the web server looks for one: others are mapped to them.
    """
    own = notes.select("source", port=pl.col("message").str.extract(_LISTENS, 1))
    sought = joined["sought"].drop_nulls().unique()
    own = own.filter(pl.col("port").is_in(sought.implode())).unique()
    ports = own.group_by("source").agg("port")
    known = joined.join(ports, on="source", how="left", maintain_order="left")
    other = ~pl.col("port").list.contains(pl.col("sought"))
    return pl.lit(known.select(other.fill_null(value=False)).to_series())


def _broken(requests: pl.DataFrame, notes: pl.DataFrame) -> pl.DataFrame:
    """Requests whose connection closed when a worker of their machine died."""
    kills = _kills(notes).with_columns(machine=machine(pl.col("source")))
    if not kills.height:
        return pl.DataFrame(schema=_EMPTY)
    closed = pl.col("note_kind").is_null() | (pl.col("note_kind") == "closed")
    # For a script of Apache's it is 503 or 500.
    broken = (pl.col("status") == 502) & closed
    broken |= pl.col("status").is_in([500, 503]) & (pl.col("note_kind") == "closed")
    # A platform that ends the container says nothing in the request's own record.
    ended = made_by("load_balancer", "cloud_run") & pl.col("status").is_in([500, 503])
    broken |= ended & pl.col("note_kind").is_null()
    # Apache answers 500 where uWSGI breaks off, and writes nothing.
    silent = pl.col("note_kind").is_null() & (pl.col("status") == 500)
    silent &= pl.col("web_server_format") == "apache_access"
    silent &= pl.col("app_server_row").is_null() & pl.col("application_row").is_null()
    rows = requests.with_columns(silent=silent.fill_null(value=False)).filter(
        broken | pl.col("silent")
    )
    rows = rows.with_columns(machine=machine(pl.col("web_source")))
    if not rows.height:
        return pl.DataFrame(schema=_EMPTY)
    # Where the logs of all machines lie together, the folder tells nothing.
    apart = rows["machine"].is_in(kills["machine"].unique().implode()).all()
    if not (apart or _are_machines(kills)):
        rows = rows.with_columns(machine=pl.lit(""))
        kills = kills.with_columns(machine=pl.lit(""))
    joined = (
        # The error line stands at the end, an access line often at the start.
        rows.select(
            "request",
            "duration",
            "machine",
            "silent",
            time=pl.coalesce("note_time", "time"),
            sought=pl.coalesce("note_upstream", "web_server_upstream").str.extract(
                _PORT, 1
            ),
        )
        .sort("time", "request")
        .join_asof(
            kills.with_columns(at=pl.col("time")).sort("time", "note"),
            on="time",
            by="machine",
            strategy="nearest",
            tolerance=_BEFORE,
            check_sortedness=False,
        )
    )
    late = pl.col("at") - pl.col("time")
    # Of several that end with one worker, it is the longest that met the limit.
    longest = pl.col("duration").max().over("note")
    brief = pl.col("duration") < pl.max_horizontal(pl.lit(LEAST_LIMIT), longest * 0.4)
    brief &= pl.col("incident") == "worker_timeout"
    # Nor did a worker take with it what came when it was dead.
    came = pl.col("time") - (pl.col("duration") * _SECOND).cast(pl.Int64)
    brief |= came - pl.col("at") > _TOLD
    # Nor what ended so long after what that death did break.
    brief |= -late - late.abs().min().over("note") > _TOLD
    # A program that gives up is gone at once: of many in a cluster one always does.
    brief |= pl.col("sudden") & (late.abs() > _TOLD)
    return joined.filter(
        late.is_between(-_BEFORE, _AFTER) & ~brief.fill_null(value=False),
        ~pl.col("silent") | (pl.col("format") == "uwsgi"),
        ~_elsewhere(joined, notes),
    ).select("request", "incident", incident_note="note")


def _refused(requests: pl.DataFrame, notes: pl.DataFrame) -> pl.DataFrame:
    """Requests refused while the application server could not boot."""
    kinds = ["refused", "no_live"]
    unheard = pl.col("note_kind").is_null() | pl.col("note_kind").is_in(kinds)
    rows = requests.filter(pl.col("status").is_in([502, 503]) & unheard)
    failed = notes.filter(pl.col("kind") == "boot_failed").sort("time", "note")
    if not rows.height or not failed.height:
        return pl.DataFrame(schema=_EMPTY)
    fails = failed.select("time", "note", failed_at=pl.col("time"))
    booted = (
        notes.filter(pl.col("kind") == "booted")
        .sort("time", "note")
        .join_asof(fails, on="time", strategy="forward", tolerance=_HOLDS)
        .filter(pl.col("failed_at").is_null())
        .select("time", held=pl.col("time"))
        .sort("time")
    )
    moved = rows.select("request", at="time").with_columns(
        time=pl.col("at") + 5 * _SECOND
    )
    return (
        moved.sort("time", "request")
        .join_asof(fails, on="time", strategy="backward", tolerance=_OUTAGE)
        .filter(pl.col("failed_at").is_not_null())
        .drop("time")
        .with_columns(time=pl.col("at"))
        .sort("time", "request")
        .join_asof(booted, on="time", strategy="backward")
        .filter(pl.col("held").is_null() | (pl.col("held") < pl.col("failed_at")))
        .select("request", incident=pl.lit("boot_failed"), incident_note="note")
    )


def _restarting(requests: pl.DataFrame, broken: pl.DataFrame) -> pl.DataFrame:
    """Requests that a server refused which had died for want of memory just before."""
    died = (
        requests.filter(pl.col("web_server_upstream").is_not_null())
        .join(broken, on="request", maintain_order="left")
        .filter(pl.col("incident") == "out_of_memory")
        .select("time", "incident", "incident_note", upstream="web_server_upstream")
    )
    rows = requests.filter(
        pl.col("status").is_in([502, 503]) & (pl.col("note_kind") == "refused")
    )
    if not rows.height or not died.height:
        return pl.DataFrame(schema=_EMPTY)
    return (
        rows.select("request", "time", upstream="web_server_upstream")
        .sort("time", "request")
        .join_asof(
            died.sort("time", "incident_note"),
            on="time",
            by="upstream",
            strategy="backward",
            tolerance=_RESTART,
            check_sortedness=False,
        )
        .filter(pl.col("incident").is_not_null())
        .select(*_EMPTY)
    )


def _ports(notes: pl.DataFrame) -> pl.DataFrame:
    """Where each server says that it listens, `source` and `server`: of one each."""
    port = pl.col("message").str.extract(_LISTENS, 1)
    own = notes.select("source", server=port).drop_nulls().unique()
    return own.filter(pl.col("source").n_unique().over("server") == 1)


def _stopped(requests: pl.DataFrame, notes: pl.DataFrame) -> pl.DataFrame:
    """Requests that came when the application server was shut down.

    Of several the port tells which one was asked; else there must be but one.
    """
    states = notes.filter(pl.col("kind").is_in(["booted", "stopped"]))
    unheard = pl.col("note_kind").is_null() | (pl.col("note_kind") == "refused")
    unheard &= pl.col("time").is_not_null()
    rows = requests.filter(pl.col("status").is_in([502, 503]) & unheard)
    stops = states.filter(pl.col("kind") == "stopped").height
    if not rows.height or not stops:
        return pl.DataFrame(schema=_EMPTY)
    asked = pl.coalesce("note_upstream", "web_server_upstream").str.extract(_PORT, 1)
    # In one second nothing tells what was first.
    rows = rows.select("request", time=pl.col("time") - _SECOND, sought=asked)
    if states["source"].n_unique() > 1:
        states = states.join(_ports(notes), on="source", maintain_order="left")
        rows = rows.with_columns(server="sought").drop_nulls("server")
    else:
        states, rows = (side.with_columns(server=pl.lit("")) for side in (states, rows))
    joined = rows.sort("time", "request").join_asof(
        states.sort("time", "note").select("time", "note", "kind", "server", "source"),
        on="time",
        by="server",
        strategy="backward",
        tolerance=_OUTAGE,
        check_sortedness=False,
    )
    known = _ports(notes).group_by("source").agg("server").rename({"server": "ports"})
    other = ~pl.col("ports").list.contains(pl.col("sought"))
    other &= pl.col("sought").is_not_null()
    return (
        joined.join(known, on="source", how="left", maintain_order="left")
        .filter(pl.col("kind") == "stopped", ~other.fill_null(value=False))
        .select("request", incident=pl.lit("upstream_refused"), incident_note="note")
    )


def _unserved(requests: pl.DataFrame, notes: pl.DataFrame) -> pl.DataFrame:
    """Requests that an ingress asked nobody for, since their service had nobody."""
    alone = pl.col("web_server_upstream").is_null() & pl.col("note_kind").is_null()
    rows = requests.filter((pl.col("status") == 503) & alone)
    told = notes.filter(pl.col("kind") == "unserved").sort("time", "note")
    if not rows.height or not told.height:
        return pl.DataFrame(schema=_EMPTY)
    return (
        rows.select("request", time=pl.col("time") + _AFTER)
        .sort("time", "request")
        .join_asof(
            told.select("time", "note"),
            on="time",
            strategy="backward",
            tolerance=_OUTAGE,
        )
        .filter(pl.col("note").is_not_null())
        .select("request", incident=pl.lit("no_target"), incident_note="note")
    )


def incidents(requests: pl.DataFrame, notes: pl.DataFrame) -> pl.DataFrame:
    """`request`, `incident` (its cause) and `incident_note`, one row a request."""
    if not requests.height or not notes.height:
        return pl.DataFrame(schema=_EMPTY)
    broken = _broken(requests, notes)
    found = [_stopped(requests, notes), broken]
    found += [way(requests, notes) for way in (_refused, _unserved)]
    found.append(_restarting(requests, broken))
    return (
        pl.concat(found)
        .unique("request", keep="first", maintain_order=True)
        .sort("request")
    )
