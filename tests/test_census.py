"""The numbers of an archive, and the windows of time that follow from them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forensic.case import Case
from forensic.census import census, formats_of, of_case, span_of, zones_of
from forensic.events import ParseOptions, parse
from forensic.hops import windows
from forensic.schema import EVENT

START = datetime(2025, 2, 6, 5, 0, tzinfo=UTC)
WEB = {"hop": "web_server", "format": "nginx_access", "utc_offset": 32400}


def counted(*rows: dict[str, Any]) -> pl.DataFrame:
    placed = [{"source": "a.log", "offset": n} | row for n, row in enumerate(rows)]
    return census(pl.from_dicts(placed, schema=EVENT).lazy())


def test_a_minute_is_counted_by_log_and_kind() -> None:
    found = counted(
        WEB | {"time": START, "status": 200, "client_scope": "private"},
        WEB | {"time": START + timedelta(seconds=59), "status": 502, "upstream": "b"},
        WEB | {"time": START + timedelta(seconds=60), "status": 404},
        {"hop": "application", "status": 500},
    )
    names = ["hop", "events", "statuses", "errors", "upstreams", "inside", "orphans"]
    assert found.select(names).rows() == [
        ("application", 1, 1, 1, 0, 0, 1),
        ("web_server", 2, 2, 1, 1, 1, 0),
        ("web_server", 1, 1, 1, 0, 0, 0),
    ]
    assert found["minute"].is_null().to_list() == [True, False, False]
    assert span_of(found) == (START, START + timedelta(seconds=60))
    assert formats_of(found) == {"nginx_access"}
    assert zones_of(found) == [32400]


def test_nothing_has_no_span() -> None:
    found = counted()
    assert found.is_empty()
    assert span_of(found) is None
    assert windows.spans(found) == [(None, None)]


@pytest.mark.parametrize("most", [1, 7, 10, 25, 100])
def test_windows_follow_one_another_and_are_of_about_one_size(most: int) -> None:
    minute = timedelta(minutes=1)
    found = counted(*(WEB | {"time": START + minute * (n // 2)} for n in range(50)))
    spans = windows.spans(found, most)
    assert spans[0][0] is None
    assert spans[-1][1] is None
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    borders = [border for _, border in spans if border is not None]
    places = [0, *((b - START.timestamp() * 1e6) / 60e6 * 2 for b in borders), 50]
    sizes = [after - before for before, after in pairwise(places)]
    assert max(sizes) <= max(most, 2) + 1
    assert max(sizes) - min(sizes) <= 2


def test_a_window_holds_the_fewer_events_the_more_of_them_failed() -> None:
    second = timedelta(seconds=60)
    rows = [WEB | {"time": START + second * n, "status": 200} for n in range(60)]
    bad = [row | {"status": 502} for row in rows]
    assert len(windows.spans(counted(*rows), 60)) == 1
    assert len(windows.spans(counted(*bad), 60)) > 10


def test_logs_without_time_are_cut_themselves_where_they_are_long() -> None:
    rows = [
        WEB | {"source": f"{name}.log", "line": n + 1}
        for name, size in (("a", 30), ("b", 30), ("c", 95), ("d", 5))
        for n in range(size)
    ]
    found = counted(*rows)
    events = pl.from_dicts(
        [row | {"offset": n} for n, row in enumerate(rows)], schema=EVENT
    ).lazy()
    assert windows.pieces(events, found, 1000) == []
    pieces = windows.pieces(events, found, 50)
    own = [windows.between(events, piece, 0).collect() for piece in pieces]
    assert [set(piece["source"]) for piece in own] == [
        *({"a.log"}, {"b.log", "d.log"}, {"c.log"}, {"c.log"})
    ]
    assert all(
        later["line"][0] < before["line"][-1] for before, later in pairwise(own[-2:])
    )


@pytest.mark.parametrize("jobs", [0, 2])
def test_parts_counted_while_they_are_parsed_give_the_census_of_all(
    tmp_path: Path, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forensic.events._MANY", 3)  # other workers settle the times
    archive = tmp_path / "export"
    archive.mkdir()
    web = '203.0.113.7 - - [06/Feb/2025:05:{:02}:00 +0000] "GET / HTTP/1.1" {} 5\n'
    rows = [web.format(n % 60, 200 if n % 7 else 502) for n in range(3000)]
    (archive / "access.log").write_text("".join(rows))
    line = "Feb  6 05:{:02}:00 web1 app[9]: ERROR no answer\n"  # wants a year
    (archive / "syslog").write_text("".join(line.format(n % 60) for n in range(900)))
    case = Case(tmp_path / "case")
    case.folder.mkdir()
    parse([archive], case, ParseOptions(jobs=jobs, block=16 << 10))
    assert len(list(case.path("events").iterdir())) > 5
    found = of_case(case)
    assert_frame_equal(found, of_case(Case(case.folder)))
    assert found["events"].sum() == 3900
    assert not found["minute"].null_count()
