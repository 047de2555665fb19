"""Worlds as engineers copy them: pings by the dozen, a log a day, containers, cuts.

What only neighbours and spans can tell is `leaning`: it must be right, and need not be
sure. What nothing tells must never be stated with confidence.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from tests.clock_writers import (
    STARTS,
    Hit,
    World,
    alb,
    app,
    clock,
    errors,
    nginx,
    request,
)

__all__ = ["COPIES"]

Builder = Callable[[World, dt.datetime], None]
_MINUTE = dt.timedelta(minutes=1)


def _start(w: World) -> dt.datetime:
    month, day, hour, _ = STARTS[w.start]
    return dt.datetime(w.year, month, day, hour, 20, 1)  # noqa: DTZ001 - UTC


def _pings(w: World, count: int, pause: float, jitter: float) -> list[Hit]:
    at, hits = _start(w), []
    for _ in range(count):
        at += dt.timedelta(seconds=pause + w.rng.uniform(-jitter, jitter))
        hits.append(Hit(at, "/api/ping", None, 200, 0.012))
    return hits


def _moments(
    w: World, start: dt.datetime, end: dt.datetime, pause: float
) -> list[dt.datetime]:
    """When a program that has nothing to do with requests writes a line."""
    found = []
    while start < end:
        found.append(start)
        start += dt.timedelta(seconds=pause * w.rng.uniform(0.9, 1.1))
    return found


def _lines(
    w: World,
    half: dt.datetime,
    name: str,
    when: Sequence[dt.datetime],
    zone: int,
    **columns: Any,
) -> None:
    """Lines of a program, without requests."""
    kept: dict[str, Any] = {"digits": 3, "hop": "application"}
    kept |= {"format": "python_logging"} | columns
    for at in when:
        w.add(name, clock(w, at, half), zone, **kept)


def _payloads(
    w: World, half: dt.datetime, hits: Sequence[Hit], zone: int, envelope: int
) -> None:
    """Two lines a request in syslog: when it came, and what was answered."""
    for i, hit in enumerate(hits):
        for after in (0.004, 0.017):
            w.add(
                "var/log/syslog",
                clock(w, hit.at + dt.timedelta(seconds=after), half),
                zone,
                digits=3,
                envelope=(envelope, False),
                hop="application",
                format="python_logging",
                process="gunicorn",
                hostname="web1",
                **(request(hit, status=False) if after < 0.01 else {}),
            )
        if i % 10 == 0:
            w.add(
                "var/log/syslog",
                clock(w, hit.at, half),
                envelope,
                envelope=(envelope, False),
                payload=False,
                hop="host",
                format="syslog",
                process="CRON",
                hostname="web1",
            )


def _all(w: World) -> set[str]:
    return {row["source"] for row in w.rows}


def _story(w: World, half: dt.datetime) -> None:
    """What happened: pings, one rare request, a quiet log a day, an error or two."""
    pings = _pings(w, 104, 14.5, 2.0)
    rare = Hit(pings[20].at + 3 * dt.timedelta(seconds=1), "/old", None, 400, 0.01)
    seen = sorted([*pings, rare], key=lambda hit: hit.at)
    nginx(w, seen, half)
    _payloads(w, half, seen, w.zone, 0)
    day = (pings[0].at + dt.timedelta(seconds=w.zone)).date()
    end = pings[-1].at + dt.timedelta(seconds=7)
    _lines(w, half, f"srv/app/logs/{day}.log", _moments(w, _start(w), end, 60), w.zone)
    w.add(
        "nginx/error.log",
        clock(w, pings[0].at - 5 * 60 * _MINUTE, half),
        w.zone,
        hop="web_server",
        format="nginx_error",
    )
    errors(w, [rare], half, requests=True)
    w.decided = _all(w)


def _ticks(w: World, half: dt.datetime) -> None:
    """A health check every 15 seconds exactly, in both logs from start to end."""
    pings = _pings(w, 233, 15.0, 0.0)
    nginx(w, pings, half)
    app(w, pings, half)
    w.decided = _all(w)


def _outages(w: World, half: dt.datetime) -> None:
    """A strictly regular check, with the server down at times; one log is longer."""
    w.step = 0.0  # nothing but the outages tells, and a step hides them
    down = [w.rng.randrange(900) for _ in range(20)]
    pings = [
        hit
        for i, hit in enumerate(_pings(w, 900, 15.0, 0.0))
        if not any(start <= i < start + 20 for start in down)
    ]
    nginx(w, pings, half)
    app(w, pings[300:], half)
    w.decided = _all(w)


def _daily(w: World, half: dt.datetime) -> None:
    """Three days of a program without requests, a file a day, beside nginx."""
    end = _start(w) + 25 * _MINUTE
    start = end - dt.timedelta(days=2, hours=7)
    for at in _moments(w, start, end, 170):
        day = (at + dt.timedelta(seconds=w.zone)).date()
        _lines(w, half, f"srv/app/logs/{day}.log", [at], w.zone)
    nginx(w, [Hit(at, "/", None, 200, 0.1) for at in _moments(w, start, end, 90)], half)
    w.decided, w.leaning = {"nginx/access.log"}, _all(w) - {"nginx/access.log"}


def _syslog_and_errors(w: World, half: dt.datetime) -> None:
    """Nothing writes a zone: the syslog's differs from its payload's, errors end there.

    Envelopes in UTC are what is usual, so it must come out right, and not be sure.
    """
    pings = _pings(w, 100, 14.0, 3.0)
    _payloads(w, half, pings, w.zone, 0)
    _lines(
        w,
        half,
        "var/log/nginx/error.log",
        _moments(w, _start(w), pings[-1].at, 55),
        w.zone,
        digits=0,
        hop="web_server",
        format="nginx_error",
    )
    w.leaning = _all(w)


def _containers(w: World, _half: dt.datetime) -> None:
    """Docker's own stamps are in UTC; what the containers write is not always."""
    for name, zone in (("a1", w.zone), ("b2", 0)):
        for at in _moments(w, _start(w), _start(w) + 20 * _MINUTE, 20):
            moment = at.replace(tzinfo=dt.UTC)
            local = at + dt.timedelta(seconds=zone)
            w.add(
                f"var/lib/docker/containers/{name}/{name}-json.log",
                at,
                zone,
                digits=3,
                hop="application",
                format="python_logging",
                envelope_local=at + dt.timedelta(milliseconds=1),
                envelope_offset=0,
                envelope_time=moment + dt.timedelta(milliseconds=1),
            )
            w.rows[-1]["local_time"] = local.replace(
                microsecond=at.microsecond // 1000 * 1000
            )
    w.decided = _all(w)


def _journal(w: World, half: dt.datetime) -> None:
    """`journalctl` without options shows the viewer's local time, and no year."""
    pings = _pings(w, 120, 12.0, 4.0)
    nginx(w, pings, half)
    for hit in pings:
        w.add(
            "journal.txt",
            clock(w, hit.at, half),
            w.zone,
            envelope=(w.zone, False),
            payload=False,
            hop="application",
            format="syslog",
            process="gunicorn",
            hostname="web1",
            **request(hit, status=False),
        )
    w.decided = _all(w)


def _local_host(w: World, half: dt.datetime) -> None:
    """Syslog in local time, and programs inside that write UTC."""
    pings = _pings(w, 104, 14.5, 2.0)
    nginx(w, pings, half)
    _payloads(w, half, pings, 0, w.zone)
    w.decided = _all(w)


def _container_beside(w: World, half: dt.datetime) -> None:
    """One program runs in UTC beside a server in local time: its end says so."""
    pings = _pings(w, 200, 14.5, 2.0)
    nginx(w, pings, half)
    when = _moments(w, _start(w) + 7 * _MINUTE, pings[-1].at, 30)
    _lines(w, half, "opt/worker/worker.log", when, 0)
    w.decided, w.leaning = {"nginx/access.log"}, {"opt/worker/worker.log"}


def _spans_alone(w: World, half: dt.datetime) -> None:
    """A log in local time; all that writes a zone writes UTC, over the same stretch."""
    start, end = _start(w), _start(w) + 90 * _MINUTE
    _lines(
        w,
        half,
        "other/service.log",
        _moments(w, start, end, 20),
        0,
        written=True,
        format="app_json",
    )
    _lines(w, half, "logs/app.log", _moments(w, start, end, 25), w.zone)
    w.decided, w.leaning = {"other/service.log"}, {"logs/app.log"}


def _many_programs(w: World, half: dt.datetime) -> None:
    """Programs of one machine that only their neighbours tell about."""
    pings = _pings(w, 200, 14.5, 2.0)
    nginx(w, pings, half)
    app(w, pings, half, "srv/shop/logs/app.log")
    for name in ("mail", "batch", "report"):
        when = _moments(w, _start(w) + 5 * _MINUTE, pings[-1].at, 40)
        _lines(w, half, f"srv/{name}/logs/app.log", when, w.zone)
    w.decided = _all(w)


def _stopped(w: World, half: dt.datetime) -> None:
    """A program in UTC that stopped long before the copy: nothing tells its zone."""
    pings = _pings(w, 200, 14.5, 2.0)
    nginx(w, pings, half)
    before = _start(w) - dt.timedelta(seconds=w.rng.randrange(4 * 3600, 40 * 3600))
    _lines(
        w,
        half,
        "opt/worker/worker.log",
        _moments(w, before - 50 * _MINUTE, before, 30),
        0,
    )
    w.decided = {"nginx/access.log"}


def _cut(w: World, half: dt.datetime) -> None:
    """Someone cut every log by the same minutes as written, and one is in UTC."""
    w.skew = w.step = 0.0  # the cut follows what the clock shows
    start = _start(w) - dt.timedelta(seconds=1)
    end = start + 25 * _MINUTE
    nginx(w, [Hit(at, "/", None, 200, 0.1) for at in _moments(w, start, end, 4)], half)
    ahead = dt.timedelta(seconds=w.zone)
    if w.number % 2:
        w.rows = [r | {"source": "var/log/nginx/access.log"} for r in w.rows]
    moments = _moments(w, start + ahead, end + ahead, 6)
    w.decided = _all(w)
    _lines(w, half, "srv/app/logs/app.log", moments, 0)


def _midnights(w: World, half: dt.datetime) -> None:
    """Yesterday's files, each cut at midnight by its own clock."""
    day = _start(w).replace(hour=0, minute=0, second=1)
    ahead = dt.timedelta(seconds=w.zone)
    whole = dt.timedelta(days=1)
    served = _moments(w, day - ahead, day - ahead + whole, 60)
    nginx(w, [Hit(at, "/", None, 200, 0.1) for at in served], half)
    _lines(w, half, "srv/app/logs/app.log", _moments(w, day, day + whole, 90), 0)
    w.decided = {"nginx/access.log"}


def _busy(w: World, half: dt.datetime) -> None:
    """Many alike requests a second, and the load balancer's log ends early."""
    at = _start(w)
    hits: list[Hit] = []
    while len(hits) < 3000:
        at += dt.timedelta(seconds=w.rng.expovariate(1.0))
        path = f"/items/{int(w.rng.paretovariate(0.6)) % 2000}"
        hits.append(Hit(at, path, None, 200, 0.01))
    alb(w, hits[:2000])
    _payloads(w, half, hits, w.zone, 0)
    w.decided = _all(w)


COPIES: dict[str, Builder] = {
    "the story as it was": _story,
    "ticks": _ticks,
    "ticks with outages": _outages,
    "a log a day": _daily,
    "syslog and errors only": _syslog_and_errors,
    "containers": _containers,
    "journal in short form": _journal,
    "local syslog, UTC payload": _local_host,
    "UTC program beside nginx": _container_beside,
    "spans alone": _spans_alone,
    "many programs": _many_programs,
    "busy, one log ends early": _busy,
    "program stopped early": _stopped,
    "cut by written minutes": _cut,
    "cut at midnight": _midnights,
}
