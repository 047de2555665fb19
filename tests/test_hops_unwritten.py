"""What nginx's configuration says of a log that does not have a request."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from forensic import hops
from forensic.schema import CLOCK, EVENT, GAP, SOURCE

T = datetime(2025, 2, 6, 5, 32, tzinfo=UTC)
LOG = "var/log/nginx/access.log"
NAME = "etc/nginx/conf.d/app.conf"
PROXY = "location / { proxy_pass http://127.0.0.1:8000; }"
MINE = "access_log /var/log/nginx/access.log;"
SOME = "access_log /var/log/nginx/access.log main if=$some;"
QUIET_PATH = "map $request_uri $some { ~^/app 0; default 1; }"
BY_STATUS = "map $status $some { ~^4 1; default 0; }"
BY_AGENT = "map $http_user_agent $some { ~ELB 0; default 1; }"
OUTER = ["waf", "load_balancer", "cdn"]
#: Candidates where the silence counts, where it does not, where it may refuse itself.
PROVES, OPEN, ITSELF = OUTER, [*OUTER, "web_server"], ["web_server", *OUTER]


def web(line: int, path: str) -> dict[str, Any]:
    stamp = T + timedelta(seconds=5 * line)
    return {
        "source": LOG,
        "line": 100 + line,
        "offset": (100 + line) * 100,
        "length": 99,
        "hop": "web_server",
        "format": "nginx_access",
        "time": stamp,
        "client_ip": "10.0.1.9",
        "client_scope": "private",
        "method": "GET",
        "path": path,
        "status": 200,
    }


def verdict(
    conf: str,
    path: str = "/app/admin",
    at: str | None = "2025-02-06 05:32Z",
    log: str = LOG,
    form: str = "nginx_access",
) -> dict[str, Any]:
    rows = [web(n, "/") for n in range(-40, 40)]
    # What answers for the application: it was logging, too.
    said = {"source": "app.log", "hop": "application", "format": "flask"}
    rows = [row | {"source": log, "format": form} for row in rows]
    rows += [row | said for row in rows]
    if "SEEN" in conf:
        rows.append(web(90, "/app/admin"))
    events = pl.from_dicts(rows, schema=EVENT).lazy()
    clocks, gaps = (pl.DataFrame(schema=s) for s in (CLOCK, GAP))
    found = [
        {"source": log, "hop": "web_server", "format": form},
        {"source": "app.log", "hop": "application", "format": "flask"},
    ]
    sources = pl.from_dicts(found, schema=SOURCE)
    requests = hops.correlate(events, clocks, sources)
    asked = hops.Question.parse(at, 403, path)
    files = {NAME: conf.replace("PROXY", PROXY).replace("MINE", MINE).encode()}
    tables = (events, requests, clocks, gaps, sources)
    return hops.answer(hops.inquire(*tables, asked, configuration=files))


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ("server { MINE PROXY }", PROVES),
        ("http { MINE server { location /app/ { access_log off; } } }", OPEN),
        ("server { MINE location ~ ^/app { access_log /dev/null; } PROXY }", OPEN),
        ("server { location /app { access_log off; deny all; } PROXY }", ITSELF),
        # another location, another server, one that answers otherwise
        ("server { MINE location /static/ { access_log off; } PROXY }", PROVES),
        ("server { MINE PROXY } server { access_log off; return 444; }", PROVES),
        ("server { MINE PROXY } server { access_log off; PROXY }", PROVES),
        # the log itself shows that such requests are written
        ("server { access_log off; PROXY } # SEEN", PROVES),
        # a log that is not here, and one whose name is not known here
        ("server { MINE PROXY } server { access_log /l/b.log; PROXY }", OPEN),
        ("server { MINE PROXY } server { access_log syslog:server=x; PROXY }", PROVES),
        ("server { access_log /l/a.log; } server { access_log /l/b.log; }", PROVES),
        # some requests only: by the path, by the status, by what nothing here tells
        (f"{QUIET_PATH} server {{ {SOME} PROXY }}", OPEN),
        (f"{QUIET_PATH.replace('/app', '/health')} server {{ {SOME} PROXY }}", PROVES),
        (f"{BY_STATUS} server {{ {SOME} PROXY }}", PROVES),
        (f"{BY_STATUS.replace('4', '5')} server {{ {SOME} PROXY }}", OPEN),
        (f"{BY_AGENT} server {{ {SOME} PROXY }}", OPEN),
        (f"{BY_AGENT} server {{ {SOME} MINE PROXY }}", PROVES),
        (f"server {{ {SOME} PROXY }}", OPEN),
        (f"{BY_AGENT} server {{ {SOME} PROXY }} # SEEN", OPEN),
        ("server { access_log", PROVES),
        ("server { access_log; PROXY }", PROVES),
    ],
    ids=lambda value: str(value)[:70],
)
def test_whether_silence_counts(conf: str, expected: list[str]) -> None:
    found = verdict(conf)
    assert (found["answered_by"], found["candidates"]) == ("unknown", expected)
    assert ("proves nothing" in found["sentence"]) == (expected != PROVES)


def test_without_a_time_it_does_not_count_either() -> None:
    found = verdict("server { location /app { access_log off; } }", at=None)
    assert "access_log off" in found["sentence"]
    assert found["candidates"] == OPEN


def test_the_site_asked_for_says_which_log() -> None:
    conf = (
        "server { server_name a.example.com; MINE PROXY }\n"
        "server { server_name b.example.com; access_log /l/b.log; PROXY }"
    )
    assert verdict(conf, "https://a.example.com/x")["candidates"] == PROVES
    found = verdict(conf, "https://b.example.com/x")
    assert found["candidates"] == OPEN
    assert "requests for b.example.com to /l/b.log (etc/nginx" in found["sentence"]
    assert found["ask_for"][0] == "/l/b.log of that web host"
    [line] = [line for line in found["evidence"] if line["source"] == NAME]
    assert (line["line"], line["role"]) == (2, "its configuration")


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ("CustomLog logs/access_log combined", PROVES),
        (
            "SetEnvIf Request_URI ^/app no\nCustomLog logs/access_log common env=!no",
            OPEN,
        ),
        (
            "SetEnvIf Request_URI ^/h no\nCustomLog logs/access_log common env=!no",
            PROVES,
        ),
        (
            "SetEnvIf Remote_Addr ::1 no\nCustomLog logs/access_log x env=!no",
            PROVES,
        ),
        ("SetEnvIf Request_URI ^/app yes\nCustomLog logs/access_log x env=yes", PROVES),
        ("SetEnvIf Request_URI ^/x yes\nCustomLog logs/access_log x env=yes", OPEN),
        ("SetEnvIf User-Agent x yes\nCustomLog logs/access_log x env=yes", OPEN),
        (
            'CustomLog "logs/access_log" "%h %l" "expr=%{REQUEST_STATUS} >= 400"',
            PROVES,
        ),
        ('CustomLog logs/access_log x "expr=%{REQUEST_STATUS} -ge 500"', OPEN),
        ("CustomLog logs/access_log x expr=%{HTTP_HOST}=='x'", OPEN),
        ("CustomLog logs/other_log x env=yes", PROVES),
        ("CustomLog logs/access_log x env=y\nCustomLog logs/access_log x", PROVES),
    ],
)
def test_apache_may_write_some_only(conf: str, expected: list[str]) -> None:
    log = "var/log/httpd/access_log"
    found = verdict(conf, log=log, form="apache_access")
    assert (found["answered_by"], found["candidates"]) == ("unknown", expected)
    assert ("proves nothing" in found["sentence"]) == (expected != PROVES)
    shown = [line for line in found["evidence"] if line["source"] == NAME]
    assert len(shown) == (expected != PROVES)
