"""Seeded archives with known clocks, for `test_clock_matrix`.

Every archive is a small world: requests with true moments, hosts with a zone, a skew
and perhaps a step or a change of zone, and logs that write stamps as such logs do.
"""

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from forensic.schema import EVENT, SOURCE, YEARLESS

ZONES = {
    "+09:00": 32400,
    "+00:00": 0,
    "-05:00": -18000,
    "+05:30": 19800,
    "+05:45": 20700,
    "-03:30": -12600,
}
SKEWS = [0.0, 0.4, 7.0, 40.0, 90.0]
STARTS = {
    "midyear": (6, 17, 4, 11),
    "february": (2, 6, 5, 2),
    "leap day": (2, 28, 20, 0),
    "New Year": (12, 31, 20, 0),
}
MTIMES = [2026, 2024, 1970]


@dataclass
class World:
    """One archive: what is true in it."""

    number: int
    kind: str
    zone: int
    year: int
    start: str
    skew: float
    step: float  # seconds that the server's clock leaps in the middle
    pings: bool  # nothing but one frequent request
    rng: random.Random
    rows: list[dict[str, Any]] = field(default_factory=list)
    truth: list[dt.datetime] = field(default_factory=list)
    decided: set[str] = field(default_factory=set)  # sources whose clock is decidable
    config: dict[str, bytes] = field(default_factory=dict)
    tz: tuple[tuple[str, str], ...] = ()
    #: Sources that must be right, though nothing proves it.
    leaning: set[str] = field(default_factory=set)
    #: Sources whose year is decidable, though their zone is not.
    dated: dict[str, int] = field(default_factory=dict)  # with the offset of its stamps
    #: Sources whose skew against the reference must be found.
    skewed: dict[str, float] = field(default_factory=dict)

    def add(
        self,
        source: str,
        when: dt.datetime,
        zone: int,
        *,
        written: bool = False,
        digits: int = 0,
        envelope: tuple[int, bool] | None = None,
        payload: bool = True,
        **columns: Any,
    ) -> None:
        """One line written by a clock that shows `when` (UTC), in that zone."""
        moment = when.replace(
            microsecond=when.microsecond // 10 ** (6 - digits) * 10 ** (6 - digits)
        )
        local = moment + dt.timedelta(seconds=zone)
        row: dict[str, Any] = {"source": source, "length": 100, "lines": 1, **columns}
        if envelope is not None:
            offset, dated = envelope
            stamp = when.replace(microsecond=0) + dt.timedelta(seconds=offset)
            row["envelope_local"] = stamp if dated else stamp.replace(year=YEARLESS)
            if not payload:
                local, moment = row["envelope_local"], when.replace(microsecond=0)
        row["local_time"] = local
        if written:
            row["utc_offset"] = zone
            row["time"] = moment.replace(tzinfo=dt.UTC)
            row["time_basis"] = "written"
        self.rows.append(row)
        self.truth.append(moment)


def _clock(world: World, true: dt.datetime, half: dt.datetime) -> dt.datetime:
    """Say what the server's clock shows."""
    ahead = world.skew + (world.step if true >= half else 0.0)
    return true + dt.timedelta(seconds=ahead)


@dataclass(frozen=True)
class Hit:
    """One request as it truly happened."""

    at: dt.datetime
    path: str
    query: str | None
    status: int
    took: float


def _traffic(world: World, count: int = 120) -> list[Hit]:
    month, day, hour, minute = STARTS[world.start]
    at = dt.datetime(world.year, month, day, hour, minute)  # noqa: DTZ001 - UTC
    mean = 180 if world.start in ("New Year", "leap day") else 25
    hits = []
    for _ in range(count):
        at += dt.timedelta(seconds=world.rng.expovariate(1 / mean))
        kind = 0.0 if world.pings else world.rng.random()
        took = min(world.rng.lognormvariate(-3.5, 0.8), 2.0)
        path, query = "/api/ping", None
        if kind > 0.75:
            path, query = f"/items/{world.rng.randrange(10**6)}", None
        elif kind > 0.5:
            path, query = "/search", f"q={world.rng.randrange(40)}"
        status = (
            world.rng.choice([200, 200, 200, 404, 502]) if path != "/api/ping" else 200
        )
        hits.append(Hit(at, path, query, status, took))
    return hits


def _request(hit: Hit, *, status: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = {"method": "GET", "path": hit.path, "query": hit.query}
    return found | ({"status": hit.status} if status else {})


def _alb(world: World, hits: list[Hit], *, forged: bool = False) -> None:
    for hit in hits:
        epoch = int(hit.at.replace(tzinfo=dt.UTC).timestamp())
        if forged and world.rng.random() < 0.05:
            epoch = world.rng.randrange(1 << 30)
        world.add(
            "AWSLogs/alb_x.log",
            hit.at + dt.timedelta(seconds=hit.took + 0.002),
            0,
            written=True,
            digits=6,
            hop="load_balancer",
            format="aws_alb",
            duration=hit.took,
            trace_id=f"1-{epoch:08x}-{world.rng.randrange(1 << 96):024x}",
            **_request(hit),
        )


def _nginx(
    world: World, hits: list[Hit], half: dt.datetime, *, trace: bool = False
) -> None:
    for hit in hits:
        extra: dict[str, Any] = {}
        if trace:
            epoch = int(hit.at.replace(tzinfo=dt.UTC).timestamp())
            extra["trace_id"] = f"1-{epoch:08x}-{world.rng.randrange(1 << 96):024x}"
        end = _clock(world, hit.at + dt.timedelta(seconds=hit.took), half)
        world.add(
            "nginx/access.log",
            end,
            world.zone,
            written=True,
            hop="web_server",
            format="nginx_access",
            **extra,
            **_request(hit),
        )


def _errors(
    world: World, hits: list[Hit], half: dt.datetime, *, requests: bool
) -> None:
    for hit in hits:
        if hit.status < 400 and world.rng.random() > 0.1:
            continue
        columns = _request(hit, status=False) if requests else {}
        world.add(
            "nginx/error.log",
            _clock(world, hit.at + dt.timedelta(seconds=hit.took), half),
            world.zone,
            hop="web_server",
            format="nginx_error",
            **columns,
        )


def _app(
    world: World, hits: list[Hit], half: dt.datetime, name: str = "logs/app.log"
) -> None:
    for hit in hits:
        world.add(
            name,
            _clock(world, hit.at + dt.timedelta(milliseconds=3), half),
            world.zone,
            digits=3,
            hop="application",
            format="python_logging",
            **_request(hit, status=False),
        )


def _syslog(
    world: World,
    hits: list[Hit],
    half: dt.datetime,
    *,
    envelope: int = 0,
    name: str = "syslog",
    payload: bool = True,
    written: bool = False,
    later: int | None = None,
    other: int | None = None,
) -> None:
    """Gunicorn's lines with a payload stamp, and lines of cron without one.

    `later`: the envelope's offset from the middle on; `other`: the zone of a second
    program's payload.
    """
    for i, hit in enumerate(hits):
        shown = _clock(world, hit.at + dt.timedelta(milliseconds=4), half)
        offset = later if later is not None and hit.at >= half else envelope
        common: dict[str, Any] = {"envelope": (offset, False), "hostname": "web1"}
        if payload:
            world.add(
                name,
                shown,
                world.zone,
                digits=3,
                written=written,
                hop="application",
                format="python_logging",
                process="gunicorn",
                **common,
                **_request(hit, status=False),
            )
        if other is not None and i % 2:
            world.add(
                name,
                shown,
                other,
                digits=3,
                hop="application",
                format="python_logging",
                process="worker",
                **common,
            )
        if i % 3 == 0 or not payload:
            world.add(
                name,
                shown,
                offset,
                payload=False,
                hop="host",
                format="syslog",
                process="CRON",
                **common,
            )


Builder = Callable[[World, list[Hit], dt.datetime], None]


def _story(w: World, hits: list[Hit], half: dt.datetime) -> None:
    _nginx(w, hits, half)
    _errors(w, hits, half, requests=False)
    _app(
        w,
        hits,
        half,
        f"logs/{w.year}-06-17.log" if w.start == "midyear" else "logs/app.log",
    )
    _syslog(w, hits, half)
    w.decided = {r["source"] for r in w.rows}


def _everything(w: World, hits: list[Hit], half: dt.datetime) -> None:
    _alb(w, hits, forged=True)
    _story(w, hits, half)
    w.skewed = {"nginx/access.log": 1.0, "logs/app.log": 0.5, "syslog": 0.5}


def _no_nginx(w: World, hits: list[Hit], half: dt.datetime) -> None:
    _alb(w, hits)
    _app(w, hits[::2], half)
    _syslog(w, hits, half, envelope=w.zone)
    w.decided = {r["source"] for r in w.rows}
    w.skewed = {"logs/app.log": 0.5, "syslog": 0.5}


def _waf_epochs(w: World, hits: list[Hit], half: dt.datetime) -> None:
    for hit in hits:
        w.add(
            "waf.json",
            hit.at,
            0,
            written=True,
            digits=3,
            hop="waf",
            format="aws_waf",
            **_request(hit, status=False),
        )
    _app(w, hits[10:], half)
    w.decided = {r["source"] for r in w.rows}
    w.skewed = {"logs/app.log": 0.5}


def _trace_only(w: World, hits: list[Hit], half: dt.datetime) -> None:
    for hit in hits:
        epoch = int(hit.at.replace(tzinfo=dt.UTC).timestamp())
        if w.rng.random() < 0.1:
            epoch = w.rng.randrange(1 << 31)
        w.add(
            "logs/app.log",
            _clock(w, hit.at, half),
            w.zone,
            digits=3,
            hop="application",
            format="python_logging",
            trace_id=f"1-{epoch:08x}-{w.rng.randrange(1 << 96):024x}",
        )
    w.decided = {"logs/app.log"}


def _written_payload(w: World, hits: list[Hit], half: dt.datetime) -> None:
    _syslog(w, hits, half, written=True, envelope=w.zone)
    w.decided = {"syslog"}


def _written_utc(w: World, hits: list[Hit], half: dt.datetime) -> None:
    _syslog(w, hits, half, written=True)
    w.decided = {"syslog"}


def _errors_beside(w: World, hits: list[Hit], half: dt.datetime) -> None:
    _nginx(w, hits, half)
    _errors(w, hits, half, requests=w.number % 2 == 0)
    w.decided = {r["source"] for r in w.rows}


def _rotated(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """syslog.1 and syslog; only the newer one has payloads with a year."""
    early, late = [h for h in hits if h.at < half], [h for h in hits if h.at >= half]
    _syslog(w, late, half, name="syslog")
    _syslog(w, early, half, name="syslog.1", payload=False)
    _nginx(w, late, half)
    w.decided = {"syslog", "syslog.1", "nginx/access.log"}


def _reboot(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """Envelope's zone changes from UTC to local time at a reboot."""
    _nginx(w, hits, half)
    _syslog(w, hits, half, later=w.zone)
    w.decided = {"nginx/access.log", "syslog"}


def _two_programs(w: World, hits: list[Hit], half: dt.datetime) -> None:
    _nginx(w, hits, half)
    _syslog(w, hits, half, other=0, envelope=w.zone)
    w.decided = {"nginx/access.log", "syslog"}


def _local_change(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """Application's log goes one hour back (daylight saving), its partner not."""
    _alb(w, hits)
    first, second = [h for h in hits if h.at < half], [h for h in hits if h.at >= half]
    _app(w, first, half)
    w.zone -= 3600 if w.zone != 20700 else 900
    _app(w, second, half)
    w.decided = {"AWSLogs/alb_x.log", "logs/app.log"}


def _configured(w: World, hits: list[Hit], half: dt.datetime) -> None:
    names = {
        32400: "Asia/Tokyo",
        0: "UTC",
        19800: "Asia/Kolkata",
        20700: "Asia/Kathmandu",
    }
    zone = names.get(w.zone, "Etc/GMT+5")
    w.zone = {v: k for k, v in names.items()}.get(zone, -18000)
    w.config = {"web1/etc/timezone": f"{zone}\n".encode()}
    for hit in hits:
        w.add(
            "web1/var/log/nginx/error.log",
            _clock(w, hit.at, half),
            w.zone,
            hop="web_server",
            format="nginx_error",
        )
    w.decided = {"web1/var/log/nginx/error.log"}


def _option(w: World, hits: list[Hit], half: dt.datetime) -> None:
    text = next(k for k, v in ZONES.items() if v == w.zone)
    w.tz = (("*.log", text),)
    _app(w, hits, half)
    w.decided = {"logs/app.log"}


def _lonely_syslog(w: World, hits: list[Hit], half: dt.datetime) -> None:
    _syslog(w, hits, half, payload=False, envelope=w.zone)


def _lonely_app(w: World, hits: list[Hit], half: dt.datetime) -> None:
    _app(w, hits, half)


def _strangers(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """Two logs without one request in common, and no other evidence."""
    _alb(w, hits[:60])
    w.rows = [r | {"path": f"/other/{i}"} for i, r in enumerate(w.rows)]
    _app(w, hits[60:], half)
    w.decided = {"AWSLogs/alb_x.log"}


def _small_story(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """Three requests are all that was copied."""
    _nginx(w, hits[:3], half)
    _app(w, hits[:3], half)
    _syslog(w, hits[:3], half)
    w.decided = {r["source"] for r in w.rows}


def _unmatched_story(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """Access log was rotated away: it holds none of the application's requests."""
    _nginx(w, hits[:40], half)
    for row in w.rows:
        row["path"] = "/robots.txt"
    _syslog(w, hits[60:], half)
    w.decided, w.leaning = {"nginx/access.log"}, {"syslog"}
    w.dated = {"syslog": 0}


def _dated_neighbours(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """Syslog without payloads beside an access log that ends with it."""
    _nginx(w, hits, half)
    _syslog(w, hits, half, payload=False, envelope=w.zone)
    w.decided, w.leaning = {"nginx/access.log"}, {"syslog"}
    w.dated = {"syslog": w.zone}


def _two_hosts(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """Application's host is another one, whose clock is right."""
    _alb(w, hits)
    _nginx(w, hits, half)
    ahead, w.skew, w.step = (w.skew, w.step), 0.0, 0.0
    _app(w, hits, half)
    w.skew, w.step = ahead
    w.decided = {r["source"] for r in w.rows}
    w.skewed = {"nginx/access.log": 1.0}


def _relay(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """Receiver in UTC wrote its own offset into stamps of hosts in local time."""
    _nginx(w, hits, half)
    for i, hit in enumerate(hits):
        shown = _clock(w, hit.at, half)
        local = shown.replace(microsecond=0) + dt.timedelta(seconds=w.zone)
        w.add(
            "relayed.log",
            shown,
            w.zone,
            digits=3,
            hop="application",
            format="python_logging",
            process="gunicorn",
            hostname=f"web{i % 2}",
            envelope=(w.zone, True),
            envelope_offset=0,
            envelope_time=local.replace(tzinfo=dt.UTC),
            **_request(hit, status=False),
        )
    w.decided = {"nginx/access.log", "relayed.log"}


KINDS: dict[str, Builder] = {
    "story": _story,
    "story in three requests": _small_story,
    "story without a match": _unmatched_story,
    "year from a neighbour": _dated_neighbours,
    "two hosts": _two_hosts,
    "relay writes its offset": _relay,
    "everything": _everything,
    "load balancer, no nginx": _no_nginx,
    "WAF and application": _waf_epochs,
    "trace ids alone": _trace_only,
    "written payload, local syslog": _written_payload,
    "written payload, UTC syslog": _written_utc,
    "nginx error beside access": _errors_beside,
    "rotated syslog": _rotated,
    "zone changes at reboot": _reboot,
    "two programs, two zones": _two_programs,
    "daylight saving in one file": _local_change,
    "configured zone": _configured,
    "option": _option,
    "lonely syslog": _lonely_syslog,
    "lonely application log": _lonely_app,
    "no common request": _strangers,
}


def worlds() -> Iterator[World]:
    """Every archive of the matrix, always the same."""
    number = 0
    for kind in KINDS:
        for i, (zone, offset) in enumerate(ZONES.items()):
            for j, start in enumerate(STARTS):
                if kind in ("option", "configured zone") and j % 2:
                    continue
                number += 1
                rng = random.Random(f"{kind} {zone} {start}")
                skew = SKEWS[(i + j) % len(SKEWS)]
                step = [0.0, 0.0, 35.0, -12.0][(i + 2 * j) % 4]
                if kind in ("zone changes at reboot", "daylight saving in one file"):
                    step = 0.0
                year = 2024 if start == "leap day" else [2023, 2025, 2024][(i + j) % 3]
                pings = (
                    kind in ("story", "load balancer, no nginx") and (i + j) % 3 == 0
                )
                yield World(number, kind, offset, year, start, skew, step, pings, rng)


def build(world: World) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events (with the truth beside them) and the sources of an archive."""
    hits = _traffic(world)
    half = hits[len(hits) // 2].at
    KINDS[world.kind](world, hits, half)
    lines: dict[str, int] = defaultdict(int)
    for row in world.rows:
        lines[row["source"]] += 1
        row["line"] = lines[row["source"]]
        row["offset"] = row["line"] * 100
    events = pl.DataFrame(world.rows, schema=EVENT)
    truth = pl.Series("truth", world.truth, dtype=pl.Datetime("us"))
    events = events.with_columns(truth.dt.replace_time_zone("UTC"))
    mtime = dt.datetime(MTIMES[world.number % 3], 1, 1, tzinfo=dt.UTC)
    names = sorted(lines)
    sources = pl.DataFrame(
        [{"source": n, "mtime": mtime} for n in names], schema=SOURCE
    )
    return events.sort("source", "line"), sources
