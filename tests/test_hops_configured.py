"""What nginx's configuration in the archive tells of an answer that its log has."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from forensic import hops
from forensic.nginx_conf import tree
from forensic.schema import CLOCK, EVENT, GAP, SOURCE

T = datetime(2025, 2, 6, 5, 32, 7, tzinfo=UTC)
NAME = "etc/nginx/conf.d/app.conf"
PROXY = "location / { proxy_pass http://127.0.0.1:8000; }"
OPEN = ("unknown", "unknown", "weak")
FORBIDDEN = ("web_server", "access_forbidden", "strong")


def web(line: int, status: int, path: str, **more: Any) -> dict[str, Any]:
    stamp = T + timedelta(seconds=line)
    return {
        "source": "var/log/nginx/access.log",
        "line": line,
        "offset": line * 100,
        "length": 99,
        "hop": "web_server",
        "format": "nginx_access",
        "time": stamp,
        "local_time": stamp.replace(tzinfo=None),
        "client_ip": "198.51.100.9",
        "client_scope": "public",
        "method": "GET",
        "path": path,
        "status": status,
        **more,
    }


def verdict(conf: str, *more: dict[str, Any], status: int = 403) -> dict[str, Any]:
    rows = [web(1, 200, "/"), web(2, status, "/app/admin", bytes_sent=512), *more]
    events = pl.from_dicts(rows, schema=EVENT).lazy()
    clocks, sources, gaps = (pl.DataFrame(schema=s) for s in (CLOCK, SOURCE, GAP))
    requests = hops.correlate(events, clocks, sources)
    asked = hops.Question.parse(None, status, "/app/admin")
    files = {NAME: conf.replace("PROXY", PROXY).encode()}
    tables = (events, requests, clocks, gaps, sources)
    return hops.answer(hops.inquire(*tables, asked, configuration=files))


def told(found: dict[str, Any]) -> tuple[str, str, str]:
    return found["answered_by"], found["cause"], found["confidence"]


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ("server { PROXY location /app/ { return 403; } }", FORBIDDEN),
        ("http { server { PROXY location = /app/admin { deny all; } } }", FORBIDDEN),
        ("server { return 301 https://$host; } server { PROXY deny all; }", FORBIDDEN),
        # a longer location, or a regular one, comes first
        ("server { location /app/ { return 403; } location /app/admin { } }", OPEN),
        ("server { location /app/ { return 403; } location ~ admin$ { } }", OPEN),
        # also where it looks ahead, or cannot be read
        ("server { PROXY location ~ /app/(?!open|x) { return 403; } }", FORBIDDEN),
        ("server { location /app/ { return 403; } location ~ /app/(?!x) { } }", OPEN),
        (
            "server { location /app/ { return 403; } location ~ /app/(?!admin) { } }",
            FORBIDDEN,
        ),
        ("server { location /app/ { return 403; } location ~ (?<=p)/a { } }", OPEN),
        # what an inner block says comes before what an outer one does
        ("server { deny all; location /app/ { allow all; } }", OPEN),
        ("server { deny all; location /app/ { proxy_pass http://x; } }", FORBIDDEN),
        ("server { return 403; location /app/ { return 200; } }", FORBIDDEN),
        # not everyone, or not for certain
        ("server { rewrite ^/app/(.*) /in/$1; location /app/ { return 403; } }", OPEN),
        ("server { return; location /app/ { return 403; } }", OPEN),
        ("server { allow 192.0.2.0/24; deny all; PROXY }", OPEN),
        ("server { PROXY if ($bad) { return 403; } }", OPEN),
        ("server { location / { return 403; } } server { PROXY }", OPEN),
        ("server { PROXY }", OPEN),
        ("server { location ~ ( { return 403; } location / { deny", OPEN),
        ("http { " * 50_000, OPEN),
        ("server { " + "location / { " * 50_000, OPEN),
    ],
    ids=lambda value: str(value)[:60],
)
def test_who_answered(conf: str, expected: tuple[str, str, str]) -> None:
    assert told(verdict(conf)) == expected


def test_its_line_is_evidence() -> None:
    conf = "server {\n  # one\n  location /app/ {\n    return 403;\n  }\n}\n"
    found = verdict(conf)
    line = found["evidence"][-1]
    assert (line["source"], line["line"], line["role"]) == (
        NAME,
        4,
        "its configuration",
    )
    assert conf[line["offset"] :][: line["length"]] == "    return 403;\n"
    assert f"`return 403` in `location /app/` ({NAME}:4)" in found["sentence"]


def test_its_words_are_read_as_they_were_written() -> None:
    found = verdict('# é\nserver { location /app { return 403 "お待ち"; } PROXY }')
    assert "`return 403 お待ち` in `location /app`" in found["sentence"]
    assert (found["evidence"][-1]["line"], found["evidence"][-1]["offset"]) == (2, 5)


def test_a_log_that_has_other_answers_belies_it() -> None:
    conf = "server { PROXY location /app/ { return 403; } }"
    found = verdict(conf, web(9, 200, "/app/admin"))
    assert told(found) == OPEN
    assert "its log has other answers" in found["sentence"]


def test_a_deny_would_stand_in_the_error_log() -> None:
    error = {"source": "error.log", "format": "nginx_error", "level": "error"}
    said = [web(n, 0, "/x") | error | {"status": None} for n in (1, 900)]
    for act, expected in (("return 403", FORBIDDEN), ("deny all", OPEN)):
        conf = f"server {{ PROXY location /app/ {{ {act}; }} }}"
        assert told(verdict(conf, *said)) == expected


def test_a_tree_has_its_blocks() -> None:
    http, last = tree("http { a 1; server { b '}'; } } } c;")
    assert [inside.words for inside in http.inside] == [["a", "1"], ["server"]]
    assert http.inside[1].inside[0].words == ["b", "}"]
    assert (last.words, last.start) == (["c"], 34)


@pytest.mark.parametrize(
    ("conf", "whom"),
    [
        ("location = /_auth { proxy_pass http://127.0.0.1:9091/v; }", "http://127.0.0"),
        ("location = /other { proxy_pass http://127.0.0.1:9091/v; }", None),
    ],
)
def test_the_log_of_what_is_asked_whom_to_let_in_is_asked_for_first(
    conf: str, whom: str | None
) -> None:
    guarded = "location /app/ { auth_request /_auth; proxy_pass http://app; }"
    found = verdict(f"server {{ {guarded} {conf} }}")
    assert "has `auth_request /_auth` in `location /app/`" in found["sentence"]
    wishes = [wish for wish in found["ask_for"] if "auth_request" in wish]
    assert wishes == found["ask_for"][:1] if whom else not wishes
    assert all(f"the log of {whom}" in wish for wish in wishes)
