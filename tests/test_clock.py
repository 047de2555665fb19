"""Clocks: what `infer` finds in small archives, and what `apply` makes of it."""

import datetime as dt
import random
from itertools import accumulate
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forensic.clock import Overrides, Traces, apply, collect, infer, needs_clock
from forensic.clock.collect import merged
from forensic.clock.names import named_date, rotation, series
from forensic.clock.options import offset_text, zone_offset
from forensic.clock.pairs import relations
from forensic.clock.place import host_root, host_zones
from forensic.clock.trains import fit, twins
from forensic.clock.votes import Vote, decide
from forensic.errors import UsageError
from forensic.schema import CLOCK, EVENT, SOURCE, YEARLESS
from tests.clock_worlds import build, worlds

UTC = dt.UTC


def events(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows as events, numbered within their sources."""
    count: dict[str, int] = {}
    filled = []
    for row in rows:
        source = row.setdefault("source", "a.log")
        count[source] = count.get(source, 0) + 1
        filled.append({"line": count[source], "offset": count[source] * 10, **row})
    return pl.DataFrame(filled, schema=EVENT).sort("source", "line")


def sources(frame: pl.DataFrame, mtime: dt.datetime | None = None) -> pl.DataFrame:
    names = frame["source"].unique().sort()
    return pl.DataFrame([{"source": n, "mtime": mtime} for n in names], schema=SOURCE)


def clocks(
    frame: pl.DataFrame,
    overrides: Overrides | None = None,
    configuration: dict[str, bytes] | None = None,
    mtime: dt.datetime | None = None,
) -> pl.DataFrame:
    table = sources(frame, mtime)
    return infer([collect(frame)], table, overrides or Overrides(), configuration or {})


def local(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def yearless(text: str, **columns: Any) -> dict[str, Any]:
    """A syslog line without a payload; the year of the text is not written."""
    stamp = local(text).replace(year=YEARLESS)
    own = {"local_time": stamp, "envelope_local": stamp, "format": "syslog"}
    return own | {"hostname": "web1", "process": "cron", "hop": "host"} | columns


def payload(outer: str, inner: str, **columns: Any) -> dict[str, Any]:
    """A syslog line whose payload has a year and no zone."""
    row = yearless(outer, process="gunicorn", hop="application")
    return row | {"local_time": local(inner), "format": "python_logging"} | columns


def logged(text: str, path: str, **columns: Any) -> dict[str, Any]:
    return {"local_time": local(text), "method": "GET", "path": path, **columns}


def written(text: str, path: str, **columns: Any) -> dict[str, Any]:
    offset = columns.setdefault("utc_offset", 32400)
    moment = local(text) - dt.timedelta(seconds=offset)
    columns |= {"time": moment.replace(tzinfo=UTC), "time_basis": "written"}
    return logged(text, path, **columns)


STORY = [
    written("2025-02-06 14:32:45", "/api/ping", source="nginx/access.log", status=200),
    {"source": "nginx/error.log", "local_time": local("2025-02-06 14:20:00")},
    yearless("2025-02-06 05:17:01", source="syslog"),
    payload(
        "2025-02-06 05:32:45",
        "2025-02-06 14:32:45.136",
        source="syslog",
        method="GET",
        path="/api/ping",
    ),
    logged("2025-02-06 14:32:45.136", "/api/ping", source="logs/2025-02-06.log"),
]


@pytest.mark.parametrize("year", [2026, 2024, 1970])
def test_the_story_in_single_lines(year: int) -> None:
    frame = events(*(dict(row) for row in STORY))
    found = clocks(frame, mtime=dt.datetime(year, 1, 1, tzinfo=UTC))
    offsets = {
        (row["source"], row["stamp"]): (row["utc_offset"], row["year"])
        for row in found.iter_rows(named=True)
    }
    assert offsets == {
        ("logs/2025-02-06.log", "event"): (32400, None),
        ("nginx/access.log", "event"): (None, None),
        ("nginx/error.log", "event"): (32400, None),
        ("syslog", "envelope"): (0, 2025),
        ("syslog", "event"): (32400, None),
    }
    filled = apply(frame, found)
    minutes = filled["time"].dt.strftime("%Y-%m-%d %H:%M").to_list()
    assert minutes == [
        "2025-02-06 05:32",
        "2025-02-06 05:32",
        "2025-02-06 05:20",
        "2025-02-06 05:17",
        "2025-02-06 05:32",
    ]
    assert filled["local_time"].dt.year().unique().to_list() == [2025]


def cut(frame: pl.DataFrame, size: int) -> list[Traces]:
    """What the parts of a table tell, the later ones first."""
    return [collect(part) for part in reversed(list(frame.iter_slices(size)))]


@pytest.mark.parametrize("size", [1, 7, 64, 999])
def test_the_cuts_between_parts_change_nothing(size: int) -> None:
    kinds = {
        "rotated syslog",
        "two hosts",
        "zone changes at reboot",
        "relay writes its offset",
    }
    for world in worlds():
        if world.kind not in kinds or world.start[0] != "N":
            continue
        kinds.remove(world.kind)
        frame, _ = build(world)
        whole, parts = merged([collect(frame)]), merged(cut(frame, size))
        assert whole.turns == parts.turns
        for name in ("cells", "inner", "jumps", "marks"):
            assert_frame_equal(getattr(whole, name), getattr(parts, name))
    assert not kinds


def test_traces_read_back_as_they_were_written(tmp_path: Path) -> None:
    for frame in (events(*(dict(row) for row in STORY)), pl.DataFrame(schema=EVENT)):
        traces, path = collect(frame), str(tmp_path / "a.traces")
        traces.write(path)
        again = Traces.read(path)
        for name in ("cells", "inner", "jumps", "ends", "turns", "marks"):
            assert_frame_equal(getattr(traces, name), getattr(again, name))


def test_a_small_log_beside_a_large_one_keeps_its_pairs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("forensic.clock.sample.SAMPLE", 300)
    monkeypatch.setattr("forensic.clock.marks._PART", 150)
    start = local("2025-02-06 10:00")
    at = [start + dt.timedelta(seconds=2.5 * i) for i in range(20_000)]
    large = [
        written(str(t), f"/item/{i}", source="nginx/access.log")
        for i, t in enumerate(at)
    ]
    small = [
        logged(str(t + dt.timedelta(hours=2)), f"/item/{i}", source="srv/app.log")
        for i, t in enumerate(at)
        if 9000 <= i < 9120
    ]
    frame = events(*large, *small)
    table = infer(cut(frame, 500), sources(frame), Overrides(), {})
    row = table.filter(pl.col("source") == "srv/app.log").row(0, named=True)
    assert (row["zone"], row["method"]) == ("+11:00", "shared request")
    assert row["confidence"] in ("strong", "certain")
    assert len(merged(cut(frame, 500)).marks) < 1000


def test_the_order_of_rows_in_the_table_is_total() -> None:
    frame = events(*(dict(row) for row in STORY))
    assert clocks(frame).equals(clocks(frame))


def test_no_events_give_no_clocks() -> None:
    empty = pl.DataFrame(schema=EVENT)
    assert clocks(empty).schema == pl.Schema(CLOCK)
    assert apply(empty, clocks(empty)).equals(empty)


def test_written_stamps_stay_as_they_are() -> None:
    frame = events(
        written("2025-02-06 14:32:45", "/a"), written("2025-02-06 15:00", "/b")
    )
    assert not needs_clock(frame)
    assert apply(frame, clocks(frame)).equals(frame)
    table = clocks(frame)
    assert table["basis"].to_list() == ["written"]
    assert table["zone"].to_list() == ["+09:00"]


def test_new_year_inside_a_file_and_a_late_line() -> None:
    frame = events(
        payload("2024-12-31 23:59:50", "2024-12-31 23:59:50.5"),
        yearless("2024-12-31 23:59:58"),
        yearless("2025-01-01 00:00:01"),
        yearless("2024-12-31 23:59:59"),
        yearless("2025-01-01 00:00:03"),
    )
    filled = apply(frame, clocks(frame))
    assert filled["envelope_time"].dt.year().to_list() == [2024, 2024, 2025, 2024, 2025]
    assert filled["time"].null_count() == 0


def test_new_year_between_rotated_files() -> None:
    frame = events(
        yearless("2024-12-31 10:00:00", source="syslog.2"),
        yearless("2025-01-02 10:00:00", source="syslog.1"),
        payload("2025-01-03 10:00:00", "2025-01-03 10:00:00.1", source="syslog"),
    )
    years = dict(
        apply(frame, clocks(frame)).select("source", "envelope_time").iter_rows()
    )
    found = {name: moment.year for name, moment in years.items()}
    assert found == {"syslog.2": 2024, "syslog.1": 2025, "syslog": 2025}


def test_the_day_that_a_year_does_not_have() -> None:
    frame = events(
        payload("2025-02-28 10:00:00", "2025-02-28 10:00:00.5"),
        yearless("1904-02-29 10:00:00"),
        yearless("2025-03-01 10:00:00"),
    )
    overrides = Overrides(year=(("*", 2025),))
    filled = apply(frame, clocks(frame, overrides))
    assert filled["flags"].to_list() == [None, ["bad_time"], None]
    assert filled["time"].is_null().to_list() == [False, True, False]
    assert filled["local_time"].is_null().to_list() == [False, True, False]


def test_the_file_time_alone_is_an_assumption() -> None:
    frame = events(yearless("2025-02-06 05:32:45"))
    row = clocks(frame, mtime=dt.datetime(2024, 5, 1, tzinfo=UTC)).row(0, named=True)
    assert (row["year"], row["basis"], row["confidence"]) == (2024, "assumed", "none")


@pytest.mark.parametrize(
    ("mtime", "year"),
    [(None, 2025), (dt.datetime(2023, 3, 1, tzinfo=UTC), 2023)],
    ids=["the last", "that of the file's time"],
)
def test_of_years_whose_logs_fit_alike(mtime: dt.datetime | None, year: int) -> None:
    dated = [
        written(f"{y}-02-06 14:3{n}:00", "/", source=f"web/access-{y}.log")
        for y in range(2022, 2026)
        for n in range(3)
    ]
    frame = events(*dated, yearless("2025-02-06 14:30:30", source="web/syslog"))
    row = clocks(frame, mtime=mtime).filter(pl.col("source") == "web/syslog")
    assert row.row(0, named=True)["year"] == year
    assert row.row(0, named=True)["confidence"] == "weak"


def test_without_any_evidence_the_year_stays_unknown() -> None:
    frame = events(yearless("2025-02-06 05:32:45"))
    found = clocks(frame, mtime=dt.datetime(1970, 1, 1, tzinfo=UTC))
    assert found["year"].to_list() == [None]
    assert "no evidence tells the year" in found["detail"][0]
    filled = apply(frame, found)
    assert filled["time"].to_list() == [None]
    assert filled["local_time"].dt.year().to_list() == [YEARLESS]


def test_options_overrule_and_are_recorded() -> None:
    frame = events(*(dict(row) for row in STORY))
    overrides = Overrides(tz=(("nginx/*", "+01:00"), ("error.log", "+02:00")))
    found = clocks(frame, overrides).filter(pl.col("source") == "nginx/error.log")
    assert found["utc_offset"].to_list() == [7200]
    assert found["method"].to_list() == ["option"]
    assert found["basis"].cast(pl.String).to_list() == ["written"]


def test_the_year_option_names_the_year_of_the_last_line() -> None:
    frame = events(yearless("2022-12-31 10:00:00"), yearless("2023-01-01 10:00:00"))
    found = clocks(frame, Overrides(year=(("a.log", 2023),)))
    assert found["year"].to_list() == [2022, 2023]


@pytest.mark.parametrize("zone", ["IST", "EST", "+25:00", "+09:75", "Mars/Olympus", ""])
def test_ambiguous_or_unknown_zones_are_refused(zone: str) -> None:
    with pytest.raises(UsageError):
        Overrides(tz=(("*", zone),))


def test_a_year_out_of_range_is_refused() -> None:
    with pytest.raises(UsageError):
        Overrides(year=(("*", 25),))


def test_a_named_zone_follows_daylight_saving() -> None:
    stamps = [
        "2025-03-30 01:59",
        "2025-03-30 02:30",
        "2025-03-30 03:00",
        "2025-07-01 12:00",
    ]
    frame = events(*({"local_time": local(text)} for text in stamps))
    found = clocks(frame, Overrides(tz=(("*", "Europe/Berlin"),)))
    times = apply(frame, found)["time"]
    hours = times.dt.strftime("%H:%M").to_list()
    assert hours == ["00:59", None, "01:00", "10:00"]


def test_a_clock_some_minutes_wrong_is_known_by_frequent_requests() -> None:
    rng = random.Random(7)
    at, rows = local("2025-05-05 00:00"), []
    for _ in range(400):
        at += dt.timedelta(seconds=rng.expovariate(1 / 60))
        path = f"/{rng.randrange(8)}"
        shown, wrong = (
            str((at + dt.timedelta(seconds=s)).replace(microsecond=0)) for s in (0, 247)
        )
        rows += [
            written(
                shown, path, source="nginx/access.log", utc_offset=0, hop="web_server"
            ),
            logged(wrong, path, source="srv/app.log", hop="application"),
        ]
    found = clocks(events(*rows)).filter(pl.col("source") == "srv/app.log")
    assert found["skew"].to_list() == [pytest.approx(247, abs=1)]


def test_a_server_s_error_log_has_the_clock_of_its_access_log() -> None:
    """Twelve refusals of one page tell no skew themselves."""
    rng = random.Random(7)
    at, rows = local("2025-05-05 00:00"), []
    edge = {"source": "alb.log", "utc_offset": 0, "hop": "load_balancer"}
    web = {"source": "nginx/access.log", "utc_offset": 0, "hop": "web_server"}
    for _ in range(200):
        at += dt.timedelta(seconds=rng.expovariate(1 / 30))
        path = f"/{rng.randrange(99)}"
        shown, wrong = (str(at + dt.timedelta(seconds=s))[:19] for s in (0, 250))
        rows += [written(shown, path, **edge), written(wrong, path, **web)]
    refused = {"source": "nginx/error.log", "hop": "web_server"}
    rows += [logged("2025-05-05 00:54:10", "/big", **refused)] * 12
    found = clocks(events(*rows)).filter(pl.col("source") == "nginx/error.log")
    assert found["skew"].to_list() == [pytest.approx(250, abs=1)]


def test_of_two_servers_asked_in_turn_each_error_log_follows_its_own() -> None:
    """A page of which one server has a file, and the other has not."""
    at, rows = local("2025-05-05 00:00"), []
    for number in range(92):
        at += dt.timedelta(seconds=5)
        path = "/a.js" if 40 <= number < 52 else f"/{number}"
        own = {"source": f"web{1 + number % 2}/access.log", "hop": "web_server"}
        edge = {"source": "alb.log", "hop": "load_balancer"}
        rows += [written(str(at), path, utc_offset=0, **log) for log in (edge, own)]
        if path == "/a.js" and number % 2:
            rows.append(logged(str(at), path, source="web2/error.log", hop=own["hop"]))
    found = clocks(events(*rows)).filter(pl.col("source") == "web2/error.log")
    assert abs(found["skew"][0] or 0.0) < 1


@pytest.mark.parametrize("seed", range(8))
def test_the_same_pages_asked_for_again_and_again_are_no_leap(seed: int) -> None:
    rng = random.Random(seed)
    at, rows = local("2025-02-06 14:00:00"), []
    for pages in [20, 5, 5, 5, 4, 4, 3, 3, 2, 3, 3, 3, 1, 3, 10]:  # in the same order
        at += dt.timedelta(seconds=rng.choice([3, 5, 9]))
        for page in range(pages):
            at += dt.timedelta(milliseconds=rng.randrange(8, 16))
            text, path = at.isoformat(" "), f"/items/{page}"
            rows += [
                written(text[:19], path, source=source, status=200)
                for source in ("gunicorn.log", "nginx.log")
            ]
    found = clocks(events(*rows))
    assert found["source"].to_list() == ["gunicorn.log", "nginx.log"]
    assert found["skew"].is_between(-1, 1).all()


@pytest.mark.parametrize(
    ("hours", "asked", "hop", "skew"),
    [
        (9, 30, "application", 32400),
        (-5, 30, "application", -18000),
        (9, 6, "application", None),  # by chance, perhaps
        (9, 30, "web_server", None),  # of one hop another host tells of others
        (2.4, 30, "application", 8640),
    ],
)
def test_an_offset_that_is_not_the_clock_s_is_a_skew(
    hours: float, asked: int, hop: str, skew: float | None
) -> None:
    """A program writes `Z` behind the time of its own zone."""
    at, rows = local("2025-02-06 05:00:00"), []
    for number in range(asked):
        at += dt.timedelta(seconds=40 + number % 7)
        path = f"/items/{number}"
        for source, who, ahead in (("a.log", "web_server", 0), ("b.json", hop, hours)):
            text = str(at + dt.timedelta(hours=ahead))
            columns: dict[str, Any] = {"source": source, "hop": who, "utc_offset": 0}
            rows.append(written(text, path, **columns))
    found = clocks(events(*rows)).row(1, named=True)
    assert (found["source"], found["zone"]) == ("b.json", "+00:00")
    assert found["skew"] == (pytest.approx(skew, abs=0.5) if skew else None)
    assert found["confidence"] == ("weak" if skew else "certain")
    assert ("not that of the clock" in found["detail"]) == bool(skew)


def test_one_request_at_an_offset_that_no_zone_has_tells_nothing() -> None:
    rows = [
        written("2025-05-05 12:20:03", "/admin", source="nginx/access.log"),
        logged("2025-05-05 08:05:03", "/admin", source="nginx/error.log"),
    ]
    for row in rows:
        row |= {"hop": "web_server", "format": str(row["source"])}
    found = clocks(events(*rows)).filter(pl.col("source") == "nginx/error.log")
    assert found["zone"].to_list() == ["+09:00"]


@pytest.mark.parametrize("enveloped", [False, True])
def test_lines_beside_an_offset_may_be_another_program_s(*, enveloped: bool) -> None:
    # gunicorn's master in the machine's zone; Django in the one of its settings.
    master = written(
        "2025-06-17 00:29:00", "/", source="web.log", method=None, utc_offset=0
    )
    rows = [master]
    for minute in range(10, 20):
        path = f"/order/{minute}"
        mine = logged(f"2025-06-17 10:{minute}:05.2", path, source="web.log")
        if enveloped:
            outer = local(f"2025-06-17 01:{minute}:05")
            mine |= {"envelope_local": outer, "envelope_offset": 0}
        else:
            stamp = f"2025-06-17 10:{minute}:05"
            rows.append(written(stamp, path, source="nginx/access.log"))
        rows.append(mine)
    found = clocks(events(*rows)).filter(
        (pl.col("source") == "web.log") & (pl.col("stamp") == "event")
    )
    assert found["utc_offset"].to_list() == [32400]


def test_a_host_ends_with_its_last_program() -> None:
    """Each program of the syslog is too seldom heard for its own end to tell."""
    rng = random.Random(3)
    start, rows = local("2025-05-05 03:07:41"), []
    for minute in range(300):
        at = start + dt.timedelta(minutes=minute, seconds=rng.randrange(50))
        text, shown = str(at), str(at + dt.timedelta(hours=9))
        rows.append(written(shown, f"/{minute}", source="nginx/access.log"))
        name = ("cron", "systemd", "sshd", "kernel")[rng.randrange(4)]
        rows.append(yearless(text, source="syslog", process=name))
    found = clocks(events(*rows)).filter(pl.col("source") == "syslog")
    assert found["utc_offset"].unique().to_list() == [0]


def test_where_a_log_ends_tells_more_than_another_log_of_its_folder() -> None:
    rng = random.Random(5)
    start, rows = local("2025-05-05 03:07:41"), []
    for minute in range(300):
        at = start + dt.timedelta(minutes=minute, seconds=rng.randrange(50))
        shown = str(at + dt.timedelta(hours=9))
        rows += [
            written(shown, f"/{minute}", source="nginx/access.log"),
            written(str(at), f"/{minute}", source="apps/api.log", utc_offset=0),
            {"source": "apps/shop.log", "local_time": local(shown), "message": "x"},
        ]
        rows[-1] |= {"hop": "application", "format": "python_logging"}
        rows[-2] |= {"hop": "application"}
    found = clocks(events(*rows)).filter(pl.col("source") == "apps/shop.log")
    assert found.select("utc_offset", "confidence").row(0) == (32400, "weak")


def test_stamps_that_count_from_1970_are_of_no_zone() -> None:
    """The kernel's audit log of a host tells nothing of that host's own zone."""
    audit = {"source": "var/log/audit/audit.log", "hop": "host", "format": "auditd"}
    audit = written("2025-02-06 05:32:45", "/", utc_offset=0, **audit)
    web = written("2025-02-06 14:32:45", "/", source="var/log/httpd/access_log")
    own = yearless("2025-02-06 11:02:45", source="var/log/messages")
    found = clocks(events(audit, web, own))
    found = found.filter(pl.col("source") == "var/log/messages")
    assert found["utc_offset"].unique().to_list() == [32400]


SUMMER = [
    ("2024-09-10 10:00", 7200),
    ("2024-10-26 23:00", 7200),
    ("2024-10-27 10:00", 3600),
    ("2024-12-01 10:00", 3600),
]


def test_a_log_without_zones_follows_the_summer_time_of_its_server() -> None:
    access = [
        written(text, "/", source="nginx/access.log", utc_offset=offset)
        for text, offset in SUMMER
    ]
    errors = [
        {"source": "nginx/error.log", "local_time": local(text)}
        for text in ("2024-10-20 12:00", "2024-11-20 12:00")
    ]
    for row in [*access, *errors]:
        row |= {"hop": "web_server", "format": str(row["source"])}
    frame = events(*access, *errors)
    found = clocks(frame).filter(pl.col("source") == "nginx/error.log")
    assert found["zone"].to_list() == ["Europe/Berlin"]
    times = apply(frame, found).filter(pl.col("source") == "nginx/error.log")["time"]
    assert times.dt.hour().to_list() == [10, 11]


def test_hours_that_came_twice_are_not_sure() -> None:
    access = [
        written(text, "/", source="nginx/access.log", utc_offset=offset)
        for text, offset in SUMMER
    ]
    error = {"source": "nginx/error.log", "local_time": local("2024-10-27 02:30")}
    for row in [*access, error]:
        row |= {"hop": "web_server", "format": str(row["source"])}
    found = clocks(events(*access, error))
    row = found.filter(pl.col("source") == "nginx/error.log").row(0, named=True)
    assert row["confidence"] == "weak"
    assert "twice" in row["detail"]


@pytest.mark.parametrize("later", [3600, -3600], ids=["spring", "autumn"])
def test_a_local_clock_is_followed_over_the_change_of_summer_time(later: int) -> None:
    """Few paths, often asked for: their rhythm tells both zones."""
    rng = random.Random(later)
    at, rows = local("2025-03-09 00:00"), []
    for number in range(800):
        at += dt.timedelta(seconds=rng.expovariate(1 / 60))
        offset = -18000 + (number >= 450) * later
        path = f"/{rng.randrange(8)}"
        shown = (at + dt.timedelta(seconds=offset)).replace(microsecond=0)
        text = str(shown)
        rows += [
            written(text, path, source="nginx/access.log", utc_offset=offset),
            logged(text, path, source="srv/app.log", hop="application"),
        ]
    found = clocks(events(*rows)).filter(pl.col("source") == "srv/app.log")
    assert found["utc_offset"].to_list() == [-18000, -18000 + later]
    assert found["first_line"].to_list() == [1, 451]


def test_start_follows_from_the_duration_where_the_format_stamps_the_end() -> None:
    row = logged("2025-02-06 14:32:45", "/a", format="gunicorn_error", duration=2.0)
    ending = logged("2025-02-06 14:32:45", "/a", format="nginx_access", duration=2.0)
    frame = events(row, ending)
    filled = apply(frame, clocks(frame, Overrides(tz=(("*", "UTC"),))))
    wanted = dt.datetime(2025, 2, 6, 14, 32, 43, tzinfo=UTC)
    assert filled["start_time"].to_list() == [None, wanted]


def test_two_hosts_of_one_file_have_their_own_zones() -> None:
    frame = events(
        *(
            payload(
                f"2025-02-06 05:3{i}:00", f"2025-02-06 14:3{i}:00.2", utc_offset=32400
            )
            for i in range(4)
        ),
        *(
            payload(
                f"2025-02-06 14:3{i}:00",
                f"2025-02-06 14:3{i}:00.2",
                utc_offset=32400,
                hostname="web2",
            )
            for i in range(4)
        ),
        yearless("2025-02-06 14:40:00", hostname="web2"),
        yearless("2025-02-06 05:40:00"),
    )
    filled = apply(frame, clocks(frame))
    assert filled["envelope_time"].dt.hour().unique().to_list() == [5]


def test_evidence_that_disagrees_lowers_the_confidence() -> None:
    strong = Vote(32400, 50, "strong", "shared request", "requests", 9)
    rival = Vote(0, 45, "strong", "configuration", "a file", 1)
    alone, disputed = decide([strong]), decide([strong, rival])
    assert alone is not None
    assert disputed is not None
    assert (alone.value, alone.confidence) == (32400, "strong")
    assert (disputed.value, disputed.confidence) == (32400, "weak")
    assert disputed.votes_against == 1
    assert decide([]) is None


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("var/log/syslog", "var/log/syslog"),
        ("var/log/syslog.1", "var/log/syslog"),
        ("var/log/syslog.2.gz", "var/log/syslog"),
        ("nginx/access.log-20250206.gz", "nginx/access.log"),
        ("logs/2025-02-06.log", "logs/#.log"),
        ("logs/web1.log", "logs/web1.log"),
        (
            "alb/2025/02/06/1_elasticloadbalancing_app_20250206T0535Z_192.0.2.1_x.log.gz",
            "alb/#/1_elasticloadbalancing_app",
        ),
    ],
)
def test_series(path: str, name: str) -> None:
    assert series(path) == name


def test_rotation_sorts_from_old_to_new() -> None:
    numbered = ["syslog", "syslog.1", "syslog.10.gz", "syslog.2.gz"]
    assert sorted(numbered, key=rotation) == [
        "syslog.10.gz",
        "syslog.2.gz",
        "syslog.1",
        "syslog",
    ]
    dated = ["a.log", "a.log-20250102", "a.log-20241231.gz"]
    assert sorted(dated, key=rotation) == [dated[2], dated[1], dated[0]]


def test_dates_in_names() -> None:
    rotated = named_date("var/syslog-20250206.gz")
    assert rotated is not None
    assert (rotated.date, rotated.rotated) == (dt.date(2025, 2, 6), True)
    assert named_date("var/syslog.1") is None
    assert named_date("a-20250231.log") is None


def test_a_date_in_the_name_tells_the_year() -> None:
    frame = events(yearless("2025-02-05 23:00:00", source="syslog-20250206"))
    assert clocks(frame)["year"].to_list() == [2025]


@pytest.mark.parametrize(
    ("printed", "zone"),
    [
        ("Wed Mar 12 19:05:00 JST 2025\n", "+09:00"),
        ("Wed 12 Mar 2025 07:05:00 PM JST\n", "+09:00"),
        ("Wed, 12 Mar 2025 15:35:00 +0530\n", "+05:30"),
        ("Wed Mar 12 18:05:00 +08 2025\n", "+08:00"),
        ("Wed Mar 12 10:05:00 UTC 2025\n", "UTC"),
        # in summer it has another one, or several have that name
        ("Wed Mar 12 11:05:00 CET 2025\n", None),
        ("Wed Mar 12 05:05:00 EST 2025\n", None),
        ("Wed Mar 12 15:35:00 IST 2025\n", None),
        ("Wed, 12 Mar 2025 11:05:00 +0100\n", None),
        # no output of `date`
        ("notes of the call at 19:05:00 JST 2025\n", None),
        ("", None),
    ],
)
def test_what_date_printed_is_the_zone_of_a_host(
    printed: str, zone: str | None
) -> None:
    path = "in/sosreport-web1/sos_commands/date/date"
    expected = {"in/sosreport-web1": (zone, path)} if zone else {}
    assert host_zones({path: printed.encode()}) == expected
    by_hand = host_zones({"date.txt": printed.encode()})
    told = zone not in {None, "UTC"}
    assert by_hand == ({"": (zone, "date.txt")} if told else {})
    assert host_root("in/sosreport-web1/var/log/messages") == "in/sosreport-web1"


def test_zones_in_configuration() -> None:
    files = {
        "a/etc/timezone": b"Asia/Tokyo\n",
        "b/etc/localtime": b"/usr/share/zoneinfo/Europe/Berlin",
        "c/etc/localtime": b"TZif2" + b"\0" * 40 + b"\nJST-9\n",
        "d/timedatectl.txt": b"   Time zone: Asia/Kolkata (IST, +0530)\n",
        "e/etc/sysconfig/clock": b'ZONE="America/New_York"\nUTC=true\n',
        "f/etc/timezone": b"\xff\xfe",
    }
    assert {root: zone for root, (zone, _) in host_zones(files).items()} == {
        "a": "Asia/Tokyo",
        "b": "Europe/Berlin",
        "c": "+09:00",
        "d": "Asia/Kolkata",
        "e": "America/New_York",
    }


@pytest.mark.parametrize("seconds", [0, 32400, -12600, 20700, -18000])
def test_offsets_read_back_as_written(seconds: int) -> None:
    assert zone_offset(offset_text(seconds), local("2025-01-01")) == seconds


def test_a_strictly_regular_train_says_nothing() -> None:
    ticks = pl.Series(range(0, 86400, 30)).cast(pl.Float64).to_numpy()
    assert fit(ticks[:300] + 32400, ticks, range(-93600, 93601, 900)) is None


def test_regular_trains_that_begin_and_end_together_tell_the_step() -> None:
    ticks = pl.Series(range(5000, 8000, 15)).cast(pl.Float64).to_numpy()
    found = fit(ticks + 32400, ticks, range(-93600, 93601, 900))
    assert found is not None
    assert found.step == 32400


def test_regular_trains_that_midnight_cut_say_nothing() -> None:
    ticks = pl.Series(range(0, 86400, 30)).cast(pl.Float64).to_numpy()
    assert fit(ticks, ticks, range(-93600, 93601, 900)) is None


def _train(seed: int, each: float, *, last: float = 150.0) -> pl.DataFrame:
    """One request that is asked for at random, about every so many seconds."""
    rng = random.Random(seed)
    at = accumulate(rng.expovariate(1 / each) for _ in range(400))
    seconds = [round(t, 3) for t in at if t < last]
    return pl.DataFrame({"place": range(len(seconds)), "seconds": seconds})


@pytest.mark.parametrize("each", [0.8, 2.0, 6.0])
def test_pages_that_two_nodes_have_without_sharing_a_request_tell_no_skew(
    each: float,
) -> None:
    one, two = _train(1, each), _train(2, each)
    seconds = (one["seconds"].to_numpy(), two["seconds"].to_numpy())
    found = fit(*seconds, range(-93600, 93601, 900))
    assert found is None or twins(one, two, found).is_empty()


@pytest.mark.parametrize("lead", [0.0, -21.0])
def test_a_page_of_two_logs_asked_for_often_tells_their_skew(lead: float) -> None:
    one = _train(3, 4.0, last=1_200.0)
    two = one.with_columns(pl.col("seconds") - lead)
    seconds = (one["seconds"].to_numpy(), two["seconds"].to_numpy())
    found = fit(*seconds, range(-93600, 93601, 900))
    assert found is not None
    residuals = twins(one, two, found)["residual"]
    assert abs(residuals.median() - lead) < 0.5  # type: ignore[operator]
    assert residuals.len() > 0.9 * one.height


def test_a_quiet_log_follows_its_own_kind_and_not_the_envelopes() -> None:
    frame = events(*(dict(row) for row in STORY[:4]), *_quiet_lines())
    row = clocks(frame).filter(pl.col("source") == "srv/app.log").row(0, named=True)
    assert (row["zone"], row["confidence"]) == ("+09:00", "weak")


def _quiet_lines() -> list[dict[str, Any]]:
    form = {"format": "python_logging", "hop": "application", "source": "srv/app.log"}
    return [{"local_time": local(f"2025-02-06 14:2{i}:03")} | form for i in range(3)]


def test_weak_evidence_of_two_kinds_is_strong_unless_it_is_faint() -> None:
    span = Vote(32400, 6.5, "weak", "logs end together", "ends")
    near = Vote(32400, 4, "weak", "the same machine", "machine")
    far = Vote(32400, 2, "weak", "the rest of the archive", "archive")
    rival = Vote(0, 6, "weak", "configuration", "file")
    found = [decide(v) for v in ([span, near], [span, far], [span, near, rival])]
    assert [d and d.confidence for d in found] == ["strong", "weak", "weak"]


def test_a_crowd_of_alike_requests_after_the_end_of_a_log_is_no_change() -> None:
    rng = random.Random(7)
    alike = [int(rng.paretovariate(0.4)) % 3000 for _ in range(30_000)]
    at = list(accumulate(rng.expovariate(15) for _ in alike))
    rows = [(i, key, t) for i, (key, t) in enumerate(zip(alike, at, strict=True))]
    both = [(0, True, *row) for row in rows[:12_000]]
    both += [(1, False, i, key, t + 32400.4) for i, key, t in rows]
    names = ["node", "written", "place", "key", "seconds"]
    frame = pl.DataFrame(both, schema=names, orient="row").with_columns(
        pl.lit(None, pl.Int16).alias("status"),
        pl.lit(None, pl.Float64).alias("length"),
        pl.lit(value=False).alias("starts"),
    )
    (relation,) = relations(frame)
    assert (relation.step, relation.change) == (-32400, None)


def test_tries_that_timed_out_before_the_last_one_are_no_skew() -> None:
    """Each leaves an error line, a minute apart; the answer stands with the last."""
    rows: list[tuple[Any, ...]] = []
    for n in range(6):
        rows.append((0, True, n, n, 1_000.0 * n))
        rows += [(1, True, 3 * n + k, n, 1_000.0 * n - 60 * (2 - k)) for k in range(3)]
    names = ["node", "written", "place", "key", "seconds"]
    frame = pl.DataFrame(rows, schema=names, orient="row").with_columns(
        pl.lit(None, pl.Int16).alias("status"),
        pl.lit(None, pl.Float64).alias("length"),
        pl.lit(value=False).alias("starts"),
    )
    (relation,) = relations(frame)
    assert relation.rows["residual"].abs().max() == 0


def test_slow_requests_are_no_skew_where_the_start_is_stamped() -> None:
    """The error log has slow requests alone, and the WAF knows only their starts."""
    rows: list[dict[str, Any]] = []
    for minute in range(5):
        start, end = f"2025-02-06 05:1{minute}:00", f"2025-02-06 05:1{minute}:30"
        path = f"/slow/{minute}"
        rows += [
            written(start, path, source="a/waf.log", utc_offset=0, hop="waf"),
            written(
                end,
                path,
                source="b/alb.log",
                utc_offset=0,
                hop="load_balancer",
                format="aws_alb",
                duration=30.0,
            ),
            written(
                start,
                path,
                source="c/gcp.log",
                utc_offset=0,
                hop="load_balancer",
                format="gcp_load_balancer",
                duration=30.0,
            ),
            logged(end, path, source="d/error.log", hop="web_server"),
        ]
    found = clocks(events(*rows))
    assert found["source"].n_unique() == 4
    assert found["skew"].is_between(-1, 1).all()


def test_an_answer_in_a_log_that_names_no_method_is_the_same_request() -> None:
    """Django writes `Not Found: /p`, what serves it the request with its method."""
    rows = []
    for n in range(6):
        at = f"2025-02-06 14:{7 * n:02d}:{n * n:02d}"
        more: dict[str, Any] = {"path": f"/{n}", "status": 404}
        rows.append(written(at, source="nginx/access.log", **more))
        rows.append(logged(at, source="srv/django.log", **more) | {"method": None})
    found = clocks(events(*rows)).filter(pl.col("source") == "srv/django.log")
    assert found["utc_offset"].to_list() == [32400]
    assert found["confidence"].to_list() == ["strong"]
