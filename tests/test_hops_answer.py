"""The story's question, its variants, and what a question may look like."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from forensic import hops
from forensic.errors import UsageError
from forensic.hops import (
    NO_SUCH,
    Question,
    correlate,
    journey,
    pasted,
    waf_false_positives,
)
from forensic.schema import CLOCK, EVENT, GAP, SOURCE

MINUTE = datetime(2025, 2, 6, 5, 32, tzinfo=UTC)
CLOCKS = pl.DataFrame(schema=CLOCK)
SOURCES = pl.DataFrame(schema=SOURCE)
GAPS = pl.DataFrame(schema=GAP)
ASKED = Question.parse("2025-02-06 14:32 +09:00", 403, "/app/admin")


def answer(*tables: Any) -> dict[str, Any]:
    """The verdict of these tables, and of the question at their end."""
    return hops.answer(hops.inquire(*tables))


def _row(number: int, **columns: Any) -> dict[str, Any]:
    return {"line": number, "offset": number * 100, "length": 99, **columns}


def pings(every: int = 7) -> list[dict[str, Any]]:
    """An hour of pings that nginx logged, from the load balancer's private address."""
    start = MINUTE - timedelta(minutes=30)
    rows = []
    for number in range(3600 // every):
        time = start + timedelta(seconds=number * every)
        rows.append(
            _row(
                number + 1,
                source="nginx/access.log",
                hop="web_server",
                time=time,
                local_time=(time + timedelta(hours=9)).replace(tzinfo=None),
                utc_offset=32400,
                client_ip="10.1.1.210",
                client_scope="private",
                method="GET",
                path="/api/ping",
                status=200,
            )
        )
    return rows


def another(time: datetime, **columns: Any) -> dict[str, Any]:
    """What nginx logged of another client's request, twenty seconds later."""
    return _row(
        1,
        hop="web_server",
        time=time + timedelta(seconds=20),
        client_ip="203.0.113.8",
        client_scope="public",
        method="GET",
        path="/app/admin",
        **columns,
    )


def block(**columns: Any) -> dict[str, Any]:
    """The story's WAF record: it has no timestamp."""
    return _row(
        1,
        source="waf.json",
        hop="waf",
        client_ip="203.0.113.9",
        client_scope="public",
        path="/app/admin",
        status=403,
        action="BLOCK",
        rule="AdminProtection_URIPATH",
        **columns,
    )


def verdict(
    rows: list[dict[str, Any]],
    question: Question | None = ASKED,
    gaps: pl.DataFrame = GAPS,
) -> dict[str, Any]:
    events = pl.from_dicts(rows, schema=EVENT).lazy()
    requests = correlate(events, CLOCKS, SOURCES)
    return answer(events, requests, CLOCKS, gaps, SOURCES, question)


@pytest.mark.parametrize(
    ("columns", "confidence"),
    [
        ({}, "strong"),
        ({"time": MINUTE + timedelta(seconds=9), "method": "GET"}, "certain"),
    ],
    ids=["without a time", "with a time"],
)
def test_the_story(columns: dict[str, Any], confidence: str) -> None:
    found = verdict([*pings(), block(**columns)])
    assert (found["answered_by"], found["cause"]) == ("waf", "waf_rule")
    assert found["rule"] == "AdminProtection_URIPATH"
    assert found["confidence"] == confidence
    assert [line["hop"] for line in found["evidence"]] == ["waf", *["web_server"] * 3]
    times = [line["time"] for line in found["evidence"][1:]]
    assert times[0] < MINUTE.isoformat() <= times[1] < times[2]
    assert "private addresses only" in found["sentence"]
    assert found["path"][0]["hop"] == "waf"


def test_the_story_without_the_waf_log() -> None:
    found = verdict(pings())
    assert found["answered_by"] == "unknown"
    assert found["candidates"] == ["waf", "load_balancer", "cdn"]
    assert found["confidence"] != "certain"
    assert "outer hop answered" in found["sentence"]
    assert any("aws-waf-logs" in text for text in found["ask_for"])
    assert any("20250206T0535Z" in text for text in found["ask_for"])
    assert [guess["hop"] for guess in found["hypotheses"]] == found["candidates"]


def test_without_a_time_the_logs_as_a_whole_are_asked() -> None:
    found = verdict(pings(), Question.parse(None, 403, "/app/admin"))
    assert found["candidates"][0] == "waf"
    assert "web_server" not in found["candidates"]
    assert "it was at another time. The web server logged 514" in found["sentence"]
    assert "from 2025-02-06 05:02 to 2025-02-06 06:01 UTC" in found["sentence"]
    assert len(found["evidence"]) == 2
    seen = verdict(pings(), Question.parse(None, 403, "/api/ping"))
    assert seen["sentence"].startswith("No log of the archive has 403 for /api/ping.")


def test_other_answers_that_fit_are_told() -> None:
    own = {
        "source": "nginx/access.log",
        "hop": "web_server",
        "client_ip": "10.1.1.210",
        "client_scope": "private",
        "method": "GET",
        "path": "/app/admin",
        "status": 403,
    }
    times = [MINUTE + timedelta(minutes=5, seconds=second) for second in (1, 20, 40)]
    rows = [_row(900 + n, time=time, **own) for n, time in enumerate(times)]
    found = verdict(
        [*pings(), *rows, block(time=MINUTE)], Question.parse(None, 403, "/app/admin")
    )
    assert (
        "4 requests fit; 3 of them were answered so, 1 by the WAF by rule"
        " AdminProtection_URIPATH." in found["sentence"]
    )


def test_answers_of_two_sites_are_told_apart() -> None:
    time = MINUTE + timedelta(seconds=9)
    stopped = block(time=time, method="GET", host="staging.example.com")
    own = another(time, host="www.example.com:443", status=403, source="nginx/b.log")
    sentence = verdict([*pings(), stopped, own])["sentence"]
    assert "1 of them for staging.example.com was answered so" in sentence
    assert "1 for www.example.com by the web server" in sentence
    same = verdict([*pings(), stopped, own | {"host": "staging.example.com"}])
    assert "for staging" not in same["sentence"]


def test_a_status_that_is_no_error_is_looked_up() -> None:
    redirect = {
        "source": "alb.log",
        "hop": "load_balancer",
        "path": "/",
        "status": 302,
        "action": "waf,authenticate",
    }
    rows = [_row(n, time=MINUTE + timedelta(seconds=n), **redirect) for n in range(4)]
    found = verdict([*pings(), *rows], Question.parse(None, 302))
    assert (found["answered_by"], found["cause"]) == ("load_balancer", "redirect")
    assert "4 of the load balancer (action waf,authenticate)" in found["sentence"]
    assert len(found["evidence"]) == 3
    ping = verdict([*pings(), *rows], Question.parse(None, 200, "/api/ping"))
    assert (ping["answered_by"], ping["candidates"]) == ("unknown", ["web_server"])
    reasons = ["the web server's log has such a response"]
    assert ping["hypotheses"][0]["for"] == reasons
    assert verdict(pings(), Question.parse(None, 302))["count"] == 0


def test_silence_of_a_log_that_does_not_reach_proves_nothing() -> None:
    early = [row for row in pings() if row["time"] < MINUTE - timedelta(minutes=5)]
    found = verdict(early)
    assert "outer hop answered" not in found["sentence"]
    assert "web_server" in found["candidates"]


def test_nginx_itself() -> None:
    time = MINUTE + timedelta(seconds=20)
    common = {
        "hop": "web_server",
        "time": time,
        "local_time": time.replace(tzinfo=None),
        "client_ip": "10.1.1.210",
        "client_scope": "private",
        "method": "GET",
        "path": "/app/admin",
    }
    line = _row(900, source="nginx/access.log", status=403, **common)
    error = _row(
        1,
        source="nginx/error.log",
        level="error",
        message="access forbidden by rule",
        **common,
    )
    found = verdict([*pings(), line, error])
    assert (found["answered_by"], found["cause"]) == ("web_server", "access_forbidden")
    assert found["confidence"] == "certain"


def test_without_a_zone_the_archive_s_own_is_taken_and_said() -> None:
    question = Question.parse("2025-02-06 14:32", 403, "/app/admin")
    found = verdict([*pings(), block(time=MINUTE + timedelta(seconds=9))], question)
    assert found["answered_by"] == "waf"
    assert "read as UTC+09:00" in found["sentence"]


def test_without_a_question_the_weightiest_error_is_answered() -> None:
    found = verdict([*pings(), block()], None)
    assert found["question"] is None
    assert found["answered_by"] == "waf"


def test_a_scan_does_not_outweigh_an_exception() -> None:
    """A thousand paths that were never there, and one that broke."""
    common = {"hop": "web_server", "client_ip": "10.1.1.210", "method": "GET"}
    rows = [
        _row(
            number,
            source="nginx/access.log",
            time=MINUTE + timedelta(seconds=number / 50),
            path=f"/{number}.php",
            status=404,
            **common,
        )
        for number in range(1, 1001)
    ]
    rows.append(
        _row(
            2000,
            source="nginx/access.log",
            time=MINUTE,
            path="/app/orders",
            status=500,
            **common,
        )
    )
    assert "/app/orders" in verdict(rows, None)["sentence"]


def test_a_scan_does_not_outweigh_a_refusal() -> None:
    gone = [
        _row(
            n,
            source="a.log",
            hop="web_server",
            path=f"/{n}.php",
            status=404,
            time=MINUTE,
        )
        for n in range(1, 801)
    ]
    large = _row(900, source="a.log", hop="web_server", path="/app/upload", status=413)
    assert "/app/upload" in verdict([*gone, large | {"time": MINUTE}], None)["sentence"]


def failure(**columns: Any) -> dict[str, Any]:
    """A traceback of a log that writes no zone, at 14:32:07 of its own clock."""
    time = datetime(2025, 2, 6, 14, 32, 7, tzinfo=UTC)
    return _row(
        7,
        source="app.log",
        hop="application",
        level="error",
        time=time,
        local_time=time.replace(tzinfo=None),
        **columns,
    )


ASSUMED = pl.from_dicts(
    [{"source": "app.log", "stamp": "event", "basis": "assumed"}], schema=CLOCK
)
TRACEBACK = "order failed\nTraceback (most recent call last):"


@pytest.mark.parametrize(
    "asked",
    [
        None,
        Question.parse("2025-02-06 14:32 +09:00", 500),
        Question.parse("2025-02-06 14:32 +09:00"),
    ],
)
def test_a_traceback_alone_is_an_error(asked: Question | None) -> None:
    """Nothing tells the log's zone either: it fits if that is the one asked in."""
    events = pl.from_dicts([failure(message=TRACEBACK)], schema=EVENT).lazy()
    requests = correlate(events, ASSUMED, SOURCES)
    found = answer(events, requests, ASSUMED, GAPS, SOURCES, asked)
    assert (found["answered_by"], found["cause"]) == ("application", "exception")
    assert found["confidence"] == ("weak" if asked else "strong")
    assert ("written in UTC+09:00" in found["sentence"]) == bool(asked)
    assert "unreadable" not in found["sentence"]


YEARLESS = ASSUMED.with_columns(
    year=pl.lit(2026, CLOCK["year"]),
    detail=pl.lit("only the file time of app.log (2026-11-29) speaks of a year"),
)


@pytest.mark.parametrize(
    ("at", "clocks", "columns", "sure", "says"),
    [
        # UTC is a guess, unless the question is of the log's own clock.
        ("14:32 +09:00", ASSUMED, {}, "weak", "Nothing tells the zone of app.log"),
        ("05:32", ASSUMED, {}, "strong", "without a zone"),
        # So is the year of a file's time, unless the question has none.
        ("05:32 UTC", YEARLESS, {}, "weak", "Nothing tells the year of app.log"),
        ("05:32 UTC", YEARLESS, {"year": 2026}, "weak", "it fits if that was 2025"),
        # And the day that custom tells.
        (
            "05:32 UTC",
            CLOCKS,
            {"flags": ["order_assumed"]},
            "weak",
            "whether the dates of app.log have the day first",
        ),
        ("05:32 UTC", CLOCKS, {}, "strong", "exception"),
    ],
)
def test_an_answer_whose_moment_was_supposed_is_less_sure(
    at: str, clocks: pl.DataFrame, columns: dict[str, Any], sure: str, says: str
) -> None:
    time = MINUTE.replace(year=columns.pop("year", 2025))
    basis = "written" if clocks is CLOCKS else "assumed"
    line = failure(message=TRACEBACK, time_basis=basis, **columns)
    line |= {"time": time, "local_time": time.replace(tzinfo=None)}
    events = pl.from_dicts([line], schema=EVENT).lazy()
    requests = correlate(events, clocks, SOURCES)
    asked = Question.parse(f"2025-02-06 {at}", 500)
    found = answer(events, requests, clocks, GAPS, SOURCES, asked)
    assert found["cause"] == "exception"
    assert found["confidence"] == sure
    assert says in found["sentence"]


def test_a_zone_that_is_known_is_not_bent_to_the_question() -> None:
    asked = Question.parse("2025-02-06 14:32 +09:00", 500)
    events = pl.from_dicts([failure(message=TRACEBACK)], schema=EVENT).lazy()
    inferred = ASSUMED.with_columns(basis=pl.lit("inferred", CLOCK["basis"]))
    requests = correlate(events, inferred, SOURCES)
    found = answer(events, requests, inferred, GAPS, SOURCES, asked)
    assert found["answered_by"] == "unknown"


def test_nothing_at_all() -> None:
    events = pl.LazyFrame(schema=EVENT)
    requests = correlate(events, CLOCKS, SOURCES)
    found = answer(events, requests, CLOCKS, GAPS, SOURCES, None)
    assert (found["answered_by"], found["confidence"]) == ("unknown", "none")


@pytest.mark.parametrize(
    ("text", "start", "seconds"),
    [
        ("2025-02-06 14:32 +09:00", "2025-02-06T05:32:00+00:00", 60),
        ("2025-02-06T14:32:09+0900", "2025-02-06T05:32:09+00:00", 1),
        ("2025-02-06 14:32 JST", "2025-02-06T05:32:00+00:00", 60),
        ("2025-02-06 14:32 Asia/Tokyo", "2025-02-06T05:32:00+00:00", 60),
        ("2025-02-06T05:32:09.250Z", "2025-02-06T05:32:09.250000+00:00", 1),
        ("2025-02-06", "2025-02-06T00:00:00+00:00", 86400),
        ("2025/02/06 14:32:09 JST", "2025-02-06T05:32:09+00:00", 1),
        ("[06/Feb/2025:14:32:09 +0900]", "2025-02-06T05:32:09+00:00", 1),
        ("Thu, 06 Feb 2025 05:32:09 GMT", "2025-02-06T05:32:09+00:00", 1),
        (
            "Thu Feb 06 2025 14:32:09 GMT+0900 (Japan Standard Time)",
            "2025-02-06T05:32:09+00:00",
            1,
        ),
        ("Thu Feb  6 14:32:09 JST 2025", "2025-02-06T05:32:09+00:00", 1),
        ("Feb 6, 2025 at 2:32 PM UTC+9", "2025-02-06T05:32:00+00:00", 60),
        ("06.02.2025 14:32 +09:00", "2025-02-06T05:32:00+00:00", 60),
        ("2/16/2025, 2:32:07 PM (JST)", "2025-02-16T05:32:07+00:00", 1),
        ("16/02/2025 14:32 +09:00", "2025-02-16T05:32:00+00:00", 60),
        ("2025年2月6日 14時32分 日本時間", "2025-02-06T05:32:00+00:00", 60),
        ("2025年2月6日 午後2時32分頃 JST", "2025-02-06T05:32:00+00:00", 60),
        ("2025-02-06 around 14:32", "2025-02-06T14:32:00+00:00", 60),
        ("20250206T143207Z", "2025-02-06T14:32:07+00:00", 1),
        ("1738819929", "2025-02-06T05:32:09+00:00", 1),
        ("1738819929250", "2025-02-06T05:32:09.250000+00:00", 1),
    ],
)
def test_times(text: str, start: str, seconds: int) -> None:
    question = Question.parse(text)
    assert question.start is not None
    assert question.end is not None
    assert question.start.isoformat() == start
    assert (question.end - question.start).total_seconds() == seconds


@pytest.mark.parametrize(
    ("text", "start", "minutes"),
    [
        ("2025-02-06 14:32-14:35", "14:32", 4),
        ("2025-02-06 14:32 - 14:35", "14:32", 4),
        ("2025-02-06 14:32～14:35", "14:32", 4),
        ("2025-02-06 14:32 to 14:35", "14:32", 4),
        ("2025-02-06 23:50-00:10", "23:50", 21),
        # What some zone keeps is an offset.
        ("2025-02-06 04:30-05:00", "09:30", 1),
        ("2025-02-06 14:32 -03:30", "18:02", 1),
    ],
)
def test_spans(text: str, start: str, minutes: int) -> None:
    asked = Question.parse(text)
    assert asked.start is not None
    assert asked.end is not None
    assert f"{asked.start:%H:%M}" == start
    assert asked.end - asked.start == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "text",
    ["2/13/2025 14:32", "13/02/2025 2:32 pm", "13-02-2025 14:32"],
)
def test_the_day_of_a_date_is_told_where_it_is_above_12(text: str) -> None:
    asked = Question.parse(text)
    assert asked.start == Question.parse("2025-02-13 14:32").start


def test_a_date_of_two_meanings_is_refused_with_both() -> None:
    with pytest.raises(UsageError, match="2025-06-02 or 2025-02-06"):
        Question.parse("06/02/2025 14:32")


def test_a_time_of_day_alone_may_be_all_that_is_asked() -> None:
    """Nothing is compared with a status that nobody named: that warns."""
    found = verdict(pings(), Question.parse("14:32"))
    assert found["answered_by"] == "unknown"


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2025-02-30 10:00",
        "2025-02-06 14:32 Mars/X",
        "06/02/2025 14:32",
        "25:00",
        "13:00 pm",
        "",
        "9999-12-31 23:59",
        "0001-01-01 00:00 +09:00",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Question.parse(text)


@pytest.mark.parametrize(
    ("pattern", "path", "query", "fits"),
    [
        ("/app/admin", "/app/admin", None, True),
        ("/app/*", "/app/admin", "x=1", True),
        ("/app/admin", "/app/admin2", None, False),
        ("/a.b", "/axb", None, False),
        ("/s?q=*", "/s", "q=1", True),
        ("https://example.com/app/admin#top", "/app/admin", None, True),
        ("https://example.com", "/", None, True),
        ("/管理/a b", "/%E7%AE%A1%E7%90%86/a%20b", None, True),
        ("/%e7%ae%a1/a%20b", "/管/a b", None, True),
        ("/a%2Fb", "/a%2fb", None, True),
        ("/a%FF", "/a%ff", None, True),
        ("/a#b", "/a", None, True),
        ("/a#b", "/a%23b", None, True),
        ("/a#b", "/a#b", None, True),
        ("/a~b", "/a%7Eb", None, True),
        ("/a+b", "/a%20b", None, True),
        ("app/admin", "/app/admin", None, True),
        ("shop.example.com:8443/app/admin?x=1", "/app/admin", "x=1", True),
        ('"GET /app/admin?x=1 HTTP/1.1" 403 162', "/app/admin", "x=1", True),
        ("curl -X POST 'https://example.com/pay' -d '{}'", "/pay", None, True),
        ("/a/very/long/path…", "/a/very/long/path/of/all", None, True),
    ],
)
def test_paths(pattern: str, path: str, query: str | None, fits: bool) -> None:
    frame = pl.DataFrame(
        {"path": [path], "query": [query]}, schema_overrides={"query": pl.String}
    )
    question = Question.parse(path=pattern)
    assert frame.select(question.matches_path()).item() is fits


@pytest.mark.parametrize(
    ("asked", "path", "query"),
    [
        ("/App/Admin/", "/app//admin", None),
        ("/a;jsessionid=9?x=1", "/a", None),
        ("/a", "/a;jsessionid=9", None),
        ("/a/b", "/%61%2Fb", None),
        ("/a?x=1&y=2", "/a", "y=2&x=1"),
        ("/" + "x" * 300, "/" + "x" * 250, None),
    ],
)
def test_a_path_that_is_written_otherwise(
    asked: str, path: str, query: str | None
) -> None:
    frame = pl.DataFrame(
        {"path": [path], "query": [query]}, schema_overrides={"query": pl.String}
    )
    question = Question.parse(path=asked)
    assert not frame.select(question.matches_path()).item()
    assert frame.select(replace(question, loose=True).matches_path()).item()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "https://me:pw@Shop.example.com:8443/a?x=1",
            (None, "shop.example.com", "/a?x=1"),
        ),
        ("http://[2001:db8::1]:80/x", (None, "2001:db8::1", "/x")),
        ("localhost:8080/x", (None, "localhost", "/x")),
        ("index.php/foo", (None, None, "/index.php/foo")),
        ("<https://example.com/x>", (None, "example.com", "/x")),
        ("GET /a b HTTP/1.1", ("GET", None, "/a b")),
        (
            '192.0.2.7 - - [06/Feb/2025:14:32:07 +0900] "PUT /cart HTTP/1.1" 500 0',
            ("PUT", None, "/cart"),
        ),
        ("$ curl -sI https://example.com/y", ("HEAD", "example.com", "/y")),
        ("curl 'https://example.com/z", ("GET", "example.com", "/z")),
        (
            "curl -H 'Host: shop.example.com' http://192.0.2.1:80/p --data a=1",
            ("POST", "shop.example.com", "/p"),
        ),
    ],
)
def test_what_is_pasted_for_a_path(text: str, found: tuple[str | None, ...]) -> None:
    assert pasted.read(text)[:3] == found


@pytest.mark.parametrize(
    ("status", "path", "sure"),
    [(500, "/pay", "strong"), (500, None, "strong"), (None, None, "weak")],
)
def test_a_minute_off_is_no_doubt_where_the_path_or_the_failure_fits(
    status: int | None, path: str | None, sure: str
) -> None:
    late = MINUTE + timedelta(seconds=75)
    row = failure(message=TRACEBACK, path="/pay", status=500) | {"time": late}
    found = verdict([row], Question.parse("2025-02-06 05:32Z", status, path))
    assert found["confidence"] == sure
    assert "within a minute of the time asked" in found["sentence"]


def test_the_host_of_an_address_tells_two_sites_apart() -> None:
    rows = [
        block(time=MINUTE, host="b.example.com"),
        block(time=MINUTE, host="a.example.com") | {"rule": "Other", "offset": 900},
    ]
    for host, rule in (("a", "Other"), ("b", "AdminProtection_URIPATH")):
        asked = Question.parse(path=f"https://{host}.example.com/app/admin")
        assert verdict(rows, asked)["rule"] == rule


def test_false_positives_have_two_sides() -> None:
    user = {"client_ip": "203.0.113.9", "client_scope": "public", "host": "example.com"}
    scanner = {"client_ip": "198.51.100.66", "client_scope": "public"}
    rows = [block(time=MINUTE)]
    for number in range(4):
        rows.append(  # noqa: PERF401 - reads like the story it tells
            _row(
                10 + number,
                source="waf.json",
                hop="waf",
                time=MINUTE + timedelta(seconds=number),
                path="/app/home",
                action="ALLOW",
                **user,
            )
        )
    for number in range(20):
        rows.append(  # noqa: PERF401 - likewise
            _row(
                50 + number,
                source="waf.json",
                hop="waf",
                time=MINUTE + timedelta(seconds=number),
                path=f"/{number}/.env",
                action="BLOCK",
                rule="ExploitablePaths_URIPATH",
                user_agent="sqlmap/1.8",
                **scanner,
            )
        )
    events = pl.from_dicts(rows, schema=EVENT).lazy()
    found = waf_false_positives(events, events)
    first, last = found.row(0, named=True), found.row(-1, named=True)
    assert (first["path"], first["verdict"]) == ("/app/admin", "likely")
    assert first["freed"] == 1
    assert first["reasons"]
    assert last["verdict"] == "unlikely"
    assert last["exposed"] == 1
    assert last["counter_evidence"]


@pytest.mark.parametrize(
    ("asked", "shift"),
    [
        (("2025-02-06 14:33 +09:00", 403, "/app/admin"), 9),
        (("2025-02-06 14:32 +09:00", 403, "/App/Admin/"), 9),
        (("2025-02-06 14:32 +09:00", 403, "/app/admin?tab=1&x="), 9),
        ((None, 403, "/app/Admin"), 9),
    ],
    ids=[
        "a minute late",
        "another spelling",
        "a query that is not logged",
        "another spelling, no time",
    ],
)
def test_what_people_get_wrong(asked: tuple[str | None, int, str], shift: int) -> None:
    rows = [*pings(), block(time=MINUTE + timedelta(seconds=shift), method="GET")]
    found = verdict(rows, Question.parse(*asked))
    assert (found["answered_by"], found["confidence"]) == ("waf", "strong")
    assert "asked" in found["sentence"]


def test_the_zone_of_a_clock_is_told_once() -> None:
    time = MINUTE + timedelta(hours=5, seconds=9)
    asked = Question.parse("2025-02-06 14:32", 403, "/app/admin")
    found = verdict([*pings(), block(time=time, method="GET")], asked)
    # The archive's own people live in +09:00.
    assert (found["answered_by"], found["confidence"]) == ("waf", "weak")
    sentence = found["sentence"]
    assert "was given without a zone and fits as UTC+04:00" in sentence
    assert sentence.count("UTC") == 1


def test_more_is_asked_for_of_the_time_at_which_it_was() -> None:
    asked = Question.parse("2025-02-06 14:32", 403, "/app/admin")
    time = MINUTE + timedelta(hours=5, seconds=9)
    row = another(time, status=403, source="nginx/access.log") | {"time": time}
    wish = " ".join(verdict([*pings(), row], asked)["ask_for"])
    # Read as the archive's people do it would be five hours earlier.
    assert "2025-02-06 10:27" in wish
    assert "05:27" not in wish


def test_of_an_hour_that_came_twice_the_second_is_asked_for_by_its_own_clock() -> None:
    time = datetime(2025, 10, 26, 1, 30, 9, tzinfo=UTC)
    asked = Question.parse("2025-10-26 02:30 Europe/Berlin", 502, "/app/admin")
    row = another(time, status=502, source="nginx/access.log") | {"time": time}
    wishes = " ".join(verdict([row], asked)["ask_for"])
    assert "2025-10-26 01:25 to 2025-10-26 01:36 UTC" in wishes
    assert "02:25 to 02:36 UTC+01:00" in wishes


def test_a_cdn_that_does_not_tell_its_error_from_its_origin_s_may_have_answered() -> (
    None
):
    row = another(MINUTE, status=502, source="cf.log", format="cloudfront")
    row |= {"hop": "cdn", "reason": "Error"}
    found = verdict([row], Question.parse("2025-02-06 14:32 +09:00", 502, None))
    assert found["answered_by"] == "unknown"
    assert found["candidates"] == ["load_balancer", "cdn"]


def test_a_record_of_what_took_long_does_not_speak_against_its_own_log() -> None:
    start = MINUTE + timedelta(seconds=25)
    common = {"source": "gcp.json", "format": "gcp_load_balancer"}
    rows = [another(start, status=200, **common), another(start, **common)]
    rows[0] |= {"path": "/", "hop": "load_balancer", "upstream_status": 200}
    rows[1] |= {"line": 2, "offset": 200, "hop": "load_balancer", "duration": 600.0}
    rows[1] |= {"status": 502, "reason": "backend_connection_closed"}
    asked = Question.parse("2025-02-06 14:32 +09:00", 502, "/app/admin")
    found = verdict(rows, asked)
    assert found["answered_by"] == "load_balancer"
    assert [one["against"] for one in found["hypotheses"]] == [[]]


@pytest.mark.parametrize(("scope", "said"), [("private", True), ("public", False)])
def test_who_left_the_web_server_alone_gave_its_own_client_an_answer(
    scope: str, said: bool
) -> None:
    left = another(MINUTE, status=499, source="nginx/access.log")
    rows = [*pings(), left | {"line": 901, "offset": 90100}]
    rows = [row | {"client_scope": scope} for row in rows]
    asked = Question.parse("2025-02-06 14:32 +09:00", 504, "/app/admin")
    found = verdict(rows, asked)
    assert ("stopped waiting for the answer" in found["sentence"]) is said
    assert ("application" not in found["candidates"]) is said
    assert "load_balancer" in found["candidates"]


def test_a_log_that_has_other_requests_is_told_to_have_them() -> None:
    rows = [row | {"hop": "application", "source": "app.log"} for row in pings()]
    sentence = verdict(rows)["sentence"]
    assert "The application's log has 8 records in that time, and none" in sentence


@pytest.mark.parametrize(("hop", "said"), [("load_balancer", True), ("cdn", False)])
def test_a_waf_at_a_load_balancer_would_stand_in_its_log(hop: str, said: bool) -> None:
    rows = [row | {"hop": hop, "source": "alb.log"} for row in pings()]
    (waf,) = [one for one in verdict(rows)["hypotheses"] if one["hop"] == "waf"]
    against = any("only one in front of it" in text for text in waf["against"])
    assert against is said


def test_a_whole_copy_is_asked_for_first_of_a_file_that_is_cut_short_before() -> None:
    cut = {
        "hop": "web_server",
        "source": "nginx/access.log",
        "kind": "truncated",
        "start": MINUTE - timedelta(minutes=90),
        "ask_for": "a whole copy of nginx/access.log",
    }
    gaps = pl.DataFrame([cut], schema=GAP)
    early = [row for row in pings() if row["time"] < MINUTE - timedelta(minutes=20)]
    assert verdict(early, gaps=gaps)["ask_for"][0] == cut["ask_for"]


@pytest.mark.parametrize(
    ("connection", "seconds", "told"), [(2, 0, True), (3, 0, False), (2, 9, False)]
)
def test_what_the_check_of_a_login_ran_into_is_told(
    connection: int, seconds: int, told: bool
) -> None:
    time = MINUTE + timedelta(seconds=9)
    log = "nginx/error.log"
    common = {"source": log, "hop": "web_server", "format": "nginx_error", "pid": 7}
    common |= {"time": time, "method": "GET", "path": "/app/admin", "level": "error"}
    common |= {"client_ip": "203.0.113.8", "client_scope": "public"}
    refused = common | {
        "reason": "connect_refused",
        "message": "connect() failed (111: Connection refused) while connecting",
        "upstream": "127.0.0.1:4180",
        "extra": f'{{"connection":{connection},"subrequest":"/auth"}}',
        "time": time - timedelta(seconds=seconds),
    }
    checked = common | {
        "reason": "auth_request_failed",
        "message": "auth request unexpected status: 502 while sending to client",
        "extra": '{"connection":2}',
    }
    row = another(MINUTE, status=500, source="nginx/access.log") | {"time": time}
    rows = [row, _row(1, **refused), _row(2, **checked)]
    asked = Question.parse("2025-02-06 14:32 +09:00", 500, "/app/admin")
    found = verdict([*pings(), *rows], asked)
    assert found["cause"] == "auth_failed"
    said = "had no answer of 127.0.0.1:4180: connect() failed (111: Connection refused)"
    assert (said in found["sentence"]) is told
    assert ((log, 1) in [(e["source"], e["line"]) for e in found["evidence"]]) is told


@pytest.mark.parametrize(("path", "told"), [("/app/admin", True), ("/x", False)])
def test_a_failure_that_a_page_of_200_hides_is_told(path: str, told: bool) -> None:
    time = MINUTE + timedelta(seconds=9)
    own = {"hop": "web_server", "method": "GET", "time": time}
    page = _row(900, source="nginx/access.log", path="/app/admin", status=200, **own)
    line = _row(1, source="nginx/error.log", path=path, level="error", **own)
    line |= {"message": "connect() failed (111: Connection refused) while connecting"}
    asked = Question.parse("2025-02-06 14:32 +09:00", 200, "/app/admin")
    found = verdict([*pings(), page, line | {"reason": "connect_refused"}], asked)
    assert ("connect() failed" in found["sentence"]) == told
    sources = {line["source"] for line in found["evidence"]}
    assert ("nginx/error.log" in sources) == told


def test_what_the_waf_let_pass_was_answered_further_in() -> None:
    passed = [
        block(time=MINUTE + timedelta(seconds=s), method="GET")
        | {"status": None, "action": "ALLOW", "line": n + 1, "offset": n * 100}
        for n, s in enumerate((-70, 9, 100))
    ]
    found = verdict(passed)
    assert found["answered_by"] == "unknown"
    assert "The WAF let that path pass." in found["sentence"]
    assert found["candidates"][:2] == ["web_server", "application"]
    assert [line["line"] for line in found["evidence"]] == [2]


@pytest.mark.parametrize(
    ("site", "who"),
    [("www", "waf"), ("api", "web_server"), ("shop", "waf")],
)
def test_an_address_names_the_site(site: str, who: str) -> None:
    time = MINUTE + timedelta(seconds=9)
    own = another(time, source="nginx/json.log", host="api.example.com", status=403)
    rows = [*pings(), block(time=time, method="GET", host="www.example.com:443"), own]
    where = f"https://{site}.example.com/app/admin"
    found = verdict(rows, Question.parse("2025-02-06 14:32 +09:00", 403, where))
    assert found["answered_by"] == who
    assert ("The site asked for is" in found["sentence"]) == (site == "shop")


def test_what_is_pasted_into_a_note_is_no_word_against_a_log() -> None:
    pasted = _row(
        1,
        source="README.txt",
        hop="web_server",
        time=MINUTE + timedelta(seconds=9),
        client_ip="203.0.113.77",
        client_scope="public",
        method="GET",
        path="/app/admin",
        status=403,
        bytes_sent=153,
    )
    note: dict[str, Any] = {"source": "README.txt", "verdict": "complete"}
    note |= {"lines": 7, "events_lines": 1, "unparsed_lines": 4}
    sources = pl.from_dicts([note], schema=SOURCE)

    def told(*rows: dict[str, Any]) -> dict[str, Any]:
        events = pl.from_dicts([*pings(), *rows], schema=EVENT).lazy()
        requests = correlate(events, CLOCKS, sources)
        return answer(events, requests, CLOCKS, GAPS, sources, ASKED)

    own = block(time=MINUTE + timedelta(seconds=12), method="GET")
    found = told(pasted, own)
    assert (found["answered_by"], found["confidence"]) == ("waf", "certain")
    assert "README.txt, which is no log" in found["sentence"]
    assert told(pasted)["answered_by"] == "web_server"


def test_zones_that_give_the_same_answer_are_told_together() -> None:
    rows = [
        block(time=MINUTE + timedelta(hours=hours), method="GET")
        | {"rule": "a", "line": hours, "offset": hours * 100}
        for hours in (1, 3)
    ]
    asked = Question.parse("2025-02-06 14:32", 403, "/app/admin")
    found = verdict([*pings(), *rows], asked)
    assert (found["answered_by"], found["confidence"]) == ("waf", "weak")
    assert (
        "fits as UTC+06:00 or UTC+08:00, each time with the same answer."
        in (found["sentence"])
    )
    rows[1]["rule"] = "b"
    assert verdict([*pings(), *rows], asked)["answered_by"] == "unknown"
    rows[1]["rule"] = "a"
    vague = Question.parse("2025-02-06 14:32", 403, None)
    assert verdict([*pings(), *rows], vague)["answered_by"] == "unknown"


def test_without_a_zone_the_moment_that_it_came_fits_too() -> None:
    slow = block(time=MINUTE + timedelta(hours=5, minutes=9), method="GET")
    slow["duration"] = 540.0
    asked = Question.parse("2025-02-06 14:32", 403, "/app/admin")
    found = verdict([*pings(), slow], asked)
    assert (found["answered_by"], found["confidence"]) == ("waf", "weak")
    assert "fits as UTC+04:00, in no other zone" in found["sentence"]


def test_another_spelling_and_no_zone_still_fit() -> None:
    far = block(time=MINUTE + timedelta(hours=5), method="GET")
    far |= {"path": "/App/Admin"}
    asked = Question.parse("2025-02-06 14:32", 403, "/app/admin")
    found = verdict([*pings(), far], asked)
    assert (found["answered_by"], found["confidence"]) == ("waf", "weak")
    assert "The path is written otherwise than asked." in found["sentence"]


def test_half_an_hour_off_is_no_zone_that_nobody_keeps() -> None:
    rows = [*pings(), block(time=MINUTE + timedelta(seconds=1809), method="GET")]
    found = verdict(rows, Question.parse("2025-02-06 14:32", 403, "/app/admin"))
    assert found["answered_by"] == "unknown"
    assert "fits as" not in found["sentence"]


@pytest.mark.parametrize(("minutes", "who"), [(4, "waf"), (9, "unknown")])
def test_some_minutes_off_it_may_be_another_one(minutes: int, who: str) -> None:
    rows = [*pings(), block(time=MINUTE - timedelta(minutes=minutes), method="GET")]
    found = verdict(rows)
    assert (found["answered_by"], found["confidence"]) == (who, "weak")
    assert f"{minutes} minutes" in found["sentence"]


def test_the_clock_of_another_host_is_tried() -> None:
    common = {"hop": "web_server", "status": 200, "path": "/", "method": "GET"}
    rows = [
        *pings(),
        _row(
            901,
            source="web2/access.log",
            time=MINUTE,
            utc_offset=-28800,
            local_time=MINUTE.replace(tzinfo=None) - timedelta(hours=8),
            **common,
        ),
        block(time=MINUTE - timedelta(minutes=2), method="GET"),
    ]
    asked = Question.parse("2025-02-05 21:32", 403, "/app/admin")
    found = verdict(rows, asked)
    assert (found["answered_by"], found["confidence"]) == ("waf", "weak")
    assert "read as UTC-08:00" in found["sentence"]
    assert "2 minutes off" in found["sentence"]


def test_minutes_off_and_without_a_path_a_refusal_is_not_the_one() -> None:
    rows = [*pings(), block(time=MINUTE - timedelta(minutes=4), method="GET")]
    found = verdict(rows, Question.parse("2025-02-06 14:32 +09:00", 403))
    assert found["answered_by"] == "unknown"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("14:32", "no date and is read as 2025-02-06: no other day of the logs"),
        ("2:32 pm JST", "no date and is read as 2025-02-06"),
        ("Feb 6 14:32", "no year and is read as 2025-02-06"),
        ("Feb 6 14:32 IST", "IST is read as UTC+05:30"),
    ],
)
def test_a_time_without_a_day_is_that_of_the_logs(text: str, said: str) -> None:
    shift = timedelta(hours=3, minutes=30) if "IST" in text else timedelta(0)
    rows = [*pings(), block(time=MINUTE + shift + timedelta(seconds=9))]
    found = verdict(rows, Question.parse(text, 403, "/app/admin"))
    assert found["answered_by"] == "waf"
    assert said in found["sentence"]


def test_a_time_that_short_logs_do_not_reach_is_of_their_day() -> None:
    """Half past two in the afternoon, where logs in UTC end at six."""
    rows = [row | {"utc_offset": 0} for row in pings()]
    rows.append(block(time=MINUTE + timedelta(seconds=9)))
    found = verdict(rows, Question.parse("14:32", 403, "/app/admin"))
    assert (found["answered_by"], found["rule"]) == ("waf", "AdminProtection_URIPATH")
    assert "fits as UTC+09:00" in found["sentence"]
    assert "read as 2025-02-06: the last day of the logs" in found["sentence"]


def test_public_clients_speak_against_a_hop_in_front() -> None:
    open_to_all = [row | {"client_scope": "public"} for row in pings()]
    found = verdict(open_to_all)
    assert "or the time, the path or the status is another" in found["sentence"]
    assert all("public" in guess["against"][0] for guess in found["hypotheses"])


def test_what_the_archive_holds_is_not_asked_for() -> None:
    found = verdict([*pings(), block(time=MINUTE + timedelta(seconds=9))])
    assert [guess["settled_by"] for guess in found["hypotheses"]] == [""]


def test_a_line_that_names_no_request_is_no_record_of_it() -> None:
    dead = _row(1, source="gunicorn.log", hop="app_server", time=MINUTE)
    dead |= {"reason": "worker_timeout", "message": "WORKER TIMEOUT (pid:702)"}
    events = pl.from_dicts([*pings(), dead], schema=EVENT).lazy()
    places = [{"source": "gunicorn.log", "offset": 100}]
    places.append({"source": "nginx/access.log", "offset": 100})
    roles = [line["role"] for line in journey.placed(events, places)]
    assert roles == ["tells why, about that moment", "record of the request"]


def test_an_hour_that_came_twice_is_sought_twice() -> None:
    time = datetime(2025, 10, 26, 1, 30, 9, tzinfo=UTC)
    asked = Question.parse("2025-10-26 02:30 Europe/Berlin", 403, "/app/admin")
    found = verdict([block(time=time, method="GET")], asked)
    assert found["answered_by"] == "waf"
    assert "twice" in found["sentence"]


@pytest.mark.parametrize(
    ("clock", "said", "unsaid"),
    [
        ("02:30", "it fits both times", "fits the second"),
        (
            "02:30",
            "the first time that clocks showed it; the second is UTC+01:00",
            "x!",
        ),
        ("02:30 +01:00", "403", "twice"),
        # Only the hour from two to three came twice.
        ("01:45", "is read as UTC+02:00.", "twice"),
        ("03:15", "is read as UTC+01:00.", "twice"),
    ],
)
def test_without_a_zone_both_hours_are_meant_that_a_log_wrote_twice(
    clock: str, said: str, unsaid: str
) -> None:
    lines = []
    for minute in range(-120, 120):
        time = datetime(2025, 10, 26, 1, tzinfo=UTC) + timedelta(minutes=minute)
        offset = 7200 if minute < 0 else 3600
        line = {
            "source": "app.log",
            "hop": "application",
            "time": time,
            "local_time": (time + timedelta(seconds=offset)).replace(tzinfo=None),
            "utc_offset": offset,
        }
        if abs(minute) == 30:
            status = 500 if minute < 0 else 403
            line |= {"path": "/app/admin", "status": status, "method": "GET"}
        lines.append(_row(minute + 121, **line))
    events = pl.from_dicts(lines, schema=EVENT).lazy()
    requests = correlate(events, CLOCKS, SOURCES)
    asked = Question.parse(f"2025-10-26 {clock}", None, "/app/admin")
    found = answer(events, requests, CLOCKS, GAPS, SOURCES, asked)
    assert said in found["sentence"]
    assert unsaid not in found["sentence"]


@pytest.mark.parametrize("seconds", [5, 55])
def test_a_slow_request_fits_when_it_came_and_when_it_ended(seconds: int) -> None:
    slow = _row(
        1,
        source="haproxy.log",
        format="haproxy",
        hop="load_balancer",
        time=MINUTE + timedelta(seconds=5),
        duration=50.0,
        method="GET",
        path="/app/admin",
        status=504,
        reason="sH--",
    )
    asked = Question.parse(f"2025-02-06T05:32:{seconds:02}Z", 504)
    found = verdict([*pings(), slow], asked)
    assert (found["answered_by"], found["confidence"]) == ("load_balancer", "certain")


def test_the_server_that_was_to_answer_is_named_in_what_to_ask_for() -> None:
    passed = _row(
        1,
        source="alb.log",
        format="aws_alb",
        hop="load_balancer",
        time=MINUTE + timedelta(seconds=9),
        client_ip="203.0.113.9",
        client_scope="public",
        method="GET",
        path="/app/admin",
        status=403,
        upstream_status=403,
        upstream="10.0.2.31:80",
    )
    found = verdict([*pings(), passed])
    inner = [wish for wish in found["ask_for"] if "nginx" in wish or "own log" in wish]
    assert inner
    assert all("those of 10.0.2.31:80" in wish for wish in inner)


def test_a_hop_that_has_the_path_with_another_status_is_not_asked_for() -> None:
    """The archive holds its log of that moment: nobody need be asked for it."""
    balancer = [
        row
        | {"source": "alb.log", "hop": "load_balancer", "path": "/app/admin"}
        | {"client_ip": "203.0.113.9", "client_scope": "public", "upstream_status": 200}
        for row in pings(60)
    ]
    seen = MINUTE - timedelta(seconds=3)
    asked = Question.parse(f"{seen:%Y-%m-%dT%H:%M:%S}Z", 403, "/app/admin")
    found = verdict([*pings(), *balancer], asked)
    assert found["answered_by"] == "unknown"
    assert "The load balancer logged that path with 200" in found["sentence"]
    assert "load_balancer" not in found["missing"]
    assert found["candidates"][:2] == ["waf", "cdn"]


def test_as_many_answers_of_one_status_from_two_hops_are_doubtful() -> None:
    time = MINUTE + timedelta(seconds=9)
    own = another(time, source="nginx/access.log")
    for status, confidence in ((403, "weak"), (404, "strong")):
        rows = [block(time=time, method="GET"), own | {"status": status}]
        found = verdict(rows, Question.parse("2025-02-06T05:32Z"))
        assert (found["answered_by"], found["confidence"]) == ("waf", confidence)


def test_a_time_alone_means_what_failed_nearby_rather_than_what_was_not_found() -> None:
    """A stamp to the second is rarely that of the log."""
    served = {"source": "nginx/access.log", "hop": "web_server", "method": "GET"}
    lost = [
        _row(n, **served, time=MINUTE + timedelta(seconds=n), path=f"/{n}", status=404)
        for n in range(1, 6)
    ]
    stopped = block(time=MINUTE + timedelta(seconds=20), method="GET")
    for at in ("05:32:01", "05:32"):
        found = verdict([stopped, *lost], Question.parse(f"2025-02-06T{at}Z"))
        assert (found["answered_by"], "/app/admin" in found["sentence"]) == (
            "waf",
            True,
        )
    found = verdict(lost, Question.parse("2025-02-06T05:32:01Z"))
    assert "/1 with 404" in found["sentence"]


def test_silence_in_a_gap_of_the_hop_behind_proves_nothing() -> None:
    """CloudFront's error may be that of a load balancer whose object is not there."""
    time = MINUTE + timedelta(seconds=9)
    edge = _row(
        1,
        source="cloudfront.log",
        hop="cdn",
        time=time,
        method="GET",
        path="/app/admin",
        status=502,
        reason="Error",
    )
    through = _row(
        1, source="alb.log", hop="load_balancer", time=MINUTE, path="/", status=200
    )
    hole = {
        "hop": "load_balancer",
        "kind": "missing_object",
        "start": MINUTE,
        "end": MINUTE + timedelta(minutes=5),
        "detail": "No object is there.",
    }
    events = pl.from_dicts([edge, through], schema=EVENT).lazy()
    requests = correlate(events, CLOCKS, SOURCES)
    asked = Question.parse("2025-02-06T05:32Z", 502)
    for gaps, by in ((GAPS, "cdn"), (pl.DataFrame([hole], schema=GAP), "unknown")):
        found = answer(events, requests, CLOCKS, gaps, SOURCES, asked)
        assert found["answered_by"] == by
    assert found["candidates"] == ["load_balancer", "cdn"]
    assert found["missing"] == ["load_balancer"]
    assert found["sentence"].startswith(
        "An unknown hop answered GET /app/admin with 502:"
    )
    assert "No object is there." in found["sentence"]


def test_a_path_that_nobody_asked_for_and_one_much_like_it() -> None:
    asked = Question.parse("2025-02-06T05:32Z", 403, "/app/admn")
    near = block(time=MINUTE + timedelta(seconds=9), method="GET")
    found = verdict([*pings(), near], asked)
    assert found["answered_by"] == "unknown"
    told = "error for a path much like it (/app/admin) is a 403"
    assert told in found["sentence"]
    other = Question.parse("2025-02-06T05:32Z", 403, "/api/orders")
    assert "much like it" not in verdict([*pings(), near], other)["sentence"]


@pytest.mark.parametrize(
    ("asked", "logged"),
    [("/orders", "/prod/orders"), ("/shop/orders", "/orders"), ("/orders", None)],
)
def test_a_path_with_a_part_before_it_is_much_like_it(
    asked: str, logged: str | None
) -> None:
    near = block(time=MINUTE + timedelta(seconds=9)) | {"path": logged or "/recorders"}
    found = verdict([*pings(), near], Question.parse("2025-02-06T05:32Z", 403, asked))
    told = f"error for a path much like it ({logged}) is a 403"
    assert (told in found["sentence"]) == (logged is not None)
    assert ("much like it" in found["sentence"]) == (logged is not None)


def test_of_several_such_paths_the_one_at_that_time_is_told() -> None:
    often = [
        block(time=MINUTE - timedelta(hours=hours)) | {"path": "/old/orders"}
        for hours in (4, 5)
    ]
    near = block(time=MINUTE + timedelta(seconds=9)) | {"path": "/prod/orders"}
    asked = Question.parse("2025-02-06T05:32Z", 403, "/orders")
    found = verdict([*pings(), *often, near], asked)["sentence"]
    assert "a path much like it (/prod/orders) is a 403" in found


def test_the_log_that_has_a_gap_there_is_missing() -> None:
    # Busy before and after: but for the gap its silence would be told from the rate.
    minutes = [m for m in range(-20, 21) if m]
    common = {"hop": "load_balancer", "path": "/", "method": "GET", "status": 200}
    passed = [
        _row(n, source="alb.log", time=MINUTE + timedelta(minutes=m), **common)
        for n, m in enumerate(minutes, 1)
    ]
    hole = {
        "hop": "load_balancer",
        "kind": "missing_object",
        "start": MINUTE - timedelta(minutes=1),
        "end": MINUTE + timedelta(minutes=2),
        "detail": "No object is there.",
    }
    asked = Question.parse("2025-02-06T05:32Z", 503, "/app/admin")
    rows = [*pings(), *passed]
    found = verdict(rows, asked, pl.DataFrame([hole], schema=GAP))
    assert found["missing"][0] == found["candidates"][0] == "load_balancer"
    assert "ALB" in found["ask_for"][0]


@pytest.mark.parametrize(
    ("scope", "likeliest"), [("public", "web_server"), ("private", "load_balancer")]
)
def test_of_a_hole_in_the_log_of_the_first_server_that_one_is_asked_first(
    scope: str, likeliest: str
) -> None:
    def far(row: dict[str, Any]) -> bool:
        return bool(abs(row["time"] - MINUTE) > timedelta(minutes=6))

    rows = [row | {"client_scope": scope} for row in pings(600) if far(row)]
    asked = Question.parse("2025-02-06T05:32Z", 503, "/app/admin")
    found = verdict(rows, asked)
    assert found["candidates"][0] == likeliest
    first = "nginx" if scope == "public" else "load balancer"
    assert first in found["ask_for"][0]
    assert {"load_balancer", "web_server", "application"} <= {*found["candidates"]}


def test_a_log_of_other_hours_is_told_and_whether_a_clock_was_mistaken() -> None:
    def asked(hours: int) -> str:
        first = MINUTE + timedelta(hours=hours)
        log = {"source": "waf.json", "hop": "waf", "first_time": first}
        log |= {"last_time": first + timedelta(hours=1)}
        events = pl.from_dicts(pings(), schema=EVENT).lazy()
        requests = correlate(events, CLOCKS, SOURCES)
        sources = pl.DataFrame([log], schema=SOURCE)
        found = answer(events, requests, CLOCKS, GAPS, sources, ASKED)
        return str(found["sentence"])

    assert asked(9).endswith(
        " The log of the WAF begins only at 2025-02-06 14:32 UTC: it has 14:32 UTC, not"
        " 14:32 UTC+09:00, and may have been exported by the wrong clock."
    )
    assert asked(-3).endswith(" The log of the WAF ends at 2025-02-06 03:32 UTC.")
    assert "The log of the WAF" not in asked(0)


def test_a_question_without_a_time_is_not_told_of_a_moment() -> None:
    found = verdict(pings(), Question.parse(status=502))
    assert "No log of the archive has a response with 502" in found["sentence"]


def test_a_request_without_a_path_is_found_by_the_clock_that_was_read() -> None:
    """HAProxy could not read it, and nothing tells the zone of its log."""
    unread = balanced(reason="PR--", status=400, source="haproxy.log")
    unread |= {"time": MINUTE + timedelta(hours=9, seconds=7)}
    assumed = {"source": "haproxy.log", "stamp": "event", "basis": "assumed"}
    clocks = pl.DataFrame([assumed], schema=CLOCK)
    events = pl.from_dicts([unread], schema=EVENT).lazy()
    requests = correlate(events, clocks, SOURCES)
    asked = Question.parse("2025-02-06 14:32 +09:00", 400, "/upload")
    found = answer(events, requests, clocks, GAPS, SOURCES, asked)
    assert (found["answered_by"], found["cause"]) == ("load_balancer", "bad_request")
    assert "tells no zone" in found["sentence"]
    assert "no path" in found["sentence"]


@pytest.mark.parametrize("path", [None, "REDACTED"])
def test_a_redacted_path_fits_by_time_and_status(path: str | None) -> None:
    unread = block(time=MINUTE + timedelta(seconds=9)) | {"path": path}
    found = verdict([*pings(), unread])
    assert (found["answered_by"], found["confidence"]) == ("waf", "strong")
    assert "names no path" in found["sentence"]


def test_a_block_of_which_only_the_time_is_known() -> None:
    """Imperva's CEF names neither path nor status; nothing in front was asked."""
    bare = block(time=MINUTE + timedelta(seconds=9)) | {"path": None, "status": None}
    found = verdict([*pings(), bare | {"method": None}])
    assert (found["answered_by"], found["confidence"]) == ("waf", "weak")
    assert "nothing but the time fits" in found["sentence"]
    assert "answered a request with an error" in found["sentence"]


def test_a_block_without_a_status_fits_by_time_and_path() -> None:
    untold = block(time=MINUTE + timedelta(seconds=9)) | {"status": None}
    found = verdict([*pings(), untold])
    assert (found["answered_by"], found["confidence"]) == ("waf", "strong")
    assert "names no status" in found["sentence"]


def test_an_error_line_with_a_status_is_no_access_log() -> None:
    line = {
        "source": "nginx/error.log",
        "line": 1,
        "lines": 1,
        "offset": 0,
        "length": 9,
        "time": MINUTE + timedelta(seconds=9),
        "format": "nginx_error",
        "hop": "web_server",
        "level": "error",
        "message": 'ModSecurity: Access denied with code 403 [id "949110"]',
        "method": "GET",
        "path": "/app/admin",
        "status": 403,
    }
    found = verdict([line])
    assert (found["answered_by"], found["cause"]) == ("web_server", "waf_rule")
    assert found["rule"] == "949110"


def test_an_archive_without_errors_is_told_calmly() -> None:
    found = verdict(pings(), None)
    assert found["sentence"].startswith("No error: all 514 responses")
    assert found["ask_for"] == found["missing"] == found["hypotheses"] == []


def test_failures_that_another_status_hides_are_told_where_nothing_else_failed() -> (
    None
):
    """As `error_page 502 =200` does; the log of answers may say what was replaced."""
    _, said = refused()
    told = verdict([*pings(), said | {"level": "error"}], None)
    assert "has 1 failure of servers behind it" in told["sentence"]
    assert [line["line"] for line in told["evidence"]] == [61]
    times = '{"tail":"uct=\\"-\\" uht=\\"-\\" us=\\"502\\""}'
    page = {"status": 200, "upstream_status": 502, "path": "/x", "extra": times}
    rows = [line | {"upstream": "10.0.1.23:80"} for line in pings()]
    rows.append(rows[0] | page | {"line": 900, "offset": 90_000})
    found = verdict(rows, None)
    assert (found["answered_by"], found["cause"]) == ("web_server", "upstream_refused")


def test_no_error_is_no_more_than_what_could_be_read() -> None:
    """A file that was not read whole may hold one."""
    events = pl.from_dicts(pings(), schema=EVENT).lazy()
    cut = {"source": "web2.log", "verdict": "truncated", "lines": 1}
    sources = pl.from_dicts([cut], schema=SOURCE)
    requests = correlate(events, CLOCKS, sources)
    told = answer(events, requests, CLOCKS, GAPS, sources, None)["sentence"]
    assert told.startswith("No error in what could be read: all 514 responses")
    assert "1 file could not be read whole: an error may stand in" in told


def test_logs_that_hold_no_requests_tell_of_none() -> None:
    boot = _row(1, source="syslog", hop="host", time=MINUTE, message="Started x.")
    told = "hold no responses: whether requests failed is not seen in them"
    assert told in verdict([boot], None)["sentence"]
    asked = verdict([boot])["sentence"]
    assert asked.startswith("No log of requests in the archive covers that moment")
    assert "Likeliest" not in asked


def test_an_archive_of_refusals_is_told_to_hold_no_server_error() -> None:
    found = verdict([*pings(), block(time=MINUTE, method="GET")], None)
    assert found["sentence"].endswith("No response of 500 or above was logged.")


def test_a_time_that_is_off_is_told_with_the_nearest_fit() -> None:
    rows = [*pings(), block(time=MINUTE + timedelta(hours=9, seconds=9), method="GET")]
    found = verdict(rows)
    assert found["answered_by"] == "unknown"
    assert "9 hours away" in found["sentence"]


def _answered(**columns: Any) -> dict[str, Any]:
    """A line of nginx about the page asked for, answered with 200 unless told."""
    page = {"path": "/app/admin", "time": MINUTE + timedelta(seconds=9), "status": 200}
    place = {"source": "edge/access.log", "offset": 7}
    upstream = {"upstream": "10.0.0.8:80", "upstream_status": 200}
    return pings()[0] | page | place | upstream | columns


def test_an_answer_that_was_no_error_is_named() -> None:
    found = verdict([*pings(), _answered()], Question.parse("05:32 Z", 200, "/app/*"))
    assert (found["answered_by"], found["count"]) == ("application", 1)


def test_another_status_than_the_one_asked_for_is_told() -> None:
    found = verdict([*pings(), _answered()])
    assert found["answered_by"] == "unknown"
    assert "The web server logged that path with 200." in found["sentence"]
    roles = [line["role"] for line in found["evidence"]]
    assert roles == ["web server has the path in that time, with 200"]


def test_a_try_that_failed_before_the_answer_is_told() -> None:
    tries = '{"upstream_addr":"10.0.0.7:80, 10.0.0.8:80","upstream_status":"504, 200"}'
    line = {"source": "error.log", "level": "error", "status": None, "upstream": None}
    text = "upstream timed out (110: Connection timed out) while connecting to upstream"
    error = _answered(upstream_status=None, message=text, **line)
    rows = [*pings(), _answered(extra=tries), _answered(offset=8), error]
    asked = Question.parse("2025-02-06 05:32Z", path="/app/admin")
    found = verdict(rows, asked)
    assert (found["answered_by"], found["cause"]) == ("application", "upstream_timeout")
    assert "10.0.0.7:80 had failed with 504" in found["sentence"]
    sources = [line["source"] for line in found["evidence"]]
    assert sources == ["edge/access.log", "error.log"]


def test_a_log_that_could_not_be_read_is_named() -> None:
    """Silence of the rest proves less where a whole log is missing."""
    unknown = {"verdict": "unsupported", "lines": 350}
    rows = [{"source": "var/web.log", **unknown}, {"source": "nginx.conf", **unknown}]
    rows += [{"source": "catalog.csv", **unknown, "lines": 900}]
    rows += [{"source": "log.db", **unknown, "lines": 990, "detail": "binary data"}]
    sources = pl.from_dicts(rows, schema=SOURCE)
    events = pl.from_dicts(pings(), schema=EVENT).lazy()
    requests = correlate(events, CLOCKS, sources)
    for asked in (None, ASKED):
        found = answer(events, requests, CLOCKS, GAPS, sources, asked)
        assert "var/web.log (350 lines) could not be read" in found["sentence"]


def test_a_path_that_was_answered_otherwise_is_told() -> None:
    other = _row(900, source="nginx/access.log", hop="web_server", path="/app/admin")
    other |= {"time": MINUTE + timedelta(seconds=20), "status": 401, "method": "GET"}
    found = verdict([*pings(), other])
    assert found["answered_by"] == "unknown"
    assert "The web server logged that path with 401." in found["sentence"]
    assert [line["role"] for line in found["evidence"]] == [
        "web server has the path in that time, with 401"
    ]


def test_several_answers_are_all_told_and_none_is_sure() -> None:
    where = {"hop": "web_server", "source": "nginx/access.log", "method": "GET"}
    times = [MINUTE + timedelta(seconds=9 * number) for number in range(1, 4)]
    rows = [
        *pings(),
        block(time=times[0], method="GET") | {"path": "/app/upload"},
        _row(
            901, **where, time=times[1], status=403, path="/app/a", upstream_status=403
        ),
        _row(902, **where, time=times[2], status=403, path="/app/.git"),
    ]
    asked = Question.parse("2025-02-06 14:32 +09:00", 403, "/app/*")
    found = verdict(rows, asked)
    assert found["confidence"] == "weak"
    told = found["sentence"].partition("3 requests fit; 1 of them was answered so, ")[2]
    for answer_ in ("1 by the web server (access forbidden)", "1 by the application ("):
        assert answer_ in told


def test_what_one_host_tells_holds_for_another_that_has_no_log() -> None:
    balanced: dict[str, Any] = {"source": "alb.log", "hop": "load_balancer"}
    balanced |= {"method": "GET", "path": "/x", "status": 404, "upstream_status": 404}
    balanced |= {"upstream": "10.1.2.3:80", "action": "forward"}
    web: dict[str, Any] = {"source": "nginx/access.log", "hop": "web_server"}
    web |= {"method": "GET", "path": "/x", "status": 404, "upstream_status": 404}
    times = [MINUTE + timedelta(seconds=9 * number) for number in range(1, 5)]
    rows = [_row(900 + n, **balanced, time=time) for n, time in enumerate(times)]
    rows.append(_row(990, **web, time=times[1]))
    found = verdict([*pings(), *rows], Question(status=404, path="/x"))
    assert (found["answered_by"], found["confidence"]) == ("application", "weak")
    assert "4 requests fit; 1 of them was answered so" in found["sentence"]


def test_that_others_came_through_is_told() -> None:
    other = _row(900, source="nginx/access.log", hop="web_server", path="/app/admin")
    other |= {"time": MINUTE + timedelta(seconds=20), "status": 200, "method": "GET"}
    found = verdict([*pings(), other, block(time=MINUTE, method="GET")])
    assert found["answered_by"] == "waf"
    told = "Others came through: the web server has that path with 200."
    assert found["sentence"].endswith(told)


def test_a_status_alone_is_not_missed_where_it_stands() -> None:
    refused = _row(900, source="nginx/access.log", hop="web_server", path="/x")
    refused |= {"time": MINUTE + timedelta(seconds=20), "status": 403, "method": "GET"}
    found = verdict([*pings(), refused], Question.parse("2025-02-06 14:32 +09:00", 403))
    assert found["answered_by"] == "web_server"
    assert [h["against"] for h in found["hypotheses"] if h["hop"] == "web_server"] == [
        []
    ]


def test_where_every_log_is_silent_nobody_is_accused() -> None:
    """The web server's and the load balancer's logs cover the moment alike."""
    balancer: dict[str, Any] = {"source": "alb.log", "hop": "load_balancer"}
    balancer |= {"upstream": "10.1.2.3:80", "upstream_status": 200}
    rows = pings()
    found = verdict([*rows, *(row | balancer for row in rows)])
    assert (found["answered_by"], found["confidence"]) == ("unknown", "weak")
    told = "although those of the load balancer and the web server cover that time"
    assert told in found["sentence"]
    assert found["sentence"].startswith("No log has 403 for /app/admin")


def test_without_a_time_logs_are_asked_for_around_what_was_found() -> None:
    """Two refusals of one incident, and one of the day before: the first is shown."""
    refused = [
        block(time=MINUTE + timedelta(minutes=m), method="GET") | place | {"rule": None}
        for m, place in (
            (-1440, {"line": 1, "offset": 100}),
            (0, {"line": 2, "offset": 200}),
            (9, {"line": 3, "offset": 300}),
        )
    ]
    found = verdict([*pings(), *refused], Question(status=403))
    waf = next(wish for wish in found["ask_for"] if "WAF" in wish)
    assert "2025-02-05 05:27 to 2025-02-05 05:37 UTC" in waf
    assert "(2025-02-05 14:27 to 14:37 UTC+09:00)" in waf
    found = verdict([*pings(), *refused[1:]], Question(status=403))
    waf = next(wish for wish in found["ask_for"] if "WAF" in wish)
    assert "2025-02-06 05:27 to 2025-02-06 05:46 UTC" in waf


def test_who_answered_of_two_can_be_either() -> None:
    gone = pings()[0] | {"path": "/x", "status": 404, "line": 9999, "offset": 999900}
    other = {"source": "app.log", "hop": "application", "message": "started"}
    rows = [*pings(), gone, _row(1, time=MINUTE, **other)]
    found = verdict(rows, Question(status=404))
    assert found["answered_by"] == "unknown"
    assert found["candidates"] == ["application", "web_server"]
    told = [guess["for"] for guess in found["hypotheses"]]
    assert told[0] == ["no record of the application is there to deny it"]
    assert "does not say whether anything was asked" in told[1][0]
    assert any("error.log" in wish for wish in found["ask_for"])


def test_one_is_not_several() -> None:
    rows = pings()[:1]
    found = verdict(rows, None)
    assert "the one response logged has a status below 400" in found["sentence"]
    unread = {"source": "app/logs/out.log", "verdict": "unsupported", "lines": 1}
    sources = pl.from_dicts([unread], schema=SOURCE)
    events = pl.from_dicts(rows, schema=EVENT).lazy()
    requests = correlate(events, CLOCKS, SOURCES)
    found = answer(events, requests, CLOCKS, GAPS, sources, None)
    assert "(1 line) could not be read" in found["sentence"]


def test_a_status_that_only_an_inner_hop_logged_is_found() -> None:
    """Nginx's 499 of a request that the load balancer answered with 460."""
    request = {"method": "GET", "path": "/export", "time": MINUTE}
    left = _row(9001, source="alb.log", hop="load_balancer", status=460, **request)
    gone = _row(9002, source="nginx/access.log", hop="web_server", status=499)
    rows = [*pings(), left, gone | request]
    asked = Question.parse("2025-02-06 14:32 +09:00", 499, "/export")
    found = verdict(rows, asked)
    assert (found["answered_by"], found["cause"]) == ("load_balancer", "client_closed")
    assert "499 is what the web server logged; the client got 460." in found["sentence"]
    assert verdict(rows, Question(status=499))["count"] == 1
    later = [row | {"time": row["time"] + timedelta(days=1)} for row in pings()]
    found = verdict([*rows, *later], Question.parse("14:32", 499, "/export"))
    assert found["answered_by"] == "load_balancer"


def test_the_status_of_a_try_that_failed_finds_the_answer_that_hid_it() -> None:
    tried = {"upstream": "10.0.0.8:80", "upstream_status": 200}
    tried |= {"extra": '{"upstream_status":"502, 200","upstream_addr":"a, b"}'}
    page = _row(9001, source="nginx/access.log", hop="web_server", status=200)
    rows = [*pings(), page | tried | {"method": "GET", "path": "/x", "time": MINUTE}]
    found = verdict(rows, Question.parse("2025-02-06 14:32 +09:00", 502, "/x"))
    assert "got from behind it; the client got 200" in found["sentence"]
    assert "a had failed with 502" in found["sentence"]


def test_an_error_of_another_status_on_the_path_is_told() -> None:
    """Whoever saw an error page seldom knows its number."""
    slow = {"method": "GET", "path": "/pay", "status": 504, "time": MINUTE}
    late = {"time": MINUTE + timedelta(minutes=20)}
    place = {"source": "alb.log", "hop": "load_balancer", "action": "forward"}
    row = _row(9001, **place) | slow | late
    rows = [*pings(), row]
    found = verdict(rows, Question.parse("2025-02-06 14:32 +09:00", 500, "/pay"))
    assert "The nearest error for that path is a 504" in found["sentence"]
    assert "20 minutes away: The load balancer answered" in found["sentence"]
    found = verdict(rows, Question(status=500, path="/pay"))
    assert "The first error for that path is a 504" in found["sentence"]


def test_a_success_without_a_time_is_followed_from_hop_to_hop() -> None:
    page = {"method": "GET", "path": "/login", "status": 302}
    page |= {"upstream": "10.0.0.8:80", "upstream_status": 302}
    rows = [
        _row(9001 + n, source="nginx/access.log", hop="web_server")
        | page
        | {"time": MINUTE + timedelta(minutes=n)}
        for n in range(3)
    ]
    found = verdict([*pings(), *rows], Question(status=302, path="/login"))
    assert found["answered_by"] == "application"
    assert "Of several such responses it is the first." in found["sentence"]


def test_the_time_on_a_clock_that_is_ahead_is_found() -> None:
    """Who asks read it in the log itself."""
    request = {"method": "GET", "path": "/x", "status": 403}
    late = MINUTE + timedelta(minutes=7)
    place = {"source": "nginx/access.log", "hop": "web_server", "time": late}
    local = {"local_time": late.replace(tzinfo=None)}
    events = pl.from_dicts([*pings(), _row(9001, **place) | request | local], EVENT)
    span = {"source": "nginx/access.log", "stamp": "event", "skew": 420.0}
    clocks = pl.from_dicts([span | {"skew_low": 419.5, "skew_high": 420.5}], CLOCK)
    requests = correlate(events.lazy(), clocks, SOURCES)
    asked = Question.parse("2025-02-06 14:39 +09:00", 403, "/x")
    found = answer(events.lazy(), requests, clocks, GAPS, SOURCES, asked)
    assert found["count"] == 1
    assert "The clock of the web server, 7 minutes ahead" in found["sentence"]


def test_the_path_of_an_inner_hop_is_found() -> None:
    """The load balancer rewrites it."""
    common = {"method": "GET", "status": 404, "trace_id": "1-67a44957-0123"}
    outer = _row(9001, source="alb.log", hop="load_balancer", path="/a", time=MINUTE)
    inner = _row(9002, source="web.log", hop="web_server", path="/v2/a", time=MINUTE)
    rows = [*pings(), outer | common | {"upstream_status": 404}, inner | common]
    asked = Question.parse("2025-02-06 14:32 +09:00", 404, "/v2/a")
    found = verdict(rows, asked)
    assert "logged it under the path asked" in found["sentence"]


def test_an_answer_that_broke_off_is_told() -> None:
    page = {"method": "GET", "path": "/big.zip", "time": MINUTE, "source": "web.log"}
    sent = _row(9001, **page, hop="web_server", status=200, upstream_status=200)
    cut = "upstream prematurely closed connection while reading upstream"
    line = _row(9002, **page, hop="web_server", level="error", message=cut)
    rows = [*pings(), sent | {"upstream": "10.0.0.8:80"}, line]
    for status in (None, 200):
        asked = Question.parse("2025-02-06 14:32 +09:00", status, "/big.zip")
        found = verdict(rows, asked)
        assert (found["answered_by"], found["cause"]) == (
            "application",
            "upstream_closed",
        )
        assert "The answer broke off" in found["sentence"]
        assert 9002 in [place["line"] for place in found["evidence"]]
        assert found["confidence"] == "strong"


@pytest.mark.parametrize("at", ["22:32 America/Los_Angeles", "Jul 1 22:32 PDT"])
def test_a_zone_without_a_day_has_the_offset_of_the_day_that_is_meant(at: str) -> None:
    """In summer it is another one than on the first of January."""
    moment = datetime(2025, 7, 2, 5, 32, 9, tzinfo=UTC)
    page = {"method": "GET", "path": "/x", "status": 500, "time": moment}
    row = _row(9001, source="web.log", hop="web_server") | page
    found = verdict([row], Question.parse(at, 500))
    assert found["count"] == 1
    assert found["question"]["start"] == "2025-07-02T05:32:00+00:00"
    assert "2025-07-01" in found["sentence"]


def test_a_login_that_a_load_balancer_asks_for_is_a_redirect() -> None:
    asked = {"method": "GET", "path": "/wiki", "status": 302, "time": MINUTE}
    place = {"source": "alb.log", "hop": "load_balancer", "action": "authenticate"}
    rows = [*pings(), _row(9001, **place) | asked]
    question = Question.parse("2025-02-06 14:32 +09:00", 302, "/wiki")
    found = verdict(rows, question)
    assert (found["answered_by"], found["cause"]) == ("load_balancer", "redirect")


_HOLE = {
    "hop": "web_server",
    "source": "nginx/error.log.2",
    "kind": "rotation_hole",
    "start": MINUTE - timedelta(hours=3),
    "end": MINUTE + timedelta(hours=3),
    "detail": "It is not there.",
    "ask_for": "nginx/error.log.1",
}


@pytest.mark.parametrize(
    ("also", "holes", "wishes"),
    [
        ([], [], ["error log of every web host", "the application's own log"]),
        ([], [_HOLE], ["nginx/error.log.1", "the application's own log"]),
        ([], [_HOLE | {"end": MINUTE - timedelta(hours=1)}], ["error log of every"]),
        ([{"source": "app.log", "hop": "application"}], [], ["error log of every web"]),
    ],
    ids=["no error log", "a rotation is lost", "of another hour", "an app log"],
)
def test_an_upstream_that_failed_is_asked_for_by_what_tells_why(
    also: list[dict[str, Any]], holes: list[dict[str, Any]], wishes: list[str]
) -> None:
    """An access log has the 502, and no line says why."""
    failed = pings()[-1] | {"path": "/x", "status": 502, "time": MINUTE}
    failed |= {"client_scope": "public", "line": 9999, "offset": 999900}
    rows = [*pings(), failed, *(_row(1, time=MINUTE, **row) for row in also)]
    lost = pl.from_dicts(holes, schema=GAP)
    asked = Question.parse("2025-02-06 14:32 +09:00", 502)
    found = verdict(rows, asked, lost)
    assert (found["answered_by"], found["confidence"]) == ("web_server", "weak")
    for wish, start in zip(found["ask_for"], wishes, strict=False):
        assert wish.startswith(start)
    assert len(found["ask_for"]) >= len(wishes)
    assert any(wish.startswith("the app") for wish in found["ask_for"]) != bool(also)


@pytest.mark.parametrize(
    ("columns", "cause", "wishes"),
    [
        (
            {"upstream": "10.1.2.3:80", "duration": 60.0},
            "target_timeout",
            ["nginx access.log and error.log", "the application's own log"],
        ),
        (
            {"reason": "LambdaUnhandled", "duration": 0.1},
            "lambda_error",
            ["log of the Lambda function"],
        ),
    ],
)
def test_a_target_that_failed_is_asked_for_by_its_own_logs(
    columns: dict[str, Any], cause: str, wishes: list[str]
) -> None:
    balanced = _row(901, source="alb.log", hop="load_balancer", method="GET", path="/x")
    balanced |= {"status": 504 if cause == "target_timeout" else 502, "time": MINUTE}
    balanced |= {"action": "forward", "format": "aws_alb"}
    balanced |= columns
    found = verdict([balanced], None)
    assert (found["answered_by"], found["cause"]) == ("load_balancer", cause)
    assert len(found["ask_for"]) == len(wishes)
    for wish, start in zip(found["ask_for"], wishes, strict=True):
        assert wish.startswith(start)


def test_a_log_that_lacks_a_rotation_does_not_span_it() -> None:
    """Silence of a log proves nothing of the day whose file is not there."""
    balanced = _row(901, source="alb.log", hop="load_balancer", method="GET", path="/x")
    balanced |= {"status": 403, "upstream_status": 403, "upstream": "10.1.2.3:80"}
    balanced |= {"action": "forward", "time": MINUTE}
    early = [row | {"source": "n/access.log.2"} for row in pings() if row["line"] < 90]
    late = [row | {"source": "n/access.log"} for row in pings() if row["line"] > 400]
    asked = Question.parse("2025-02-06 14:32 +09:00", 403)
    told = verdict([*early, *late, balanced], asked)["sentence"]
    assert "the web server's log does not reach that moment" in told
    near = [row | {"source": "n/access.log.1"} for row in pings() if row["line"] < 401]
    assert "does not reach" not in verdict([*near, *late, balanced], asked)["sentence"]


def test_where_no_log_has_its_exceptions_the_application_s_is_asked_for() -> None:
    line: dict[str, Any] = {"hop": "app_server", "level": None}
    line |= {"status": 500, "method": "GET", "path": "/x"}
    found = verdict([failure() | line], None)
    assert (found["cause"], found["confidence"]) == ("exception", "weak")
    assert any("the application's own log" in wish for wish in found["ask_for"])


def test_a_traceback_below_another_request_s_line_is_no_step_of_that_request() -> None:
    """UWSGI writes what a request threw before that request's own line."""
    threw = 'Traceback (most recent call last):\n  File "/srv/a.py", line 1, in x\nK: X'
    uwsgi: dict[str, Any] = {"source": "uwsgi.log", "hop": "app_server", "pid": 7}
    uwsgi |= {"format": "uwsgi", "method": "GET", "time": MINUTE}
    rows = [
        _row(10, path="/cart", status=200, lines=4, message=f"/cart\n{threw}", **uwsgi),
        _row(14, path="/x", status=500, lines=1, message="/x", **uwsgi),
    ]
    told = verdict(rows, Question.parse("2025-02-06 14:32 +09:00", 500, "/x"))
    assert told["cause"] == "exception"
    roles = {line["line"]: line["role"] for line in told["evidence"]}
    assert roles == {
        14: "record of the request",
        10: "tells why, about that moment",
    }
    assert [step["line"] for step in told["path"]] == [14]


def test_who_got_no_answer_can_ask_for_that() -> None:
    """A log writes 0 or 000 where no answer was sent."""
    gone = pings()[0] | {"status": 0, "path": "/export", "time": MINUTE}
    for asked in (Question.parse(None, 0), Question.parse(None, 0, "/export")):
        found = verdict([*pings(), gone], asked)
        assert (found["answered_by"], found["confidence"]) == ("web_server", "weak")
        assert "gave GET /export no answer" in found["sentence"]
    left = balanced(time=MINUTE, status=0, path="/x", reason="DC", format="envoy")
    told = verdict([left], Question.parse(None, 0))
    assert told["cause"] == "client_closed"
    assert "broke off" not in told["sentence"]
    none = verdict(pings(), Question.parse(None, 0))
    assert none["count"] == 0
    assert "no error" not in none["sentence"]


def balanced(**columns: Any) -> dict[str, Any]:
    """A line of HAProxy."""
    line = {"hop": "load_balancer", "source": "haproxy.log", "format": "haproxy"}
    return _row(columns.pop("number", 40), **(line | columns))


def test_the_servers_that_were_down_are_evidence() -> None:
    asked = Question.parse(None, 503, "/x")
    none = balanced(
        time=MINUTE,
        method="GET",
        path="/x",
        status=503,
        reason="SC--",
        extra='{"backend":"web","server":"<NOSRV>"}',
    )
    why = 'Server web/w1 is DOWN, reason: Layer4 timeout, info: "x y", check: 9ms.'
    down = balanced(number=38, reason="server_down", upstream="web/w1", message=why)
    rows = [
        none,
        down | {"time": MINUTE - timedelta(minutes=4)},
        down | {"time": MINUTE - timedelta(minutes=9), "upstream": "api/a1"},
    ]
    found = verdict(rows, asked)
    assert found["sentence"].endswith(
        "had found web/w1 down 4 minutes before (Layer4 timeout: x y)."
    )
    assert found["evidence"][-1]["line"] == 38
    up = balanced(number=39, reason="server_up", upstream="web/w1")
    better = verdict([*rows, up | {"time": MINUTE - timedelta(minutes=1)}], asked)
    assert "down" not in better["sentence"]
    late = [none, down | {"time": MINUTE + timedelta(seconds=5)}]
    assert "found web/w1 down soon after" in verdict(late, asked)["sentence"]


def test_servers_that_were_down_when_nobody_logged_the_request() -> None:
    """F5's balancers log no requests, but what their checks find."""
    own = {"hop": "load_balancer", "source": "ltm", "format": "f5_ltm"}
    own |= {"upstream": "shop/10.1.2.20:80"}
    text = "Pool /Common/shop member /Common/10.1.2.20:80 monitor status {}."
    down = _row(70, **own, reason="server_down", message=text.format("down"))
    down |= {"time": MINUTE - timedelta(minutes=2)}
    asked = Question.parse("2025-02-06 14:32 +09:00", 503, "/x")
    found = verdict([*pings(), down], asked)
    told = (
        "The load balancer's checks had found shop/10.1.2.20:80 down 2 minutes before"
    )
    assert found["answered_by"] == "unknown"
    assert told in found["sentence"]
    assert found["evidence"][-1]["line"] == 70
    back = _row(71, **own, reason="server_up", message=text.format("up"))
    back |= {"time": MINUTE - timedelta(minutes=1)}
    assert "checks" not in verdict([*pings(), down, back], asked)["sentence"]
    asked = Question.parse("2025-02-06 14:32 +09:00", 403, "/x")
    assert "checks" not in verdict([*pings(), down], asked)["sentence"]


def refused(**columns: Any) -> list[dict[str, Any]]:
    """A request whose server refused the connection, by the web server's two logs."""
    line = {"hop": "web_server", "time": MINUTE, "method": "GET", "path": "/x"}
    line |= {"upstream": "10.0.1.23:80", "client_ip": "203.0.113.9"} | columns
    words = "connect() failed (111: Connection refused) while connecting to upstream"
    told = {"source": "error.log", "format": "nginx_error", "reason": "connect_refused"}
    return [
        _row(60, **line, status=502, source="access.log", format="nginx_access"),
        _row(61, **line, message=words, **told),
    ]


def beside(seconds: int, number: int, **columns: Any) -> dict[str, Any]:
    """A line of another log, so long before the request."""
    return _row(number, time=MINUTE - timedelta(seconds=seconds), **columns)


def test_a_log_is_silent_only_of_what_its_server_is_asked() -> None:
    """Of two applications one has a log, and the path is the other's."""
    rows = []
    for number, path in enumerate(["/shop/cart", "/api/ping"] * 40):
        line = {"time": MINUTE + timedelta(seconds=number), "method": "GET"}
        line |= {"path": path, "status": 403 if number == 40 else 200}
        web = {"hop": "web_server", "source": "access.log", "format": "nginx_access"}
        rows.append(_row(number + 1, **web, **line))
        if path == "/api/ping":
            app = {"hop": "app_server", "source": "gunicorn.log"}
            rows.append(_row(number + 1, **app, **line))
    asked = Question.parse(None, 403, "/shop/cart")
    found = verdict(rows, asked)
    assert (found["answered_by"], found["confidence"]) == ("unknown", "weak")
    assert found["candidates"] == ["application", "web_server"]
    assert "has no request below /shop" in found["sentence"]
    known = [row | {"path": "/api/shop"} for row in rows if row["path"] != "/api/ping"]
    others = [row for row in rows if row["path"] == "/api/ping"]
    found = verdict([*known, *others], Question.parse(None, 403, "/api/shop"))
    assert found["answered_by"] == "web_server"


@pytest.mark.parametrize(
    ("upstream", "extra", "told"),
    [
        ("127.0.0.1:9000", None, True),
        ("unix:/run/php/php8.2-fpm.sock", None, True),
        ("10.0.1.23:8000", None, False),
        ("10.0.1.23:8000", '{"protocol":"fastcgi"}', True),
        ("127.0.0.1:9000", '{"protocol":"uwsgi"}', False),
    ],
)
def test_a_full_pool_is_told_of_requests_that_php_was_to_answer(
    upstream: str, extra: str | None, told: bool
) -> None:
    full = {"hop": "app_server", "source": "fpm.log", "format": "php"}
    full |= {"reason": "workers_exhausted", "message": "server reached max_children"}
    rows = [*refused(upstream=upstream, extra=extra), beside(6, 70, **full)]
    found = verdict(rows, Question.parse(None, 502, "/x"))
    assert ("at its limit 6 seconds before" in found["sentence"]) == told


def test_a_full_pool_is_told_of_a_php_page_whatever_the_proxies_name() -> None:
    full = {"hop": "app_server", "source": "fpm.log", "format": "php"}
    full |= {"reason": "workers_exhausted", "message": "server reached max_children"}
    lines = [line | {"path": "/pay.php"} for line in refused(upstream="10.0.1.23:80")]
    rows = [*lines, beside(6, 70, **full)]
    found = verdict(rows, Question.parse(None, 502, "/pay.php"))
    assert "at its limit 6 seconds before" in found["sentence"]


def test_what_vault_refused_is_told_beside_an_exception() -> None:
    line = {"hop": "application", "source": "app.log", "time": MINUTE, "status": 500}
    broke = _row(60, method="GET", path="/x", **line)
    vault = {"hop": "host", "source": "audit.log", "format": "vault_audit"}
    vault |= {"reason": "vault_refused", "message": "read of a/b: permission denied"}
    found = verdict([broke, beside(1, 70, **vault)], Question.parse(None, 500, "/x"))
    said = "Vault's audit log says 1 second before (read of a/b: permission denied)."
    assert found["sentence"].endswith(said)


@pytest.mark.parametrize(("name", "told"), [("pay.example.com", True), ("x.y", False)])
def test_a_name_that_dns_did_not_find_is_told_where_the_answer_speaks_of_it(
    name: str, told: bool
) -> None:
    lost = {"hop": "host", "source": "coredns.log", "format": "coredns"}
    lost |= {"reason": "lookup_failed", "extra": f'{{"name":"{name}"}}'}
    lines = refused(upstream=None)
    lines[1]["message"] = "pay.example.com could not be resolved (2: Server failure)"
    lines[1]["reason"] = "resolve_failed"
    found = verdict([*lines, beside(2, 70, **lost)], Question.parse(None, 502, "/x"))
    said = "The DNS server could not look up pay.example.com 2 seconds before."
    assert (said in found["sentence"]) == told


def test_a_web_server_without_connections_is_told_beside_the_balancers_answer() -> None:
    full = {"hop": "web_server", "source": "error.log", "format": "nginx_error"}
    full |= {"reason": "worker_connections"}
    words = "1024 worker_connections are not enough"
    lost = balanced(time=MINUTE, method="GET", path="/x", status=502, reason="SH--")
    lost["upstream"] = "web/w1"
    found = verdict(
        [lost, beside(2, 9, message=words, **full)], Question.parse(None, 502, "/x")
    )
    assert "The web server was at its limit 2 seconds before" in found["sentence"]


def test_what_other_logs_tell_of_the_moment_stands_beside_the_answer() -> None:
    asked = Question.parse(None, 502, "/x")
    host = {"hop": "host", "source": "syslog"}
    stop = "Stopped app.service - my app."
    stopped = beside(6, 70, reason="service_stopped", message=stop, **host)
    ended = "Started app.service - my app."
    started = beside(-9, 71, reason="service_started", message=ended, **host)
    timer = "Stopped target Timers."
    other = beside(5, 72, reason="service_stopped", message=timer, **host)
    found = verdict([*refused(), stopped, started, other], asked)
    assert found["sentence"].endswith(
        "By systemd's log app.service went down 6 seconds before, and up again"
        " 9 seconds after."
    )
    assert found["evidence"][-1]["line"] == 70
    assert found["cause"] == "upstream_refused"
    ever = verdict([*refused(), stopped], asked)["sentence"]
    assert ever.endswith("app.service went down 6 seconds before.")
    came = beside(3, 73, reason="service_started", message=ended, **host)
    assert "systemd" not in verdict([*refused(), stopped, came], asked)["sentence"]
    old = stopped | {"time": MINUTE - timedelta(hours=3)}
    assert "systemd" not in verdict([*refused(), old], asked)["sentence"]


def test_a_refusal_of_selinux_stands_beside_the_answer() -> None:
    text = 'avc:  denied  { name_connect } for  pid=812 comm="nginx" dest=8080'
    said = {"hop": "host", "source": "audit.log", "format": "auditd"}
    avc = beside(0, 70, reason="selinux_denied", message=text, **said)
    found = verdict([*refused(), avc], Question.parse(None, 502, "/x"))
    told = "The kernel's audit log has a refusal of SELinux's in the same second (avc:"
    assert told in found["sentence"]
    assert found["evidence"][-1]["line"] == 70


def test_what_selinux_kept_from_a_web_server_stands_beside_its_403() -> None:
    """It says "Permission denied", as of a file whose mode is wrong."""
    words = 'open() "/srv/x" failed (13: Permission denied)'
    rows = [row | {"upstream": None} for row in refused()]
    rows = [rows[0] | {"status": 403}, rows[1] | {"message": words}]
    rows[1] |= {"reason": "permission_denied"}
    said = {"hop": "host", "source": "audit.log", "format": "auditd"}
    said |= {"reason": "selinux_denied"}
    text = 'avc:  denied  {{ read }} for  pid=812 comm="{}" name="x"'
    own, other = (
        beside(0, 70, message=text.format(name), **said) for name in ("nginx", "sshd")
    )
    found = verdict([*rows, own], Question.parse(None, 403, "/x"))
    assert "a refusal of SELinux's in the same second" in found["sentence"]
    found = verdict([*rows, other], Question.parse(None, 403, "/x"))
    assert "SELinux" not in found["sentence"]


def test_packets_that_a_firewall_dropped_stand_beside_the_answer() -> None:
    asked = Question.parse(None, 502, "/x")
    said = {
        "hop": "host",
        "process": "kernel",
        "source": "kern.log",
        "hostname": "app1",
    }
    text = (
        "[UFW BLOCK] IN=eth0 OUT= SRC=10.0.1.9 DST=10.0.1.23 LEN=60 PROTO=TCP DPT=80 "
    )
    drop = beside(9, 70, message=text, **said)
    found = verdict([*refused(), drop], asked)["sentence"]
    assert found.endswith("The firewall of app1 dropped 1 packet to 10.0.1.23:80.")
    for off in (text.replace("DPT=80", "DPT=8080"), text.replace("BLOCK", "ALLOW")):
        other = verdict([*refused(), drop | {"message": off}], asked)["sentence"]
        assert "firewall" not in other


def test_who_was_shut_out_is_told_where_no_log_has_the_request() -> None:
    jail = {"source": "fail2ban.log", "hop": "host", "format": "fail2ban"}
    ban = jail | {
        "client_ip": "203.0.113.9",
        "action": "ban",
        "rule": "nginx-http-auth",
    }
    page = {"hop": "web_server", "source": "access.log", "status": 200, "method": "GET"}
    fine = [beside(n - 30, n, path="/", **page) for n in range(60)]
    out = beside(300, 70, **ban)
    asked = Question.parse("2025-02-06 14:32 +09:00", None, "/login")
    found = verdict([*fine, out], asked)
    assert "fail2ban had shut out 1 client by then (203.0.113.9)" in found["sentence"]
    assert found["evidence"][-1]["line"] == 70
    back = beside(100, 71, **ban | {"action": "unban"})
    ssh = beside(300, 72, **ban | {"rule": "sshd"})
    got = Question.parse("2025-02-06 14:32 +09:00", 403, "/login")
    for rows, question in (([out, back], asked), ([ssh], asked), ([out], got)):
        assert "fail2ban" not in verdict([*fine, *rows], question)["sentence"]


@pytest.mark.parametrize("teller", ["kubernetes", "kubelet"])
def test_a_container_in_trouble_stands_beside_the_answer(teller: str) -> None:
    asked = Question.parse(None, 502, "/x")
    said = {"hop": "host", "process": teller, "source": "events.json"}
    text = "pod/api-1 Unhealthy: Readiness probe failed"
    sick = beside(9, 70, reason="Unhealthy", message=text, **said)
    found = verdict([*refused(), sick], asked)["sentence"]
    assert found.endswith(f"The platform told of trouble 9 seconds before ({text}).")
    old = {"time": MINUTE - timedelta(minutes=5)}
    its = sick | old | {"line": 71, "offset": 7100, "extra": '{"pod_ip":"10.0.1.23"}'}
    known = verdict([*refused(), its, sick], asked)["sentence"]
    assert "The platform told of trouble 5 minutes before" in known
    longer = its | {"extra": '{"pod_ip":"10.0.1.230"}'}
    assert verdict([*refused(), longer, sick], asked)["sentence"] == found
    for off in ({"reason": "Pulled"}, {"process": "app"}, old):
        assert "platform" not in verdict([*refused(), sick | off], asked)["sentence"]


def test_health_checks_that_failed_stand_beside_a_balancer_without_servers() -> None:
    asked = Question.parse(None, 503, "/x")
    sent = balanced(time=MINUTE, method="GET", path="/x", status=503, action="forward")
    sent |= {"format": "aws_alb", "source": "alb.log"}
    check = {"hop": "web_server", "source": "access.log", "method": "GET"}
    check |= {"path": "/health", "user_agent": "ELB-HealthChecker/2.0"}
    failed = beside(20, 70, status=500, **check)
    found = verdict([sent, failed, beside(50, 69, status=200, **check)], asked)
    assert found["cause"] == "no_target"
    assert found["sentence"].endswith(
        "The server's log has a health check that failed 20 seconds before"
        " (GET /health 500)."
    )
    fine = verdict([sent, failed | {"status": 200}], asked)
    assert "health check" not in fine["sentence"]


def test_trouble_that_went_on_began_when_it_first_came() -> None:
    asked = Question.parse(None, 502, "/x")
    said = {"hop": "host", "process": "kubernetes", "source": "events.json"}
    text = "pod/api-1 Unhealthy: Readiness probe failed"
    late = beside(-60, 70, reason="Unhealthy", message=text, **said)
    assert "platform" not in verdict([*refused(), late], asked)["sentence"]
    lasting = late | {"start_time": beside(9, 71)["time"]}
    found = verdict([*refused(), lasting], asked)["sentence"]
    assert found.endswith(f"The platform told of trouble 9 seconds before ({text}).")


def test_a_pool_that_windows_disabled_stands_beside_the_answer() -> None:
    front = {"hop": "web_server", "format": "iis", "source": "httperr1.log"}
    line = {"time": MINUTE, "method": "GET", "path": "/x", "status": 503}
    off = _row(60, **front, **line, reason="AppOffline")
    text = "Application pool 'ShopPool' is being automatically disabled"
    said = {"hop": "host", "process": "WAS", "source": "system.csv"}
    gone = beside(1800, 70, reason="app_pool_disabled", message=text, **said)
    found = verdict([off, gone], Question.parse(None, 503, "/x"))
    assert found["cause"] == "no_target"
    words = f"Windows tells of the application pool 30 minutes before ({text})."
    assert found["sentence"].endswith(words)


@pytest.mark.parametrize(("minutes", "told"), [(3, True), (5, False)])
def test_a_ban_of_crowdsec_holds_as_long_as_it_says(minutes: int, told: bool) -> None:
    ban = {"source": "crowdsec.log", "format": "crowdsec", "hop": "host"}
    ban |= {"action": "ban", "rule": "crowdsecurity/http-probing"}
    ban |= {"client_ip": "203.0.113.9", "extra": '{"seconds":"240"}'}
    words = {"message": "access forbidden by rule", "reason": None, "upstream": None}
    access, why = refused()
    rows = [access | {"status": 403, "upstream": None}, why | words]
    found = verdict(
        [*rows, beside(60 * minutes, 9, **ban)], Question.parse(None, 403, "/x")
    )
    assert ("CrowdSec had banned 203.0.113.9" in found["sentence"]) == told


def test_a_ban_is_told_beside_a_refusal_that_nobody_claims() -> None:
    """A bouncer of the web server writes a page of its own."""
    ban = {"source": "crowdsec.log", "format": "crowdsec", "hop": "host"}
    ban |= {"action": "ban", "rule": "a/http-probing", "client_ip": "203.0.113.9"}
    ban["extra"] = '{"seconds":"14400"}'
    access = refused()[0] | {"status": 403, "upstream": None, "bytes_sent": 2291}
    found = verdict([access, beside(60, 9, **ban)], Question.parse(None, 403, "/x"))
    assert found["confidence"] == "weak"
    assert found["sentence"].endswith(
        "CrowdSec had banned 203.0.113.9 1 minute before (a/http-probing)."
    )


def test_who_is_refused_under_a_ban_of_fail2ban_is_told_so() -> None:
    asked = Question.parse(None, 403, "/x")
    words = {"message": "access forbidden by rule", "reason": None, "upstream": None}
    access, why = refused()
    rows = [access | {"status": 403, "upstream": None}, why | words]
    jail = {"source": "fail2ban.log", "format": "fail2ban", "hop": "host"}
    ban = beside(4, 90, action="ban", rule="login", client_ip="203.0.113.9", **jail)
    found = verdict([*rows, ban], asked)
    assert found["cause"] == "access_forbidden"
    assert found["sentence"].endswith(
        "fail2ban had banned 203.0.113.9 4 seconds before (jail login)."
    )
    assert found["evidence"][-1]["line"] == 90
    over = ban | {"line": 91, "offset": 9100, "time": MINUTE - timedelta(seconds=2)}
    for other in (over | {"action": "unban"}, ban | {"client_ip": "203.0.113.7"}):
        others = [ban, other] if other["action"] == "unban" else [other]
        assert "fail2ban" not in verdict([*rows, *others], asked)["sentence"]


def test_the_network_and_who_changed_it_stand_beside_the_answer() -> None:
    asked = Question.parse(None, 502, "/x")
    flow = {"source": "flow.log", "format": "vpc_flow", "client_ip": "10.0.1.9"}
    no = beside(30, 80, action="REJECT", upstream="10.0.1.23:80", **flow)
    trail = {"source": "trail.json", "format": "cloudtrail", "user": "sato"}
    name = "ec2.amazonaws.com RevokeSecurityGroupIngress"
    call = {"action": "RevokeSecurityGroupIngress", "message": name}
    change = beside(90, 81, **call, **trail)
    look = {"action": "DescribeInstances", "message": "ec2.amazonaws.com Describe"}
    found = verdict([*refused(), no, change, beside(80, 82, **look, **trail)], asked)
    assert (
        "1 record of connections to 10.0.1.23:80 that it refused" in (found["sentence"])
    )
    assert found["sentence"].endswith(
        "CloudTrail has RevokeSecurityGroupIngress by sato 2 minutes before."
    )
    for off in ({"upstream": "10.0.1.99:80"}, {"action": "ACCEPT"}):
        told = verdict([*refused(), no | off], asked)["sentence"]
        assert "flow log" not in told


def test_pods_that_a_policy_kept_apart_are_told_by_name_and_port() -> None:
    asked = Question.parse(None, 502, "/x")
    flow = {"source": "flow.log", "format": "hubble_text", "action": "REJECT"}
    sender = '{"sender":"ingress/nginx-1:52097"}'
    no = beside(30, 80, upstream="prod/web-2:80", extra=sender, **flow)
    told = verdict([*refused(), no], asked)["sentence"]
    assert "connections to prod/web-2:80 that it refused" in told
    assert "from ingress/nginx-1:" in told
    other = verdict([*refused(), no | {"upstream": "prod/web-2:5432"}], asked)
    assert "flow log" not in other["sentence"]


@pytest.mark.parametrize(
    ("seconds", "upstream", "extra", "told"),
    [
        (30, "10.0.1.23:80", None, True),
        (1, "10.0.7.7:80", None, True),  # the pod, where the web server asked a service
        (1, None, '{"port":"80"}', True),
        (30, "10.0.7.7:80", None, False),
        (1, "10.0.7.7:9090", None, False),
    ],
)
def test_what_the_proxies_of_a_mesh_could_not_pass_on_is_told(
    seconds: int, upstream: str | None, extra: str | None, *, told: bool
) -> None:
    asked = Question.parse(None, 502, "/x")
    mesh = {"source": "pod.log", "format": "linkerd_proxy", "hop": "host"}
    mesh |= {"reason": "mesh_failed", "message": "HTTP/1.1 request failed"}
    row = beside(seconds, 80, upstream=upstream, extra=extra, **mesh)
    sentence = verdict([*refused(), row], asked)["sentence"]
    assert ("The mesh's proxy could not pass a request on" in sentence) == told


@pytest.mark.parametrize(
    ("reason", "cause"),
    [("SD--", "target_connection_error"), ("cD--", "client_closed")],
)
def test_a_proxy_tells_that_an_answer_broke_off(reason: str, cause: str) -> None:
    cut = balanced(time=MINUTE, method="GET", path="/x", status=200, reason=reason)
    for row in (cut, cut | {"upstream_status": 200, "upstream": "web/w1"}):
        found = verdict([row], Question.parse("2025-02-06 14:32 +09:00", 200, "/x"))
        assert found["cause"] == cause
        assert "The answer broke off" in found["sentence"]
        assert found["confidence"] != "none"


def test_a_call_of_grpc_fails_within_its_status() -> None:
    failed = balanced(time=MINUTE, method="POST", path="/a.B/C", status=200)
    failed |= {"format": "envoy", "reason": "UF", "upstream": "10.0.1.9:9000"}
    fine = failed | {"reason": None, "path": "/a.B/D", "line": 3, "offset": 300}
    when = "2025-02-06 14:32 +09:00"
    path = "/a.B/C"
    timed = Question.parse(when, None, path)
    for asked in (None, Question.parse(None, 200, path), timed):
        found = verdict([failed, fine], asked)
        assert found["cause"] == "target_connection_error"
        assert "The call failed within that status" in found["sentence"]
        assert found["answered_by"] == "load_balancer"
    left = failed | {"reason": "DC"}
    assert "below 400" in verdict([left, fine], None)["sentence"]


def test_handshakes_that_failed_are_told_where_no_request_followed() -> None:
    line = {"source": "conn.log", "format": "aws_alb_connection", "time": MINUTE}
    bad = _row(3, reason="ClientCertExpired", client_ip="203.0.113.9", **line)
    fine = _row(4, client_ip="203.0.113.10", **line)
    asked = Question.parse("2025-02-06 14:32 +09:00", None)
    for question, sure in ((None, "strong"), (asked, "weak")):
        found = verdict([bad, fine], question)
        assert (found["cause"], found["confidence"]) == ("auth_failed", sure)
        assert "refused 1 connection at the TLS handshake" in found["sentence"]
        assert [line["line"] for line in found["evidence"]] == [3]


def test_a_connection_that_was_upgraded_breaks_off_too() -> None:
    own = {"hop": "web_server", "method": "GET", "path": "/ws", "time": MINUTE}
    page = _row(900, source="nginx/access.log", status=101, **own)
    words = "upstream timed out (110: Connection timed out) while proxying upgraded"
    line = _row(901, source="nginx/error.log", message=f"{words} connection", **own)
    line |= {"level": "error", "reason": "upstream_timed_out"}
    found = verdict([page, line], Question.parse(None, 101, "/ws"))
    assert (found["cause"], found["confidence"]) == ("upstream_timeout", "weak")
    assert "The answer broke off" in found["sentence"]


def test_a_redirect_for_which_no_server_was_asked_is_the_proxy_s() -> None:
    sent = balanced(time=MINUTE, method="GET", path="/old", status=302, reason="LR--")
    asked = Question.parse("2025-02-06 14:32 +09:00", 302, "/old")
    found = verdict([sent], asked)
    assert (found["answered_by"], found["cause"]) == ("load_balancer", "redirect")
    passed = verdict([sent | {"upstream": "web/w1", "reason": "----"}], asked)
    assert passed["answered_by"] == "unknown"


def test_a_redirect_without_a_path_is_sought_where_it_goes_round() -> None:
    near = [timedelta(seconds=n // 4) for n in range(12)]
    web = {"source": "nginx/access.log", "hop": "web_server", "method": "GET"}
    sent = web | {"status": 301, "path": "/login", "client_ip": "203.0.113.9"}
    rows = [_row(n, time=MINUTE + late, **sent) for n, late in enumerate(near, 20)]
    early = MINUTE - timedelta(minutes=5)
    other = _row(19, time=early, **web | {"status": 301, "path": "/old"})
    found = verdict([other, *rows], Question.parse(None, 301))
    assert (
        "the first of 12 that sent the client 203.0.113.9 to /login"
        in (found["sentence"])
    )
    assert (
        "again and again" not in verdict([other], Question.parse(None, 301))["sentence"]
    )


@pytest.mark.parametrize(
    ("at", "status"), [(None, 301), ("2025-02-06 14:32:21 +09:00", None)]
)
def test_a_circle_of_redirects_is_told_of_a_path_too(
    at: str | None, status: int | None
) -> None:
    sent: dict[str, Any] = {
        "source": "nginx/access.log",
        "hop": "web_server",
        "method": "GET",
    }
    sent |= {"status": 301, "path": "/login", "client_ip": "203.0.113.9"}
    rows = [
        _row(n, time=MINUTE + timedelta(seconds=21, milliseconds=70 * n), **sent)
        for n in range(12)
    ]
    found = verdict(rows, Question.parse(at, status, "/login"))
    assert found["cause"] == "redirect_loop"
    assert "the first of 12 that sent the client 203.0.113.9" in found["sentence"]
    few = verdict(rows[:5], Question.parse(at, status, "/login"))
    assert few["cause"] != "redirect_loop"


def test_who_serves_fastcgi_is_asked_for_by_its_log() -> None:
    path: dict[str, Any] = {"method": "GET", "path": "/a.php", "time": MINUTE}
    path |= {"hop": "web_server", "client_ip": "10.1.1.210"}
    answered = _row(900, source="nginx/access.log", status=504, **path)
    said = _row(
        21,
        source="nginx/error.log",
        format="nginx_error",
        message="upstream timed out (110: Connection timed out) while reading",
        extra='{"protocol":"fastcgi"}',
        **path,
    )
    found = verdict([*pings(), answered, said], Question.parse(None, 504))
    assert any("slow log" in text for text in found["ask_for"])


def test_connections_that_failed_are_told_though_no_request_is_logged() -> None:
    """HAProxy's log of TCP has neither path nor status."""
    tcp = balanced(reason="SC", upstream="db/p1", bytes_sent=0, duration=3.0)
    rows = [tcp | {"time": MINUTE}, tcp | {"time": MINUTE, "reason": "--"}]
    found = verdict(rows, None)
    assert (found["cause"], found["confidence"]) == (
        "target_connection_error",
        "strong",
    )
    assert "ended 1 connection to db/p1" in found["sentence"]
    at = "2025-02-06 14:32 +09:00"
    seen = [verdict(rows, Question.parse(at, status)) for status in (None, 503, 504)]
    told = [(one["answered_by"], one["confidence"]) for one in seen]
    assert told == [("load_balancer", "weak")] * 2 + [("unknown", "none")]
    later = Question.parse("2025-02-06 14:52 +09:00", 503)
    assert verdict(rows, later)["answered_by"] == "unknown"
    unnamed = tcp | {"time": MINUTE, "upstream": None, "extra": '{"backend":"db"}'}
    none = verdict([unnamed], Question.parse(at, 503))
    assert none["cause"] == "no_target"


@pytest.mark.parametrize(
    ("asked", "script", "told"),
    [
        ("/report.php", "/srv/www/report.php", "its script as slow 55 seconds before"),
        ("/checkout", "/srv/www/public/index.php", "a script as slow 55 seconds"),
        ("/checkout", "/srv/www/report.php", ""),
    ],
)
def test_what_php_fpm_traced_tells_where_a_request_hung(
    asked: str, script: str, told: str
) -> None:
    frame = "[0x00007f8f] curl_exec() /srv/www/lib/Api.php:88"
    text = f"[pool www] pid 812\nscript_filename = {script}\n{frame}"
    began = {"time": MINUTE, "local_time": MINUTE.replace(tzinfo=None)}
    slow = _row(1, source="slow.log", hop="app_server", format="php", message=text)
    slow |= {"reason": "slow_request", "pid": 812, **began}
    late = MINUTE + timedelta(seconds=55)
    answered = _row(900, source="nginx/access.log", hop="web_server", status=504)
    answered |= {"time": late, "local_time": late.replace(tzinfo=None)}
    answered |= {"path": asked, "method": "GET"}
    found = verdict([*pings(), answered, slow], Question.parse(None, 504))
    assert found["cause"] == "upstream_timeout"
    assert told in found["sentence"]
    sources = [line["source"] for line in found["evidence"]]
    assert ("slow.log" in sources) is bool(told)
    assert ("curl_exec()" in found["sentence"]) is bool(told)


def test_what_the_database_says_stands_beside_an_error_of_the_application() -> None:
    line: dict[str, Any] = {"hop": "web_server", "source": "access.log"}
    line |= {"format": "nginx_access", "upstream": "127.0.0.1:8000"}
    line |= {"time": MINUTE, "method": "GET", "path": "/x"}
    failed = _row(60, **line, status=500, upstream_status=500)
    words = "remaining connection slots are reserved for superusers"
    full = {"format": "postgresql", "source": "pg.log", "level": "fatal"}
    full |= {"reason": "too_many_connections", "message": words}
    asked = Question.parse(None, 500, "/x")
    found = verdict([failed, beside(0, 80, **full)], asked)
    assert f"The database's log says in the same second ({words})" in found["sentence"]
    assert found["evidence"][-1]["line"] == 80
    late = verdict([failed, beside(90, 80, **full)], asked)
    assert "database" not in late["sentence"]


def acl(scope: str, name: str) -> str:
    arn = f"arn:aws:wafv2:us-east-1:123456789012:{scope}/webacl/{name}/1111"
    return f'{{"webaclId":"{arn}","httpSourceName":"CF"}}'


def test_what_the_cdns_web_acl_ended_is_missed_by_no_balancer() -> None:
    balanced = _row(
        1,
        source="alb.log",
        hop="load_balancer",
        time=MINUTE - timedelta(minutes=9),
        method="GET",
        path="/",
        status=200,
        upstream_status=200,
    )
    seen = {"time": MINUTE + timedelta(seconds=9), "method": "GET"}
    for scope, missing in (("global", ["cdn"]), ("regional", ["load_balancer"])):
        row = block(**seen, extra=acl(scope, "edge"))
        found = verdict([*pings(), balanced, row])
        assert found["missing"] == missing
        told = (
            "a rule ended the request. It is web ACL edge, which stands at CloudFront."
        )
        assert (told in found["sentence"]) == (scope == "global")


def test_of_several_web_acls_the_one_that_ended_it_is_named() -> None:
    rows = [
        block(time=MINUTE + timedelta(seconds=9), extra=acl("regional", name))
        | {"source": f"AWSLogs/1/WAFLogs/eu-west-1/{name}/2025/02/06/a.log"}
        for name in ("prod", "corp")
    ]
    for several in (True, False):
        events = pl.from_dicts(rows[:1], schema=EVENT).lazy()
        names = [row["source"] for row in rows[: 1 + several]]
        sources = pl.from_dicts([{"source": name} for name in names], schema=SOURCE)
        requests = correlate(events, CLOCKS, sources)
        found = answer(events, requests, CLOCKS, GAPS, sources, ASKED)
        assert ("It is web ACL prod." in found["sentence"]) == several


def test_what_had_labelled_a_request_is_told_with_the_own_rule_that_ended_it() -> None:
    core = "awswaf:managed:aws:core-rule-set:NoUserAgent_Header"
    counted = '{"counted":[{"group":"AWS#Core","ruleId":"NoUserAgent_HEADER"}]}'
    for labels, extra, told in (
        (
            [core],
            counted,
            f" and labelled it ({core}): if own acts on that label",
        ),
        (["awswaf:1:webacl:p:bad"], None, "had the label awswaf:1:webacl:p:bad, on"),
        ([], counted, ""),
    ):
        row = block(time=MINUTE + timedelta(seconds=9), extra=extra, labels=labels)
        row |= {"rule": "own", "rule_type": "REGULAR"}
        sentence = verdict([*pings(), row])["sentence"]
        assert told in sentence
        assert ("Before, NoUserAgent_HEADER of AWS#Core had" in sentence) == (
            labels == [core]
        )
        assert ("label" in sentence) == bool(told)


def test_the_error_that_a_cdn_kept_is_told_with_who_made_it() -> None:
    def edge(second: int, client: str) -> dict[str, Any]:
        return _row(
            second,
            source="cf.log",
            hop="cdn",
            format="cloudfront",
            time=MINUTE + timedelta(seconds=second),
            client_ip=client,
            client_scope="public",
            method="GET",
            host="example.com",
            path="/p",
            status=503,
            reason="Error",
        )

    origin = _row(
        1,
        source="nginx/access.log",
        hop="web_server",
        time=MINUTE + timedelta(seconds=1),
        forwarded_for="203.0.113.9",
        client_ip="10.1.1.210",
        client_scope="private",
        method="GET",
        path="/p",
        status=503,
    )
    rows = [edge(1, "203.0.113.9"), origin, edge(6, "203.0.113.77")]
    found = verdict(rows, Question.parse("2025-02-06T05:32:06Z", 503, "/p"))
    assert (found["answered_by"], found["cause"]) == ("cdn", "cached_error")
    assert "That error: " in found["sentence"]
    kept = [e for e in found["evidence"] if e["role"].endswith("that was kept")]
    assert [line["hop"] for line in kept] == ["cdn", "web_server"]


@pytest.mark.parametrize(
    ("rule", "confidence", "told"),
    [("AdminProtection_URIPATH", "certain", False), ("geo", "weak", True)],
)
def test_a_time_without_a_date_that_means_two_days_with_other_answers(
    rule: str, confidence: str, told: bool
) -> None:
    later = {"time": MINUTE + timedelta(seconds=9), "method": "GET"}
    before = {"time": MINUTE - timedelta(days=1, seconds=-20), "method": "GET"}
    rows = [block(**before) | {"rule": rule, "line": 2, "offset": 900}, block(**later)]
    found = verdict(rows, Question.parse("05:32Z", 403, "/app/admin"))
    assert (found["rule"], found["confidence"]) == (
        "AdminProtection_URIPATH",
        confidence,
    )
    assert "the last of 2 with such a response then" in found["sentence"]
    assert ("On 2025-02-05 another one fits: The WAF" in found["sentence"]) == told


def test_silence_is_that_of_the_moment_of_the_request_where_another_was_asked() -> None:
    """At 05:33 the web server served pings, in the minute of the block nobody."""
    end = MINUTE + timedelta(minutes=1)
    quiet = [ping for ping in pings() if not MINUTE <= ping["time"] < end]
    late = block(time=MINUTE + timedelta(seconds=9), method="GET")
    for rows, told in (([*pings(), late], True), ([*quiet, late], False)):
        found = verdict(rows, Question.parse("2025-02-06T05:33Z", 403, "/app/admin"))
        assert "within a minute of the time asked" in found["sentence"]
        assert ("never came that far" in found["sentence"]) == told
        lines = [e for e in found["evidence"] if e["hop"] == "web_server"]
        assert all(line["time"] < "2025-02-06T05:33:10" for line in lines)


@pytest.mark.parametrize("outer", [460, 504])
def test_a_request_that_the_web_server_logged_otherwise_did_come_that_far(
    outer: int,
) -> None:
    """Asked by its status alone, which no line of the web server has."""
    request = {"method": "GET", "path": "/export", "time": MINUTE, "duration": 3.0}
    left = _row(9001, source="alb.log", hop="load_balancer", status=outer, **request)
    gone = _row(9002, source="nginx/access.log", hop="web_server", status=499)
    asked = Question.parse("2025-02-06 14:32 +09:00", outer)
    found = verdict([*pings(), left, gone | request], asked)
    assert found["answered_by"] == "load_balancer"
    assert "never came that far" not in found["sentence"]
    assert "nginx/access.log" in {line["source"] for line in found["evidence"]}
    assert not any(NO_SUCH in line["role"] for line in found["evidence"])


def test_a_path_of_thousands_of_characters_is_told_by_its_beginning() -> None:
    """The record has all of it."""
    path = "/" + "A" * 8100
    asked = Question(status=403)
    found = verdict([*pings(), block(time=MINUTE) | {"path": path}], asked)
    assert f" {path[:140]}… with 403" in found["sentence"]
    assert len(found["sentence"]) < 1000
