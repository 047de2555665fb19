"""What should be there and is not, and what is quiet by nature."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from forensic import gaps
from forensic.census import census
from forensic.schema import CLOCK, EVENT, GAP, SOURCE

START = datetime(2025, 2, 6, 5, 0, tzinfo=UTC)
CLOCKS = pl.DataFrame(schema=CLOCK)


def lines(
    source: str, minutes: list[int], each: int = 10, **columns: Any
) -> list[dict[str, Any]]:
    return [
        {
            "source": source,
            "line": n,
            "offset": n,
            "hop": "web_server",
            "status": 200,
            "time": START + timedelta(minutes=minute, seconds=n),
            **columns,
        }
        for minute in minutes
        for n in range(each)
    ]


def find(
    rows: list[dict[str, Any]], sources: list[dict[str, Any]] | None = None
) -> pl.DataFrame:
    events = pl.from_dicts(rows, schema=EVENT).lazy()
    return gaps.find(
        census(events), pl.from_dicts(sources or [], schema=SOURCE), CLOCKS
    )


def test_a_busy_log_that_falls_silent() -> None:
    found = find(lines("access.log", [*range(30), *range(40, 70)]))
    assert found["kind"].to_list() == ["gap"]
    row = found.row(0, named=True)
    assert row["start"] == START + timedelta(minutes=30)
    assert row["end"] == START + timedelta(minutes=40)
    assert row["expected"] == pytest.approx(100, rel=0.1)
    assert "access.log" in row["ask_for"]


def test_a_quiet_log_is_no_gap() -> None:
    assert find(lines("access.log", [*range(0, 600, 15)], each=1)).is_empty()


@pytest.mark.parametrize(
    "columns",
    [{"status": None}, {"status": None, "hop": "application"}],
    ids=["an error log", "an application's"],
)
def test_a_burst_of_errors_tells_no_rate(columns: dict[str, Any]) -> None:
    found = find(lines("error.log", [*range(10), 200, 201, 202], **columns))
    assert found.filter(pl.col("kind") == "gap").is_empty()


def test_a_few_lines_tell_no_rate() -> None:
    found = find(lines("app.log", [0, 80, 81], each=1, status=None, hop="application"))
    assert found.is_empty()


def test_a_hole_between_rotations() -> None:
    rows = lines("access.log.1", [*range(30)]) + lines("access.log", [*range(50, 80)])
    assert find(rows)["kind"].to_list() == ["rotation_hole"]


@pytest.mark.parametrize(
    ("first", "third"),
    [
        (
            "insights/y=2025/m=02/d=06/h=05/m=00/PT1H.json",
            "insights/y=2025/m=02/d=06/h=07/m=00/PT1H.json",
        ),
        ("cf/E2QX.2025-02-06-05.1a2b3c4d.gz", "cf/E2QX.2025-02-06-07.9f8e7d6c.gz"),
        (
            "WAFLogs/r/acl/2025/02/06/05/30/1_waflogs_r_acl_20250206T0530Z_1a.log.gz",
            "WAFLogs/r/acl/2025/02/06/06/20/1_waflogs_r_acl_20250206T0620Z_2b.log.gz",
        ),
    ],
    ids=["Azure", "CloudFront", "AWS WAF"],
)
def test_a_hole_between_a_provider_s_objects(first: str, third: str) -> None:
    found = find(lines(first, [*range(30)]) + lines(third, [*range(50, 80)]))
    assert found["kind"].to_list() == ["rotation_hole"]


def _file(name: str, first: int, last: int, **columns: Any) -> dict[str, Any]:
    """A file of a log, with the minutes of its first and last line."""
    span = {"first_time": START + timedelta(minutes=first)}
    span |= {"last_time": START + timedelta(minutes=last)}
    return {"source": name, "hop": "web_server", **span, **columns}


def test_a_rotation_that_is_left_out_is_asked_for_by_name() -> None:
    files = [
        _file("n/error.log", 60, 70),
        _file("n/error.log.3.gz", 10, 20),
        _file("n/error.log.4.gz", 1, 9),
    ]
    row = find([], files).row(0, named=True)
    assert (row["kind"], row["source"]) == ("rotation_hole", "n/error.log.3.gz")
    assert row["detail"] == (
        "n/error.log.1 and n/error.log.2 are not in the archive,"
        " n/error.log and n/error.log.3.gz are."
    )
    assert row["ask_for"] == (
        "n/error.log.1 and n/error.log.2 (perhaps compressed):"
        " 2025-02-06 05:20 to 2025-02-06 06:00 UTC"
    )


def test_a_rotation_left_out_of_a_busy_log_is_one_hole() -> None:
    rows = lines("access.log.2", [*range(30)]) + lines("access.log", [*range(50, 80)])
    found = find(rows, [_file("access.log.2", 0, 29), _file("access.log", 50, 79)])
    assert found["kind"].to_list() == ["rotation_hole"]
    assert found["expected"].item() == pytest.approx(200, rel=0.1)
    assert "access.log.1 is not in the archive" in found["detail"].item()
    assert found["ask_for"].item().startswith("access.log.1 ")


@pytest.mark.parametrize(
    "names",
    [
        ["a.log", "a.log.1"],
        ["web-1", "web-3"],  # hosts
        ["a.2023", "a.2025"],  # years
        ["a.log.3", "a.log.5.gz"][::-1],  # numbers that grow with time
        ["a.log", "a.log.gz"],
    ],
)
def test_what_is_no_hole_between_rotations(names: list[str]) -> None:
    files = [_file(name, 60 - n * 20, 70 - n * 20) for n, name in enumerate(names)]
    assert find([], files).is_empty()


def test_a_missing_five_minute_object() -> None:
    name = "a_elasticloadbalancing_r_app.x.1_20250206T05{:02}Z_192.0.2.1_ab.log.gz"
    sources = [{"source": name.format(slot), "events": 500} for slot in (5, 10, 25)]
    found = find([], sources)
    assert found["kind"].to_list() == ["missing_object"]
    row = found.row(0, named=True)
    assert (row["start"], row["end"]) == (
        START + timedelta(minutes=10),
        START + timedelta(minutes=20),
    )
    assert row["expected"] == 1000.0


def test_private_clients_speak_of_a_load_balancer() -> None:
    found = find(lines("access.log", [1], client_scope="private"))
    assert found["hop"].cast(pl.String).to_list() == ["waf", "load_balancer"]
    assert find(lines("access.log", [1], client_scope="public")).is_empty()


def test_a_load_balancer_that_asks_a_waf() -> None:
    rows = lines("alb.log", [1], hop="load_balancer", action="waf,forward")
    found = find(rows)
    assert found["hop"].cast(pl.String).to_list() == ["waf"]


def test_what_is_asked_for_has_the_account_that_names_tell() -> None:
    name = "AWSLogs/123456789012/elasticloadbalancing/ap-northeast-1/2025/02/06/a.log"
    rows = lines(name, [1], hop="load_balancer", action="waf,forward")
    wish = find(rows, [_file(name, 0, 1)])["ask_for"][0]
    assert "AWSLogs/123456789012/WAFLogs/" in wish


def test_a_load_balancer_that_asks_none_tells_of_none() -> None:
    rows = lines("alb.log", [1], hop="load_balancer", action="forward", upstream="a:80")
    rows += lines("access.log", [1], client_scope="private")
    assert find(rows).is_empty()


def test_a_truncated_file() -> None:
    source = {"source": "a.log.gz", "verdict": "truncated", "hop": "web_server"}
    found = find([], [source])
    assert found["kind"].to_list() == ["truncated"]


def test_nothing() -> None:
    found = find([])
    assert found.is_empty()
    assert found.schema == pl.Schema(GAP)
