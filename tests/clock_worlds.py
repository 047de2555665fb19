"""Seeded archives with known clocks, for `test_clock_matrix`."""

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Callable, Iterator

import polars as pl

from forensic.schema import EVENT, SOURCE
from tests.clock_copies import COPIES
from tests.clock_writers import (
    MTIMES,
    SKEWS,
    STARTS,
    ZONES,
    Hit,
    World,
    alb,
    app,
    clock,
    errors,
    nginx,
    request,
    syslog,
    traffic,
)

__all__ = ["COPIES", "KINDS", "World", "build", "worlds"]

Builder = Callable[[World, list[Hit], dt.datetime], None]


def _story(w: World, hits: list[Hit], half: dt.datetime) -> None:
    nginx(w, hits, half)
    errors(w, hits, half, requests=False)
    app(
        w,
        hits,
        half,
        f"logs/{w.year}-06-17.log" if w.start == "midyear" else "logs/app.log",
    )
    syslog(w, hits, half)
    w.decided = {r["source"] for r in w.rows}


def _everything(w: World, hits: list[Hit], half: dt.datetime) -> None:
    alb(w, hits, forged=True)
    _story(w, hits, half)
    w.skewed = {"nginx/access.log": 1.0, "logs/app.log": 0.5, "syslog": 0.5}


def _no_nginx(w: World, hits: list[Hit], half: dt.datetime) -> None:
    alb(w, hits)
    app(w, hits[::2], half)
    syslog(w, hits, half, envelope=w.zone)
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
            **request(hit, status=False),
        )
    app(w, hits[10:], half)
    w.decided = {r["source"] for r in w.rows}
    w.skewed = {"logs/app.log": 0.5}


def _trace_only(w: World, hits: list[Hit], half: dt.datetime) -> None:
    for hit in hits:
        epoch = int(hit.at.replace(tzinfo=dt.UTC).timestamp())
        if w.rng.random() < 0.1:
            epoch = w.rng.randrange(1 << 31)
        w.add(
            "logs/app.log",
            clock(w, hit.at, half),
            w.zone,
            digits=3,
            hop="application",
            format="python_logging",
            trace_id=f"1-{epoch:08x}-{w.rng.randrange(1 << 96):024x}",
        )
    w.decided = {"logs/app.log"}


def _written_payload(w: World, hits: list[Hit], half: dt.datetime) -> None:
    syslog(w, hits, half, written=True, envelope=w.zone)
    w.decided = {"syslog"}


def _written_utc(w: World, hits: list[Hit], half: dt.datetime) -> None:
    syslog(w, hits, half, written=True)
    w.decided = {"syslog"}


def _errors_beside(w: World, hits: list[Hit], half: dt.datetime) -> None:
    nginx(w, hits, half)
    errors(w, hits, half, requests=w.number % 2 == 0)
    w.decided = {r["source"] for r in w.rows}


def _rotated(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """syslog.1 and syslog; only the newer one has payloads with a year."""
    early, late = [h for h in hits if h.at < half], [h for h in hits if h.at >= half]
    syslog(w, late, half, name="syslog")
    syslog(w, early, half, name="syslog.1", payload=False)
    nginx(w, late, half)
    w.decided = {"syslog", "syslog.1", "nginx/access.log"}


def _reboot(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """Envelope's zone changes from UTC to local time at a reboot."""
    nginx(w, hits, half)
    syslog(w, hits, half, later=w.zone)
    w.decided = {"nginx/access.log", "syslog"}


def _two_programs(w: World, hits: list[Hit], half: dt.datetime) -> None:
    nginx(w, hits, half)
    syslog(w, hits, half, other=0, envelope=w.zone)
    w.decided = {"nginx/access.log", "syslog"}


def _local_change(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """Application's log goes one hour back (daylight saving), its partner not."""
    alb(w, hits)
    first, second = [h for h in hits if h.at < half], [h for h in hits if h.at >= half]
    app(w, first, half)
    w.zone -= 3600 if w.zone != 20700 else 900
    app(w, second, half)
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
            clock(w, hit.at, half),
            w.zone,
            hop="web_server",
            format="nginx_error",
        )
    w.decided = {"web1/var/log/nginx/error.log"}


def _option(w: World, hits: list[Hit], half: dt.datetime) -> None:
    text = next(k for k, v in ZONES.items() if v == w.zone)
    w.tz = (("*.log", text),)
    app(w, hits, half)
    w.decided = {"logs/app.log"}


def _lonely_syslog(w: World, hits: list[Hit], half: dt.datetime) -> None:
    syslog(w, hits, half, payload=False, envelope=w.zone)


def _lonely_app(w: World, hits: list[Hit], half: dt.datetime) -> None:
    app(w, hits, half)


def _strangers(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """Two logs without one request in common, and no other evidence."""
    alb(w, hits[:60])
    w.rows = [r | {"path": f"/other/{i}"} for i, r in enumerate(w.rows)]
    app(w, hits[60:], half)
    w.decided = {"AWSLogs/alb_x.log"}


def _small_story(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """Three requests are all that was copied."""
    nginx(w, hits[:3], half)
    app(w, hits[:3], half)
    syslog(w, hits[:3], half)
    w.decided = {r["source"] for r in w.rows}


def _unmatched_story(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """Access log was rotated away: it holds none of the application's requests."""
    nginx(w, hits[:40], half)
    for row in w.rows:
        row["path"] = "/robots.txt"
    syslog(w, hits[60:], half)
    w.decided, w.leaning = {"nginx/access.log"}, {"syslog"}
    w.dated = {"syslog": 0}


def _dated_neighbours(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """Syslog without payloads beside an access log that ends with it."""
    nginx(w, hits, half)
    syslog(w, hits, half, payload=False, envelope=w.zone)
    w.decided, w.leaning = {"nginx/access.log"}, {"syslog"}
    w.dated = {"syslog": w.zone}


def _two_hosts(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """Application's host is another one, whose clock is right."""
    alb(w, hits)
    nginx(w, hits, half)
    ahead, w.skew, w.step = (w.skew, w.step), 0.0, 0.0
    app(w, hits, half)
    w.skew, w.step = ahead
    w.decided = {r["source"] for r in w.rows}
    w.skewed = {"nginx/access.log": 1.0}


def _relay(w: World, hits: list[Hit], half: dt.datetime) -> None:
    """Receiver in UTC wrote its own offset into stamps of hosts in local time."""
    nginx(w, hits, half)
    for i, hit in enumerate(hits):
        shown = clock(w, hit.at, half)
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
            **request(hit, status=False),
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
    for kind in [*KINDS, *COPIES]:
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
    hits = traffic(world)
    half = hits[len(hits) // 2].at
    if world.kind in COPIES:
        COPIES[world.kind](world, half)
    else:
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
