"""Several servers behind one, and several deaths: whose answer and whose end it was."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from forensic.hops import correlate
from tests.test_hops import (
    CLOSED,
    MISSING,
    NO_CLOCKS,
    NO_SOURCES,
    OPEN,
    REFUSED,
    TRACE,
    T,
    app,
    error,
    events,
    web,
)

SECOND = timedelta(seconds=1)
NGINX: dict[str, Any] = {"format": "nginx_access"}


def one(*rows: dict[str, Any]) -> dict[str, Any]:
    """The only request of these."""
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    assert found.height == 1
    return found.row(0, named=True)


def refused(**more: Any) -> dict[str, Any]:
    return error(REFUSED, format="nginx_error", upstream="10.0.1.9:8000", **more)


def crossed(count: int) -> list[dict[str, Any]]:
    """Requests to two web servers, each of which asks both servers behind them."""
    rows = []
    for number in range(count):
        agent = {"user_agent": f"Mozilla/5.0 ({number})"}
        at = {"time": T + 7 * number * SECOND, "path": f"/p/{number}", **agent}
        edge = {"source": f"web{number % 2}/access.log"}
        back = {"source": f"app{number // 2 % 2}-access.log", "http_version": "1.0"}
        own = OPEN | {"client_ip": f"203.0.113.{number}"}
        rows += [web(200, **edge, **at, **own), web(200, **back, **at)]
    return rows


def test_what_came_through_one_or_the_other_of_two_servers_is_one_request() -> None:
    late = {"time": T + 400 * SECOND}
    own = web(503, source="web1/access.log", **OPEN | NGINX, **late)
    back = web(503, source="app0-access.log", **late)
    rows = [*crossed(48), own, back]
    row = one(*rows)
    assert [line["source"] for line in row["evidence"]][:2] == [
        "web1/access.log",
        "app0-access.log",
    ]
    # The server that it asked first refused: the next one answered so.
    vain = refused(source="web1/error.log", **OPEN, **late)
    row = one(*rows, vain)
    assert row["cause"] != "upstream_refused"


def test_logs_of_one_tier_stand_behind_none_of_each_other() -> None:
    rows = []
    for number in range(90):
        at = {"time": T + 3 * number * SECOND, "path": f"/p/{number % 30}"}
        rows.append(web(200, source=f"web{number % 3}/access.log", **at))
    late = {"time": T + 400 * SECOND}
    rows += [web(503, source=f"web{n}/access.log", **late) for n in (0, 1)]
    assert correlate(events(*rows), NO_CLOCKS, NO_SOURCES).height == 2


@pytest.mark.parametrize(
    ("answer", "by", "cause", "sure"),
    [
        ({"status": 502}, "web_server", "upstream_refused", "strong"),
        # Its configuration makes 503 of that, or the next server sent it.
        ({"status": 503}, "web_server", "upstream_refused", "weak"),
        (
            {"status": 503, "upstream_status": 502},
            "web_server",
            "upstream_refused",
            "strong",
        ),
        (
            {"status": 503, "upstream_status": 503},
            "application",
            "application_response",
            "strong",
        ),
    ],
    ids=["its own", "another", "made of a 502", "of the next server"],
)
def test_nginx_answers_502_where_an_upstream_refuses(
    answer: dict[str, int], by: str, cause: str, sure: str
) -> None:
    row = one(web(**answer, **NGINX), refused())
    assert (row["answered_by"], row["cause"]) == (by, cause)
    assert row["confidence"] == sure


@pytest.mark.parametrize(
    "line",
    [
        "Worker (pid:830) exited with code 7.",
        "DAMN ! worker 2 (pid: 830) died :( trying respawn ...",
    ],
)
def test_a_worker_that_ended_itself_is_not_taken_for_one_killed_before(
    line: str,
) -> None:
    killed = app("Worker (pid:812) was sent SIGKILL! Perhaps out of memory?")
    late = {"time": T + 3 * SECOND, "path": "/app/export"}
    rows = [web(502), error(CLOSED), killed]
    rows += [web(502, **late), error(CLOSED, **late)]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    assert found["cause"].to_list() == ["out_of_memory", "upstream_closed"]
    dead = app(line, time=late["time"])
    found = correlate(events(*rows, dead), NO_CLOCKS, NO_SOURCES)
    assert found["cause"].to_list() == ["out_of_memory", "worker_crashed"]


def test_the_kernel_tells_of_the_same_process_by_a_clock_a_little_ahead() -> None:
    killed = "Memory cgroup out of memory: Killed process 812 (gunicorn) total-vm:1kB"
    asked = app("Worker (pid:812) was sent SIGKILL! Perhaps out of memory?")
    kernel = app(killed, hop="host", process="kernel", pid=None)
    rows = [web(502), error(CLOSED), asked, kernel | {"time": T + 0.4 * SECOND}]
    row = one(*rows)
    assert (row["cause"], row["confidence"]) == ("out_of_memory", "strong")
    assert 4 in [line["line"] for line in row["evidence"]]


def test_a_record_without_a_user_agent_is_found_beside_a_log_that_has_some() -> None:
    uwsgi = {"hop": "app_server", "format": "uwsgi", "source": "uwsgi.log"}
    other = {"hop": "app_server", "source": "other.log", "user_agent": "curl/8"}
    rows = [
        web(502, user_agent="okhttp/4", **OPEN),
        error(CLOSED, **OPEN),
        web(500, bytes_sent=0, **OPEN | uwsgi)
        | {"message": f"\n{TRACE}\nValueError: boom"},
    ]
    for number in range(1, 9):
        at = OPEN | {"path": f"/{number}", "time": T + number * SECOND}
        rows += [web(500, user_agent="curl/8", **at), web(500, **at | other)]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    row = found.filter(pl.col("path") == "/app/admin").row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("web_server", "exception")


UWSGI: dict[str, Any] = {"source": "uwsgi.log", "format": "uwsgi", "level": None}
APACHE: dict[str, Any] = {"format": "apache_access", "source": "apache2/access.log"}
LIMIT = "*** HARAKIRI ON WORKER 2 (pid: 812, try: 1) ***"
SERVED = "HARAKIRI [core 0] 10.1.1.210 - GET /app/admin since 1738819985"


@pytest.mark.parametrize(
    "answer",
    [
        [web(502), error(CLOSED)],
        # Apache stamps the start, and says nothing.
        [web(500, **APACHE, time=T - 6 * SECOND)],
    ],
    ids=["nginx", "Apache"],
)
def test_uwsgi_names_the_request_whose_worker_it_ends(
    answer: list[dict[str, Any]],
) -> None:
    named = {"method": "GET", "path": "/app/admin", "client_ip": "10.1.1.210"}
    row = one(*answer, app(LIMIT, **UWSGI), app(SERVED, **UWSGI | named))
    assert (row["answered_by"], row["cause"]) == ("web_server", "worker_timeout")
    assert row["confidence"] == "certain"
    assert len(answer) + 2 in [line["line"] for line in row["evidence"]]


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (
            "DAMN ! worker 1 (pid: 830) died :( trying respawn ...",
            ("web_server", "worker_crashed", "strong"),
        ),
        (
            "DAMN ! worker 1 (pid: 830) died, killed by signal 9 :( trying respawn ...",
            ("web_server", "out_of_memory", "weak"),
        ),
        (
            "Respawned uWSGI worker 1 (new pid: 831)",
            ("application", "application_response", "weak"),
        ),
    ],
)
def test_apache_says_nothing_of_a_uwsgi_that_breaks_off(
    line: str, cause: tuple[str, str, str]
) -> None:
    other = web(200, path="/", **APACHE)
    row = one(web(500, **APACHE), other, app(line, **UWSGI, pid=830))
    assert (row["answered_by"], row["cause"], row["confidence"]) == cause


def test_a_uwsgi_that_loaded_no_application_says_so_of_each_request() -> None:
    record: dict[str, Any] = UWSGI | {"hop": "app_server", "reason": "no_application"}
    row = one(web(500), web(500, **record))
    assert (row["answered_by"], row["cause"]) == ("app_server", "boot_failed")


@pytest.mark.parametrize(
    "more",
    [
        {"format": "gunicorn_error", "level": "info"},
        # A queue's worker; a step of a WebSocket, a request that came: no words.
        {"format": "celery", "level": "info", "hop": "application"},
        {"format": "daphne", "level": None, "path": "/ws/chat"},
    ],
)
def test_the_arbiter_s_words_are_not_the_application_s(more: dict[str, Any]) -> None:
    back = {
        "hop": "app_server",
        "source": "app/access.log",
        "format": "gunicorn_access",
    }
    boot = app("Booting worker with pid: 812", **more)
    row = one(web(500), web(500, **back), boot)
    assert (row["cause"], row["confidence"]) == ("exception", "weak")
    own = app("cart of 7 is empty", hop="application", source="app/app.log")
    row = one(web(500), web(500, **back), boot, own)
    assert row["cause"] == "application_response"


@pytest.mark.parametrize(
    ("size", "by", "sure"),
    [(183, "web_server", "strong"), (1084, "application", "weak")],
)
def test_an_application_too_refuses_a_body(size: int, by: str, sure: str) -> None:
    asked = web(413, method="POST", bytes_sent=size, **NGINX)
    for more in ([], [web(502, path="/x"), refused(path="/x")]):
        found = correlate(events(asked, *more), NO_CLOCKS, NO_SOURCES)
        row = found.filter(status=413).row(0, named=True)
        assert row["answered_by"] in (by, "unknown")
        assert row["confidence"] in (sure, "weak")


def test_a_database_that_turns_the_application_away_refuses_nobody() -> None:
    said = "GET /app/admin failed: Access denied for user 'shop'@'10.0.1.9'"
    own = app(said, hop="application", path="/app/admin", level="error")
    row = one(web(500), own)
    assert (row["answered_by"], row["cause"]) == ("application", "exception")
    row = one(web(403), own | {"message": "Access denied for bob on /app/admin"})
    assert row["cause"] == "application_response"


PROXY: dict[str, Any] = {"source": "apache2/error.log", "format": "apache_error"}
BROKE = "AH01102: error reading status line from remote server 10.0.1.9:8000"
SUMMARY = "AH00898: Error reading from remote server returned by /app/kill"


def test_two_lines_of_apache_about_one_failure_are_not_of_two_requests() -> None:
    late = {"time": T + 6 * SECOND, "path": "/app/kill"}
    rows = [
        web(502, **APACHE),
        web(502, **APACHE | late),
        error(
            BROKE,
            **PROXY | late | {"path": None, "method": None},
            reason="upstream_prematurely_closed",
        ),
        error(SUMMARY, **PROXY | late | {"method": None}, reason="upstream_failed"),
    ]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    causes = dict(found.select("path", "explanation").iter_rows())
    assert "names" in causes["/app/kill"]
    assert "names" not in causes["/app/admin"]


@pytest.mark.parametrize(("took", "known"), [(6.0, True), (0.001, False)])
def test_a_line_of_apache_stands_where_the_request_ended(
    took: float, *, known: bool
) -> None:
    asked = web(502, **APACHE, duration=took)
    bare: dict[str, Any] = {"path": None, "method": None}
    end = T + 6 * SECOND
    line = error(BROKE, **PROXY | bare, time=end, reason="upstream_prematurely_closed")
    row = one(asked, line)
    assert ("names its client" in row["explanation"]) == known


def test_apache_s_silence_about_a_502_shows_that_the_status_is_the_upstream_s() -> None:
    around = [
        error(MISSING, **PROXY, time=T + timedelta(minutes=n), reason="file_not_found")
        for n in (-9, 9)
    ]
    row = one(web(502, **APACHE), *around)
    assert (row["answered_by"], row["confidence"]) == ("application", "weak")


def test_a_request_that_took_no_time_did_not_come_in_long_before() -> None:
    lines = [
        app("taken in", level="info", method="GET", path="/app/admin", time=moment)
        for moment in (T - n * SECOND for n in range(9, 30, 2))
    ]
    row = one(web(503, duration=0.001, **APACHE), *lines)
    assert "reached it" not in row["explanation"]
    row = one(web(503, duration=30.0, **APACHE | {"time": T - 30 * SECOND}), *lines)
    assert "reached it" in row["explanation"]


DISTRUST = "django.core.exceptions.SuspiciousOperation: bad token"


@pytest.mark.parametrize(
    "said",
    [
        "Invalid HTTP_HOST header: 'evil.example.net'.",
        f'bad token\n{TRACE}\n  File "/srv/app/views.py", line 7, in sus\n{DISTRUST}',
    ],
)
def test_what_django_distrusts_is_refused_with_400(said: str) -> None:
    other = {"hop": "app_server", "source": "other/access.log"}
    beside = web(200, path="/", **other)
    row = one(web(400, path="/w/list"), beside, app(said, hop="application"))
    assert (row["answered_by"], row["cause"]) == (
        "application",
        "application_response",
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("203.0.113.9 not in admin allow list", True),
        ("client 203.0.113.9 is not whitelisted", True),
        ("203.0.113.9 is on the block list", True),
        ("denying GET /w/list for 203.0.113.9", True),
        ("reloaded the allow list, 12 entries", False),
    ],
)
def test_an_application_s_own_lists_of_who_may_come_in(said: str, told: bool) -> None:
    answered = web(403, path="/w/list", hop="application", source="app.log")
    row = one(answered, app(said, hop="application", level="warning"))
    assert (f" ({said})" in row["explanation"]) is told


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("reaped #<Process::Status: pid 830 exit 2> worker=1", "worker_crashed"),
        (
            "reaped #<Process::Status: pid 830 SIGSEGV (signal 11)> worker=1",
            "worker_crashed",
        ),
        (
            "reaped #<Process::Status: pid 830 SIGKILL (signal 9)> worker=1",
            "out_of_memory",
        ),
        ("reaped #<Process::Status: pid 830 exit 0> worker=1", "upstream_closed"),
    ],
)
def test_how_a_worker_of_unicorn_ended(line: str, cause: str) -> None:
    assert one(web(502), error(CLOSED), app(line))["cause"] == cause


def test_what_a_script_of_unicorn_threw() -> None:
    row = one(web(500), app("app error: price is nil (ArgumentError)"))
    assert (row["answered_by"], row["cause"]) == ("application", "exception")


@pytest.mark.parametrize(
    ("size", "by", "sure"),
    [(153, "web_server", "weak"), (22, "application", "strong")],
)
def test_nginx_s_own_page_came_from_another_nginx(
    size: int, by: str, sure: str
) -> None:
    """As nginx 1.22 makes it of a 403; an application sends what it likes."""
    asked = web(403, upstream_status=403, upstream="10.0.1.9:80", **NGINX)
    row = one(asked | {"bytes_sent": size})
    assert (row["answered_by"], row["confidence"]) == ("application", sure)
    others = {"hop": "app_server", "source": "app.log", "format": "uvicorn"}
    near = [web(200, path=f"/{n}", **others, time=T + n * SECOND) for n in (-9, 0, 9)]
    row = one(asked | {"bytes_sent": size}, *near)
    assert row["answered_by"] == by
    app_has = web(403, hop="app_server", source="app.log")
    row = one(asked | {"bytes_sent": size}, app_has)
    assert row["answered_by"] == "application"


@pytest.mark.parametrize(("path", "silent"), [("/other", True), ("/app/admin", False)])
def test_records_without_a_stamp_show_no_silence_about_their_path(
    path: str, *, silent: bool
) -> None:
    """Two of them and one request: whose they are is not known."""
    dated = {"hop": "app_server", "source": "other/access.log"}
    loose = {"hop": "app_server", "source": "uvicorn.log", "time": None}
    rows = [web(200, path="/", **dated), web(403, **dated, path="/x")]
    rows += [web(403, path=path, **loose), web(403, path=path, **loose)]
    found = correlate(events(web(403), *rows), NO_CLOCKS, NO_SOURCES)
    row = found.filter(
        pl.col("evidence").list.first().struct.field("source") == "nginx/access.log"
    ).row(0, named=True)
    assert ("not among them" in row["explanation"]) == silent


def enveloped(status: int, cluster: str, **more: Any) -> dict[str, Any]:
    """A record of one of a mesh's Envoys, all in one file."""
    row = web(status, hop="load_balancer", format="envoy", source="all.log", **OPEN)
    ident = {"request_id": "c5f1ae1f-0000-4000-8000-000000000001", "duration": 0.009}
    return row | ident | {"rule_group": cluster, "upstream": "10.0.1.9:8080"} | more


OUTBOUND, INBOUND = "outbound|80||shop.default.svc.cluster.local", "inbound|8080||"


@pytest.mark.parametrize(
    ("outer", "inner", "cause"),
    [
        (
            {"status": 403, "upstream_status": 403},
            {"status": 403, "reason": "rbac_access_denied_matched_policy[none]"},
            "access_forbidden",
        ),
        ({"status": 504, "reason": "UT"}, {"status": 0, "reason": "DC"}, None),
    ],
    ids=["the sidecar answered", "the gateway did"],
)
@pytest.mark.parametrize("fronted", [False, True], ids=["alone", "behind a balancer"])
def test_the_sidecar_of_a_mesh_stands_behind_the_envoy_that_asked_it(
    outer: dict[str, Any], inner: dict[str, Any], cause: str | None, *, fronted: bool
) -> None:
    peer = {"client_ip": "10.0.0.2"} if fronted else {}
    gateway = enveloped(200, OUTBOUND, **peer) | outer
    sidecar = enveloped(200, INBOUND, **peer) | inner
    rows = [gateway, sidecar]
    if fronted:
        for number in range(9):
            at = {"time": T + timedelta(minutes=1 + number), "path": f"/{number}"}
            ident = {"request_id": f"c5f1ae1f-0000-4000-8000-00000000010{number}"}
            passed = {"upstream_status": 200} | at | ident
            own = {"request_id": None, "rule_group": None, "duration": 0.02}
            front = {"source": "haproxy.log", "format": "haproxy", **own}
            rows += [
                enveloped(200, OUTBOUND, **passed) | front,
                enveloped(200, OUTBOUND, **passed | peer),
                enveloped(200, INBOUND, **passed | peer),
            ]
        front |= {"path": gateway["path"], "reason": None, **OPEN}
        status = gateway["status"]
        rows.append(gateway | front | {"status": status, "upstream_status": status})
    row = one(*rows)
    assert (row["answered_by"], row["confidence"]) == ("load_balancer", "certain")
    assert row["cause"] == (cause or "target_timeout")


def printed(message: str, line: int, **more: Any) -> dict[str, Any]:
    """A line of a container that no format knows."""
    at = {"line": line, "offset": 100 * line, "time": T}
    return {"source": "pod.log", "format": "cri", "message": message, **at, **more}


NIL = "runtime error: invalid memory address or nil pointer dereference"


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        ([f"panic: {NIL}", "", "goroutine 412 [running]:"], "worker_crashed"),
        (["fatal error: concurrent map writes"], "worker_crashed"),
        (["TypeError: x is not a function", "", "Node.js v20.11.1"], "worker_crashed"),
        (
            ["TypeError: x is not a function", "Node.js v20.11.1 runs"],
            "upstream_closed",
        ),
        ([f"http: panic serving 10.0.0.9:4711: {NIL}"], "upstream_closed"),
    ],
)
def test_a_program_that_gives_up_breaks_the_request_that_it_served(
    lines: list[str], cause: str
) -> None:
    rows = [printed(text, number + 1) for number, text in enumerate(lines)]
    closed = error(CLOSED, format="nginx_error", upstream="10.0.1.9:8000")
    row = one(web(502, **NGINX), closed, *rows)
    assert (row["answered_by"], row["cause"]) == ("web_server", cause)
    if cause == "worker_crashed":
        assert lines[0] in row["explanation"]
    early = [line | {"time": T - 3 * SECOND} for line in rows]
    row = one(web(502, **NGINX), closed, *early)
    assert row["cause"] == "upstream_closed"


def test_go_s_own_server_gives_no_answer_where_a_handler_panics() -> None:
    row = printed(f"http: panic serving 10.0.0.9:4711: {NIL}", 3, format="generic_log")
    failed = one(web(500, **NGINX), row)
    assert all(line["source"] != "pod.log" for line in failed["evidence"])
    closed = error(CLOSED, format="nginx_error", upstream="10.0.1.9:8000")
    broken = one(web(502, **NGINX), closed, row)
    assert (broken["answered_by"], broken["cause"]) == ("web_server", "upstream_closed")
    assert broken["evidence"][-1]["source"] == "pod.log"
    # Of two that failed in that second it is the one that had no answer.
    other = web(500, path="/other", line=2, offset=200, **NGINX)
    rows = events(web(502, **NGINX), other, closed, row)
    found = correlate(rows, NO_CLOCKS, NO_SOURCES)
    told = {r["path"]: [e["source"] for e in r["evidence"]] for r in found.to_dicts()}
    assert [path for path, sources in told.items() if "pod.log" in sources] == [
        broken["path"]
    ]


@pytest.mark.parametrize("time", [T, None])
def test_what_a_worker_of_php_prints_is_told_of_the_page_that_it_broke(
    time: Any,
) -> None:
    text = "PHP Fatal error:  Uncaught Error: Call to undefined function get_price()"
    fatal = {"source": "pod.log", "hop": "app_server", "format": "php", "line": 4}
    fatal |= {"offset": 400, "time": time, "reason": "exception", "message": text}
    fatal |= {"lines": 1}
    own = {"hop": "app_server", "source": "pod.log", "format": "phpfpm_access"}
    served = web(500, path="/index.php", line=5, offset=500, **own)
    row = one(web(500, **NGINX), served, fatal)
    assert (row["answered_by"], row["cause"]) == ("application", "exception")
    assert "(Error: Call to undefined function get_price())" in row["explanation"]
