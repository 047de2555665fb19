"""A small world and the logs that its programs write, for `clock_worlds`.

Requests have true moments; hosts have a zone, a skew and perhaps a step or a change of
zone; logs write stamps as such logs do.
"""

import datetime as dt
import random
from dataclasses import dataclass, field
from typing import Any

from forensic.schema import YEARLESS

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


def clock(world: World, true: dt.datetime, half: dt.datetime) -> dt.datetime:
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


def traffic(world: World, count: int = 120) -> list[Hit]:
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


def request(hit: Hit, *, status: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = {"method": "GET", "path": hit.path, "query": hit.query}
    return found | ({"status": hit.status} if status else {})


def alb(world: World, hits: list[Hit], *, forged: bool = False) -> None:
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
            **request(hit),
        )


def nginx(
    world: World, hits: list[Hit], half: dt.datetime, *, trace: bool = False
) -> None:
    for hit in hits:
        extra: dict[str, Any] = {}
        if trace:
            epoch = int(hit.at.replace(tzinfo=dt.UTC).timestamp())
            extra["trace_id"] = f"1-{epoch:08x}-{world.rng.randrange(1 << 96):024x}"
        end = clock(world, hit.at + dt.timedelta(seconds=hit.took), half)
        world.add(
            "nginx/access.log",
            end,
            world.zone,
            written=True,
            hop="web_server",
            format="nginx_access",
            **extra,
            **request(hit),
        )


def errors(world: World, hits: list[Hit], half: dt.datetime, *, requests: bool) -> None:
    for hit in hits:
        if hit.status < 400 and world.rng.random() > 0.1:
            continue
        columns = request(hit, status=False) if requests else {}
        world.add(
            "nginx/error.log",
            clock(world, hit.at + dt.timedelta(seconds=hit.took), half),
            world.zone,
            hop="web_server",
            format="nginx_error",
            **columns,
        )


def app(
    world: World, hits: list[Hit], half: dt.datetime, name: str = "logs/app.log"
) -> None:
    for hit in hits:
        world.add(
            name,
            clock(world, hit.at + dt.timedelta(milliseconds=3), half),
            world.zone,
            digits=3,
            hop="application",
            format="python_logging",
            **request(hit, status=False),
        )


def syslog(
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
        shown = clock(world, hit.at + dt.timedelta(milliseconds=4), half)
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
                **request(hit, status=False),
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
