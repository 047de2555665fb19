"""Who answered what a browser saved (HAR): alone, and beside the logs of servers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from forensic.hops import Question, answer, correlate, inquire
from forensic.schema import CLOCK, EVENT, GAP, SOURCE

T = datetime(2025, 2, 6, 5, 32, 7, 131000, tzinfo=UTC)
ALB = "server: awselb/2.0"
NGINX_PAGE = "server: nginx; page: 403 Forbidden (signed nginx/1.24.0)"
ASKED = {"method": "GET", "path": "/app/admin"}


def browser(status: int, reason: str | None, **more: Any) -> dict[str, Any]:
    return {
        "source": "ticket.har",
        "hop": None,
        "format": "har",
        "start_time": T,
        "status": status,
        "reason": reason,
        "duration": 0.1,
        **more,
    }


def nginx(status: int, **more: Any) -> dict[str, Any]:
    return {
        "source": "nginx/access.log",
        "hop": "web_server",
        "format": "nginx_access",
        "client_ip": "10.1.1.210",
        "client_scope": "private",
        "status": status,
        **more,
    }


CLOCKS, SOURCES, GAPS = (pl.DataFrame(schema=table) for table in (CLOCK, SOURCE, GAP))


def events(*rows: dict[str, Any]) -> pl.LazyFrame:
    made = [
        {"line": n, "offset": n * 100, "time": T, **ASKED, **row}
        for n, row in enumerate(rows, 1)
    ]
    local = [row | {"local_time": row["time"].replace(tzinfo=None)} for row in made]
    return pl.from_dicts(local, schema=EVENT).lazy()


def decided(*rows: dict[str, Any]) -> Any:
    """The only request that these records make."""
    found = correlate(events(*rows), CLOCKS, SOURCES)
    assert found.height == 1
    return found.row(0, named=True)


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (403, ALB, ("unknown", "unknown", "weak")),
        (503, f"{ALB}; page: 503 Service Temp", ("load_balancer", "no_target")),
        (503, f"{ALB}; page: We are back soon", ("load_balancer", "unknown")),
        (504, ALB, ("load_balancer", "target_timeout")),
        (403, "cf-mitigated: challenge; server: cloudflare", ("waf", "waf_rule")),
        (504, "server: CloudFront; via: 1.1 x", ("cdn", "upstream_timeout")),
        (403, "x-amzn-errortype: ForbiddenException", ("load_balancer",)),
        (403, NGINX_PAGE, ("web_server", "access_forbidden", "strong")),
        (403, "server: nginx", ("unknown", "unknown", "weak")),
        (500, "server: gunicorn", ("application", "exception", "weak")),
        (404, "x-powered-by: Express", ("application", "application_response")),
        (0, "net::ERR_ABORTED", ("unknown", "client_closed", "weak")),
        (0, "net::ERR_CONNECTION_REFUSED", ("unknown", "unknown", "weak")),
        (0, "net::ERR_TOO_MANY_REDIRECTS", ("unknown", "redirect", "weak")),
    ],
)
def test_alone(status: int, reason: str, expected: tuple[str, ...]) -> None:
    row = decided(browser(status, reason))
    told = (row["answered_by"], row["cause"], row["confidence"])
    assert told[: len(expected)] == expected


@pytest.mark.parametrize(
    ("client", "web", "expected"),
    [
        (browser(403, NGINX_PAGE), nginx(403), ("web_server", "access_forbidden")),
        (browser(403, "x-powered-by: PHP/8.2"), nginx(403), ("application",)),
        (browser(504, ALB), nginx(499), ("load_balancer", "target_timeout")),
        (browser(502, ALB), nginx(200), ("load_balancer", "target_connection_error")),
        (browser(504, None), nginx(499), ("unknown", "unknown")),
        (browser(0, "net::ERR_ABORTED"), nginx(499), ("web_server", "client_closed")),
        (browser(0, "net::ERR_FAILED"), nginx(200), ("unknown", "unknown")),
    ],
)
def test_beside_a_web_server(
    client: dict[str, Any], web: dict[str, Any], expected: tuple[str, ...]
) -> None:
    row = decided(client, web)
    assert (row["answered_by"], row["cause"])[: len(expected)] == expected
    assert [line["hop"] for line in row["evidence"]] == ["client", "web_server"]
    assert row["status"] == client["status"]


def test_a_waf_s_record_is_of_the_request_that_the_browser_saved() -> None:
    stopped = {"source": "waf.log", "hop": "waf", "action": "BLOCK", "rule": "r1"}
    row = decided(browser(403, ALB), stopped)
    assert (row["answered_by"], row["rule"]) == ("waf", "r1")
    assert [line["hop"] for line in row["evidence"]] == ["client", "waf"]


def test_an_id_joins_what_a_bent_clock_parts() -> None:
    late = {"time": T + timedelta(minutes=7), "start_time": T + timedelta(minutes=7)}
    edge = {"source": "cf.log", "hop": "cdn", "format": "cloudfront", "status": 502}
    edge |= {"reason": "OriginConnectError", "request_id": "abc=="}
    row = decided(browser(502, None, request_id="abc==", **late), edge)
    assert (row["answered_by"], row["confidence"]) == ("cdn", "strong")


def test_what_is_asked_for_where_a_browser_alone_tells() -> None:
    assert decided(browser(403, ALB))["missing"] == ["waf", "load_balancer"]
    sent_by_web = decided(browser(403, "server: nginx"))
    assert sent_by_web["missing"] == ["web_server", "application"]


def test_a_browser_is_nobody_who_can_have_answered() -> None:
    logs = events(browser(200, "server: nginx"))
    requests = correlate(logs, CLOCKS, SOURCES)
    asked = Question.parse(None, 200, "/app/admin")
    found = answer(inquire(logs, requests, CLOCKS, GAPS, SOURCES, asked))
    assert (found["candidates"], found["count"]) == ([], 1)
