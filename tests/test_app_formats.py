"""Application logs: the layouts of the libraries, and the requests they speak of."""

from datetime import datetime
from typing import Any

import orjson
import polars as pl
import pytest

from forensic.fields.http_messages import http_messages
from forensic.formats import load

NAMES = (
    "app_json celery cri django docker_json flask generic_log glog gunicorn_access"
    " gunicorn_error journal_json logfmt python_logging uvicorn uwsgi werkzeug"
).split()


def row(name: str, line: str) -> dict[str, Any]:
    parsed = load(name).parse(pl.Series("text", [line]))
    assert parsed.height == 1
    return {k: v for k, v in parsed.row(0, named=True).items() if v is not None}


def at(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - naive columns


HOSTILE = [
    "",
    " ",
    "\x00\x1b[31m",
    "{",
    "{}",
    "[]",
    "null",
    '{"message":' + "[" * 3000,
    '{"time":1e400,"message":"x"}',
    '{"time":-1,"level":99999999999999999999,"message":{}}',
    '{"log":7,"time":"x"}',
    '{"__REALTIME_TIMESTAMP":[],"MESSAGE":[[]]}',
    '{"__REALTIME_TIMESTAMP":"99999999999999999999","MESSAGE":[300]}',
    "[9999-99-99 99:99:99 +9999] [99999999999] [INFO] x",
    "9999-99-99 99:99:99,999 INFO x",
    "INFO 0000-00-00 00:00:00,000 [x] y",
    "[9999-99-99 99:99:99,999] ERROR in app: x",
    "[9999-99-99 99:99:99,999: ERROR/P] x",
    '1.1.1.1 - - [99/Xxx/9999 99:99:99] "" 200 -',
    "[pid: 9|app: 0|req: 1/1]  () {} [Xxx Xxx 99 99:99:99 9999] GET",
    "I9999 99:99:99.999999 1 a:1] x",
    "9999-99-99T99:99:99.9Z stderr F x",
    "@4000000fffffffffffffffff x",
    "1999999999999 x",
    "level=info msg=" + "x" * 5000,
]


@pytest.mark.parametrize("name", [*NAMES, "syslog"])
def test_hostile_lines_neither_raise_nor_move(name: str) -> None:
    fmt = load(name)
    parsed = fmt.parse(pl.Series("text", HOSTILE))
    assert parsed.height == len(HOSTILE)
    for line in HOSTILE:
        fmt.parse(pl.Series("text", [line]))
    heads = pl.Series(HOSTILE).str.contains(fmt.head)
    assert (heads | parsed["refused"].is_not_null()).all()


@pytest.mark.parametrize("name", [*NAMES, "syslog"])
def test_no_lines_give_no_rows(name: str) -> None:
    parsed = load(name).parse(pl.Series("text", [], dtype=pl.String))
    assert parsed.height == 0
    assert "refused" in parsed.columns


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("WORKER TIMEOUT (pid:812)", "worker_timeout"),
        ("Worker (pid:812) was sent SIGKILL! Perhaps out of memory?", "worker_sigkill"),
        ("Worker (pid:812) exited with code 3.", "boot_failed"),
        ("Worker (pid:812) exited with code 1.", "worker_exited"),
        ("Reason: App failed to load.", "boot_failed"),
        ("Booting worker with pid: 812", "booting_worker"),
        ("Error handling request /report", "error_handling_request"),
        ("Invalid request from ip=192.0.2.1: Invalid Method", "invalid_request"),
        ("Worker of the month", None),
    ],
)
def test_gunicorn_reason(message: str, reason: str | None) -> None:
    found = row("gunicorn_error", f"[2025-02-06 14:32:07 +0900] [8] [INFO] {message}")
    assert found.get("reason") == reason
    assert found["local_time"] == at(2025, 2, 6, 14, 32, 7)
    assert found["utc_offset"] == 32_400


@pytest.mark.parametrize(
    ("line", "level", "logger", "message"),
    [
        ("INFO {} [app] hi", "info", "app", "hi"),
        ("INFO:{}:hi", "info", None, "hi"),
        ("[INFO] {} - hi", "info", None, "hi"),
        ("{} WARNING  hi there", "warning", None, "hi there"),
        ("{} ERROR app.db: hi", "error", "app.db", "hi"),
        ("{} ERROR app: hi", "error", "app", "hi"),
        ("{} ERROR Request: hi", "error", None, "Request: hi"),
        ("{} - app - INFO - hi", "info", "app", "hi"),
        ("{} - INFO - app - hi", "info", "app", "hi"),
        ("{} | INFO     | m:f:26 - hi", "info", "m", "hi"),
        ("{} [info     ] hi", "info", None, "hi"),
        ("[{}] [ERROR] hi", "error", None, "hi"),
        ("[{}][INFO ][node      ] hi", "info", "node", "hi"),
        ("{} [main] WARN  c.e.Shop - hi", "warn", "c.e.Shop", "hi"),
        ("{}:DEBUG:hi", "debug", None, "hi"),
        ("{}  INFO 8 --- [ main] c.e.Shop   : hi", "info", "c.e.Shop", "hi"),
    ],
)
def test_layouts(line: str, level: str, logger: str | None, message: str) -> None:
    found = row("python_logging", line.format("2025-02-06 14:32:07,216"))
    assert found["local_time"] == at(2025, 2, 6, 14, 32, 7, 216_000)
    assert found["level"] == level
    assert found.get("logger") == logger
    assert found["message"] == message
    assert "utc_offset" not in found


def test_layouts_that_name_their_program_are_left_to_it() -> None:
    gunicorn = "[2025-02-06 14:32:07 +0900] [8] [INFO] hi"
    flask = "[2025-02-06 14:32:07,216] ERROR in app: hi"
    assert "refused" in row("python_logging", gunicorn)
    assert "refused" in row("python_logging", flask)
    assert "refused" not in row("gunicorn_error", gunicorn)
    assert "refused" not in row("flask", flask)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "Request: GET http://app.example.com:443/api/ping",
            {
                "method": "GET",
                "scheme": "http",
                "host": "app.example.com",
                "path": "/api/ping",
            },
        ),
        (
            "Response: 400 http://app.example.com:443/a?b=c",
            {
                "scheme": "http",
                "host": "app.example.com",
                "path": "/a",
                "query": "b=c",
                "status": 400,
            },
        ),
        (
            "GET /p 500 12ms",
            {"method": "GET", "path": "/p", "status": 500, "duration": 0.012},
        ),
        ("GET /p 500 items", {"method": "GET", "path": "/p"}),
        (
            '192.0.2.1 - - "GET /p HTTP/1.1" 404 12',
            {
                "client_ip": "192.0.2.1",
                "method": "GET",
                "path": "/p",
                "http_version": "1.1",
                "status": 404,
            },
        ),
        (
            "done status=404 method=GET path=/x?y=1",
            {"method": "GET", "path": "/x", "query": "y=1", "status": 404},
        ),
        (  # what a client sent looks like pairs
            "method=GET path=/x,status=200 format=html status=500",
            {"method": "GET", "path": "/x", "status": 500},
        ),
        (
            'ua="a status=200 b" path="/a status=200 ip=::1" status=403 ip=192.0.2.1',
            {"client_ip": "192.0.2.1", "path": "/a", "status": 403},
        ),
        ("path=/x,status=404", {"path": "/x", "status": 404}),
        (
            "権限がありません POST /member/edit status=403",
            {"method": "POST", "path": "/member/edit", "status": 403},
        ),
        ("WIDGET /x status=500", {}),
        ("Not Found: /x", {"path": "/x", "status": 404}),
        (
            "Exception on /boom [POST]",
            {"method": "POST", "path": "/boom", "reason": "exception"},
        ),
        ("the status of GET is good", {}),
        ("Response: all good", {}),
        ("Response: 403 FORBIDDEN", {"status": 403}),
        ("Response: 200 items", {}),
        (
            "Response: 403 for GET /app/admin",
            {"method": "GET", "path": "/app/admin", "status": 403},
        ),
        ("status=404", {}),
        (
            "HTTP GET /cart?id=7 responded 503 in 5012.7700 ms",
            {
                "method": "GET",
                "path": "/cart",
                "query": "id=7",
                "status": 503,
                "duration": 5.01277,
            },
        ),
        (
            "Request finished HTTP/2 POST https://shop.example.com/ - 404 0 - 312ms",
            {
                "method": "POST",
                "scheme": "https",
                "host": "shop.example.com",
                "path": "/",
                "http_version": "2",
                "status": 404,
                "duration": 0.312,
            },
        ),
        (
            "Request finished HTTP/1.1 GET http://example.com/ - - - 200 - - 12.5ms",
            {
                "method": "GET",
                "scheme": "http",
                "host": "example.com",
                "path": "/",
                "http_version": "1.1",
                "status": 200,
                "duration": 0.0125,
            },
        ),
    ],
)
def test_requests_in_messages(message: str, expected: dict[str, Any]) -> None:
    found = http_messages(pl.Series("text", ["x", message, "y"]))
    values = {k: v for k, v in found.row(1, named=True).items() if v is not None}
    assert values == pytest.approx(expected)
    assert all(value is None for value in (*found.row(0), *found.row(2)))


@pytest.mark.parametrize(
    ("written", "local", "offset"),
    [
        ("1738819927", at(2025, 2, 6, 5, 32, 7), 0),
        ("1738819927.25", at(2025, 2, 6, 5, 32, 7, 250_000), 0),
        ("1738819927450", at(2025, 2, 6, 5, 32, 7, 450_000), 0),
        ("1738819927450000", at(2025, 2, 6, 5, 32, 7, 450_000), 0),
        ('"2025-02-06T14:32:07.5+09:00"', at(2025, 2, 6, 14, 32, 7, 500_000), 32_400),
        ('"2025-02-06 14:32:07,216"', at(2025, 2, 6, 14, 32, 7, 216_000), None),
        ('{"epochSecond":1738819927,"nanoOfSecond":0}', at(2025, 2, 6, 5, 32, 7), 0),
    ],
)
def test_times_in_json(written: str, local: datetime, offset: int | None) -> None:
    found = row("app_json", f'{{"time":{written},"message":"x"}}')
    assert found["local_time"] == local
    assert found.get("utc_offset") == offset


def test_numeric_levels_mean_what_their_library_means() -> None:
    assert row("app_json", '{"level":30,"msg":"x","v":0}')["level"] == "info"
    assert row("app_json", '{"levelno":30,"message":"x"}')["level"] == "warning"
    assert row("app_json", '{"level":3,"short_message":"x"}')["level"] == "err"


def test_a_key_written_twice_is_flagged_and_both_values_are_kept() -> None:
    found = row("app_json", '{"level":"info","level":"error","message":"x"}')
    assert found["flags"] == ["duplicate_key"]
    assert "level" not in found
    assert '"duplicates":{"level":["info","error"]}' in found["extra"]


@pytest.mark.parametrize(
    "line",
    [
        '{"webaclId":"x","action":"BLOCK","message":"x"}',
        '{"eventVersion":"1.08","eventSource":"x","message":"x"}',
        '{"remote_addr":"192.0.2.1","body_bytes_sent":"1","message":"x"}',
        '{"log":"x","stream":"stdout","time":"2025-02-06T05:32:07Z"}',
        '{"a":1}',
        '"text"',
    ],
)
def test_records_of_others_are_refused(line: str) -> None:
    assert "refused" in row("app_json", line)


def test_envelopes_hand_on_their_payload() -> None:
    docker = '{"log":"a b\\n","stream":"stderr","time":"2025-02-06T05:32:07.5Z"}'
    found = row("docker_json", docker)
    assert found["message"] == "a b"
    assert found["envelope_local"] == at(2025, 2, 6, 5, 32, 7, 500_000)
    assert found["envelope_offset"] == 0
    found = row("cri", "2025-02-06T05:32:07.5Z stderr P a b")
    assert found["message"] == "a b"
    assert found["extra"] == '{"stream":"stderr","partial":true}'
    journal = '{"__REALTIME_TIMESTAMP":"1738819927500000","MESSAGE":[97,255]}'
    found = row("journal_json", journal)
    assert found["message"] == "a\\xff"
    assert found["envelope_local"] == at(2025, 2, 6, 5, 32, 7, 500_000)


def test_werkzeug_requests_are_read_through_their_colours() -> None:
    request = "\x1b[31m\x1b[1mPOST /a?b HTTP/1.1\x1b[0m"
    found = row("werkzeug", f'127.0.0.1 - - [06/Feb/2025 14:32:08] "{request}" 405 -')
    assert (found["method"], found["path"], found["query"]) == ("POST", "/a", "b")
    assert found["status"] == 405
    assert "bytes_sent" not in found
    assert "\x1b" not in found["message"]


def test_uwsgi_durations_are_seconds() -> None:
    line = (
        "[pid: 8|app: 0|req: 1/1] 10.0.1.23 () {4 vars in 60 bytes}"
        " [Thu Feb  6 14:32:07"
        " 2025] GET /a => generated 2 bytes in {} (HTTP/1.1 500) 2 headers in 79 bytes"
    )
    assert row("uwsgi", line.replace("{}", "30 msecs"))["duration"] == pytest.approx(
        0.03
    )
    assert row("uwsgi", line.replace("{}", "30 micros"))["duration"] == pytest.approx(
        30e-6
    )


def test_an_access_line_behind_gunicorns_header_is_an_access_line() -> None:
    clf = '127.0.0.1:4504 - - [06/Feb/2025:14:32:11 +0900] "GET /a 1.1" 404 - "-" "c"'
    line = f"[2025-02-06 14:32:11 +0900] [8] [INFO] {clf}"
    found = row("gunicorn_access", line)
    assert (found["client_ip"], found["status"], found["pid"]) == ("127.0.0.1", 404, 8)
    assert (found["path"], found["http_version"]) == ("/a", "1.1")
    assert "refused" in row("gunicorn_error", line)


def test_a_client_behind_a_unix_socket_is_absent() -> None:
    line = ' - - [06/Feb/2025:14:32:11 +0900] "GET /a HTTP/1.1" 200 5 "-" "c"'
    found = row("gunicorn_access", line)
    assert "client_ip" not in found
    assert found["status"] == 200


def test_what_a_json_record_has_of_an_exception_stands_below_its_message() -> None:
    line = '{"level":"error","time":"2025-02-06T05:32:07Z","msg":"failed","status":%d,'
    line += '"err":{"type":"TypeError","stack":"TypeError: x\\n    at f (/a.js:1:2)"}}'
    told = "failed\nTypeError: x\n    at f (/a.js:1:2)"
    assert row("app_json", line % 500)["message"] == told
    assert row("app_json", line % 404)["message"] == "failed"  # it was handled
    again = line.replace('"failed"', '"TypeError: x\\n    at f (/a.js:1:2) in worker"')
    assert row("app_json", again % 500)["message"].count("TypeError") == 1


def test_a_client_writes_no_key_into_a_firewalls_record() -> None:
    """An appliance that escapes no `=` lets a request say `act=passed`."""
    head = "CEF:0|F5|ASM|15.1.10|Illegal URL|Illegal URL|5|act=blocked src=203.0.113.9"
    lines = [
        f"{head} request=/a",
        f"{head} request=/a act=passed",
        f"{head} act=blocked",
    ]
    rows = load("cef").parse(pl.Series("text", lines, pl.String))
    assert rows["action"].to_list() == ["BLOCK", None, "BLOCK"]
    assert rows["flags"].to_list() == [None, ["duplicate_key"], ["duplicate_key"]]
    assert '"duplicates":{"act":["blocked","passed"]}' in rows["extra"][1]


_LOGFMT = (
    'time=2025-02-06T14:32:07Z level=error msg="x status=200 path=/b \\" a=b"'
    ' note=a\\=b status=403 path="/a?b=c"'
)
_FORTIWEB = (
    "date=2025-02-06 time=14:32:07 log_id=20000008 type=attack action=Alert_Deny"
    ' http_agent="x http_retcode=200 http_url=/b" http_retcode=403 http_url="/a?b=c"'
    " src=203.0.113.9"
)
_HEROKU = (
    'at=error method=GET path="/a?b=c status=200" host=www.example.com'
    ' fwd="203.0.113.9 status=200" dyno=web.1 connect=0ms service=1ms status=403'
    " bytes=0 protocol=https"
)


@pytest.mark.parametrize(
    ("name", "line"),
    [("logfmt", _LOGFMT), ("fortiweb", _FORTIWEB), ("heroku_router", _HEROKU)],
)
def test_what_stands_in_quotes_is_no_pair_of_the_log(name: str, line: str) -> None:
    """Whoever names themselves `x status=200` changed the status of the line."""
    (row,) = load(name).parse(pl.Series("text", [line], pl.String)).to_dicts()
    assert row["refused"] is None
    assert row["status"] == 403
    assert row["path"] == "/a"
    assert row["query"].startswith("b=c")
    assert row.get("message") in {None, line}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("insertId: &a x\nlogName: *a", "names for parts"),
        ("insertId: x\ninsertId: y", "stands there twice"),
        ("insertId:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 90)), "too deeply"),
        ("insertId: " + "[" * 5000, "nesting"),
        ("- insertId: x", "no map"),
        ("insertId: 'x", "quoted scalar"),
        ("kind: Pod", "no entry"),
    ],
)
def test_yaml_that_readers_differ_on_is_refused(text: str, reason: str) -> None:
    assert reason in row("gcp_yaml", f"---\n{text}")["refused"]


def test_yaml_s_scalars_are_json_s() -> None:
    text = (
        "---\ninsertId: !!python/name:os.system x\na: 2025-02-06\nb: yes\n"
        "c: 7\nd: '7'\ne: {f: [null, true]}\ng: 1.50"
    )
    entry = orjson.loads(row("gcp_yaml", text)["message"])
    assert entry == {
        "insertId": "x",
        "a": "2025-02-06",
        "b": "yes",
        "c": 7,
        "d": "7",
        "e": {"f": [None, True]},
        "g": "1.50",
    }
