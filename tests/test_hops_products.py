"""Who answered, by the words of each product in front of a web server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from forensic import hops
from forensic.hops import correlate
from forensic.schema import CLOCK, EVENT, GAP, SOURCE

T = datetime(2025, 2, 6, 5, 32, 7, 131000, tzinfo=UTC)
LB, CDN, WEB = "load_balancer", "cdn", "web_server"


def decided(product: str, status: int, reason: str | None, **more: Any) -> Any:
    """The row of one record of that product; another that passed goes with it."""
    edges = dict.fromkeys(
        "cloudfront cloudflare fastly akamai_datastream vercel".split(), CDN
    )
    hop = (edges | {"iis": WEB, "s3_access": WEB}).get(product, LB)
    common = {
        "source": f"{product}.log",
        "hop": hop,
        "format": product,
        "time": T,
        "local_time": T.replace(tzinfo=None),
        "client_ip": "203.0.113.9",
        "method": "GET",
        "path": "/app/admin",
    }
    passed = {"line": 2, "offset": 9, "status": 200, "path": "/", "upstream": "s1"}
    # Traefik's text has no status of the server.
    text = more.pop("text", False)
    if product not in ("cloudfront", "iis", "s3_access") and not text:
        passed["upstream_status"] = 200
    own = {"line": 1, "offset": 0, "status": status, "reason": reason, **more}
    rows = pl.from_dicts([common | own, common | passed], schema=EVENT)
    clocks, sources = pl.DataFrame(schema=CLOCK), pl.DataFrame(schema=SOURCE)
    found = correlate(rows.lazy(), clocks, sources)
    return found.filter(pl.col("path") == "/app/admin").row(0, named=True)


NAMED = {"upstream": "app/s1"}
SPOKEN = [
    ("s3_access", 403, "AccessDenied", {}, (WEB, "access_forbidden", "certain")),
    ("s3_access", 404, "NoSuchKey", {}, (WEB, "file_not_found", "certain")),
    ("haproxy", 401, "PR--", {}, (LB, "auth_failed", "certain")),
    ("haproxy", 429, "PR--", {}, (LB, "rate_limited", "certain")),
    ("haproxy", 500, "PT--", {}, (LB, "access_forbidden", "certain")),
    ("haproxy", 408, "cR--", {}, (LB, "bad_request", "certain")),
    ("haproxy", 503, "sC--", NAMED, (LB, "target_timeout", "certain")),
    ("haproxy", 503, "SC--", NAMED, (LB, "target_connection_error", "certain")),
    ("haproxy", 502, "PH--", NAMED, (LB, "bad_gateway", "certain")),
    ("haproxy", 503, "RC--", NAMED, (LB, "unknown", "certain")),
    ("haproxy", 502, "DH--", NAMED, (LB, "target_connection_error", "certain")),
    ("haproxy", 503, "----", {}, (LB, "unknown", "strong")),
    ("envoy", 503, "UF,URX", NAMED, (LB, "target_connection_error", "certain")),
    ("envoy", 503, "UH", {}, (LB, "no_target", "certain")),
    ("envoy", 503, "UO", {}, (LB, "rate_limited", "certain")),
    ("envoy", 504, "UT", NAMED, (LB, "target_timeout", "certain")),
    ("envoy", 404, "NR", {}, (LB, "no_route", "certain")),
    ("envoy", 403, "UAEX", {}, (LB, "auth_failed", "certain")),
    (
        "envoy",
        403,
        "rbac_access_denied_matched_policy[none]",
        {},
        (LB, "access_forbidden", "certain"),
    ),
    ("envoy", 503, "direct_response", {}, (LB, "fixed_response", "certain")),
    ("envoy", 0, "DC", NAMED, (LB, "client_closed", "certain")),
    ("envoy", 503, None, {}, (LB, "unknown", "strong")),
    ("envoy", 403, None, {}, (LB, "access_forbidden", "strong")),
    ("kong", 429, "kong", {}, (LB, "rate_limited", "certain")),
    ("kong", 404, "kong", {}, (LB, "no_route", "certain")),
    ("kong", 503, "kong", {}, (LB, "no_target", "certain")),
    ("squid", 403, "TCP_DENIED", {}, (LB, "access_forbidden", "certain")),
    ("squid", 504, "TCP_MISS", NAMED, (LB, "target_timeout", "weak")),
    (
        "fastly",
        503,
        "ERROR first byte timeout",
        {},
        (CDN, "upstream_timeout", "certain"),
    ),
    ("fastly", 403, "ERROR Forbidden", {}, (CDN, "access_forbidden", "certain")),
    (
        "akamai_datastream",
        403,
        "ERR_ACCESS_DENIED|fwd_acl",
        {},
        (CDN, "access_forbidden", "certain"),
    ),
    ("traefik", 404, None, {}, (LB, "no_route", "strong")),
    ("traefik", 503, None, {}, (LB, "no_target", "strong")),
    ("traefik", 403, None, {"text": True}, (LB, "access_forbidden", "strong")),
    (
        "traefik",
        503,
        None,
        {"text": True, **NAMED},
        ("application", "application_response", "weak"),
    ),
    (
        "traefik",
        502,
        None,
        {"upstream_status": 502, "bytes_sent": 11, **NAMED},
        (LB, "target_connection_error", "strong"),
    ),
    (
        "traefik",
        504,
        None,
        {"upstream_status": 504, "bytes_sent": 160, **NAMED},
        (LB, "target_timeout", "weak"),
    ),
    (
        "traefik",
        500,
        None,
        {"upstream_status": 500, **NAMED},
        ("application", "exception", "weak"),
    ),
    ("api_gateway", 403, "WAF_FILTERED", {}, ("waf", "waf_rule", "certain")),
    ("api_gateway", 403, "WAF_BLOCK", {}, ("waf", "waf_rule", "certain")),
    ("api_gateway", 403, "ACCESS_DENIED", {}, (LB, "auth_failed", "certain")),
    ("api_gateway", 429, "THROTTLED", {}, (LB, "rate_limited", "certain")),
    (
        "api_gateway",
        502,
        None,
        {"upstream_status": 200},
        (LB, "bad_gateway", "strong"),
    ),
    (
        "api_gateway",
        503,
        None,
        {"upstream_duration": 30.001},
        (LB, "target_timeout", "strong"),
    ),
    ("api_gateway", 504, "INTEGRATION_TIMEOUT", {}, (LB, "target_timeout", "certain")),
    (
        "api_gateway",
        504,
        "Endpoint request timed out",
        {},
        (LB, "target_timeout", "certain"),
    ),
    ("api_gateway", 403, "Forbidden", {}, (LB, "access_forbidden", "weak")),
    ("api_gateway", 502, "Internal server error", {}, (LB, "bad_gateway", "strong")),
    (
        "azure_gateway",
        502,
        "ERRORINFO_UPSTREAM_NO_LIVE",
        NAMED,
        (LB, "no_target", "certain"),
    ),
    ("azure_gateway", 403, "waf_prevention", {}, ("waf", "waf_rule", "strong")),
    ("azure_gateway", 499, None, {}, (LB, "client_closed", "strong")),
    (
        "azure_gateway",
        504,
        "OriginTimeout",
        {"hop": CDN},
        (CDN, "upstream_timeout", "certain"),
    ),
    ("azure_gateway", 503, "Odd", {"hop": CDN}, (CDN, "unknown", "strong")),
    (
        "azure_gateway",
        502,
        "CertificateNameCheckFailed",
        {"hop": CDN},
        (CDN, "bad_gateway", "strong"),
    ),
    (
        "azure_gateway",
        503,
        "OriginConnectionRefused",
        {"hop": CDN},
        (CDN, "upstream_refused", "certain"),
    ),
    (
        "cloudflare",
        403,
        "SQLi",
        {"action": "block", "rule": "r1"},
        ("waf", "waf_rule", "certain"),
    ),
    ("cloudflare", 522, None, {}, (CDN, "upstream_timeout", "certain")),
    ("cloudflare", 403, None, {}, (CDN, "access_forbidden", "strong")),
    (
        "cloudflare",
        500,
        None,
        {"upstream_status": 500},
        ("application", "exception", "weak"),
    ),
    ("cloudfront", 503, "FunctionExecutionError", {}, (CDN, "exception", "certain")),
    (
        "cloudfront",
        502,
        "OriginConnectError",
        {},
        (CDN, "target_connection_error", "strong"),
    ),
    ("cloudfront", 503, "LambdaLimitExceeded", {}, (CDN, "lambda_error", "certain")),
    (
        "cloudfront",
        401,
        "FunctionGeneratedResponse",
        {},
        (CDN, "fixed_response", "certain"),
    ),
    (
        "gcp_load_balancer",
        403,
        "denied_by_security_policy",
        {},
        ("waf", "waf_rule", "certain"),
    ),
    (
        "gcp_load_balancer",
        502,
        "backend_timeout",
        {},
        (LB, "target_timeout", "certain"),
    ),
    (
        "gcp_load_balancer",
        502,
        "failed_to_pick_backend",
        {},
        (LB, "no_target", "certain"),
    ),
    (
        "gcp_load_balancer",
        500,
        "response_sent_by_backend",
        {"upstream_status": 500},
        ("application", "exception", "weak"),
    ),
    ("iis", 403, "403.6", {}, (WEB, "access_forbidden", "certain")),
    ("iis", 404, "404.13", {}, (WEB, "body_too_large", "certain")),
    ("iis", 401, "401.5", {}, ("application", "auth_failed", "certain")),
    ("iis", 502, "502.3 12002", {}, (WEB, "upstream_timeout", "certain")),
    ("iis", 502, "502.3", {}, (WEB, "bad_gateway", "certain")),
    ("iis", 500, "500.19", {}, (WEB, "configuration_error", "certain")),
    ("iis", 500, "500.30", {}, (WEB, "boot_failed", "certain")),
    ("iis", 500, None, {}, ("application", "exception", "weak")),
    ("iis", 503, "AppOffline", {}, (WEB, "no_target", "certain")),
    ("iis", 503, "QueueFull", {}, (WEB, "rate_limited", "certain")),
    ("iis", 400, "URL", {}, (WEB, "bad_request", "certain")),
    ("squid", 407, "TCP_DENIED", {}, (LB, "auth_failed", "certain")),
    ("squid", 0, "TCP_MISS_ABORTED", NAMED, (LB, "client_closed", "certain")),
    ("squid", 503, "TCP_MISS", NAMED, (LB, "target_connection_error", "weak")),
    (
        "squid",
        404,
        "TCP_MISS",
        {"upstream_status": 404, **NAMED},
        ("application", "application_response", "weak"),
    ),
    ("heroku_router", 503, "H12", {}, (LB, "target_timeout", "certain")),
    ("heroku_router", 503, "H10", {}, (LB, "no_target", "certain")),
    ("heroku_router", 503, "H15", NAMED, (LB, "target_timeout", "certain")),
    (
        "heroku_router",
        503,
        "H18",
        NAMED,
        (LB, "target_connection_error", "certain"),
    ),
    (
        "heroku_router",
        503,
        "H18 sock=client",
        NAMED,
        (LB, "client_closed", "certain"),
    ),
    ("heroku_router", 500, "H99", {}, (LB, "unknown", "certain")),
    (
        "cloud_run",
        429,
        "The request was aborted because there was no available instance.",
        {},
        (LB, "no_target", "certain"),
    ),
    (
        "cloud_run",
        504,
        "The request has been terminated: it has reached the maximum request timeout.",
        NAMED,
        (LB, "target_timeout", "certain"),
    ),
    (
        "railway",
        502,
        "connection refused",
        {},
        (LB, "target_connection_error", "certain"),
    ),
    ("vercel", 403, "firewall", {"action": "deny"}, ("waf", "waf_rule", "certain")),
    (
        "vercel",
        504,
        "Task timed out after 60 seconds",
        {},
        (CDN, "target_timeout", "certain"),
    ),
    ("barracuda", 404, "INTERNAL INVALID", {}, ("waf", "waf_rule", "strong")),
    ("barracuda", 400, "INTERNAL INVALID", {}, (LB, "bad_request", "strong")),
    (
        "barracuda",
        503,
        "INTERNAL VALID",
        {},
        (LB, "target_connection_error", "strong"),
    ),
    (
        "barracuda",
        404,
        None,
        {"upstream_status": 404, **NAMED},
        ("application", "application_response", "weak"),
    ),
    ("oauth2_proxy", 403, None, {}, (LB, "auth_failed", "certain")),
    (
        "oauth2_proxy",
        403,
        None,
        {"upstream_status": 403, **NAMED},
        ("application", "application_response", "weak"),
    ),
    ("varnish", 503, None, {}, (LB, "target_connection_error", "weak")),
    ("varnish", 403, "synth", {}, (LB, "access_forbidden", "certain")),
    ("varnish", 405, "synth", {}, (LB, "fixed_response", "certain")),
]


@pytest.mark.parametrize(
    ("product", "status", "reason", "more", "expected"),
    SPOKEN,
    ids=[f"{case[0]} {case[1]} {case[2]}" for case in SPOKEN],
)
def test_who_answered(
    product: str,
    status: int,
    reason: str | None,
    more: dict[str, Any],
    expected: tuple[str, str, str],
) -> None:
    row = decided(product, status, reason, **more)
    assert (row["answered_by"], row["cause"], row["confidence"]) == expected


def test_what_squid_passed_on_is_the_answer_of_what_stands_behind_it() -> None:
    """It writes the same of its own error page; Apache behind it stamps the start."""
    common: dict[str, Any] = {"method": "GET", "client_ip": "203.0.113.9"}
    common |= {"line": 1, "offset": 0, "utc_offset": 0}
    squid = common | {"source": "squid/access.log", "hop": LB, "format": "squid"}
    squid |= {"upstream": "10.0.1.23", "reason": "TCP_MISS"}
    web = common | {"source": "apache2/access.log", "hop": WEB}
    web |= {"format": "apache_access"}
    late = T + timedelta(seconds=6)
    rows = [
        squid | {"path": "/a", "status": 503, "time": T, "duration": 0.01},
        web | {"path": "/a", "status": 503, "time": T},
        squid
        | {"path": "/b", "status": 502, "time": late, "start_time": T, "line": 2}
        | {"duration": 6.03, "offset": 9},
        web | {"path": "/b", "status": 502, "time": T, "line": 2, "offset": 9},
        squid
        | {"path": "/", "status": 200, "upstream_status": 200, "time": T}
        | {"line": 3, "offset": 19},
    ]
    frame = pl.from_dicts(rows, schema=EVENT).sort("source", "offset")
    clocks, sources = pl.DataFrame(schema=CLOCK), pl.DataFrame(schema=SOURCE)
    found = correlate(frame.lazy(), clocks, sources)
    assert found.filter(pl.col("answered_by") == LB).height == 0
    assert found.filter(pl.col("path") == "/b")["answered_by"].to_list() == [WEB]


def test_varnish_behind_the_web_server_that_ends_tls() -> None:
    common: dict[str, Any] = {"method": "GET", "path": "/a", "status": 503, "time": T}
    common |= {"line": 1, "offset": 0}
    varnish = common | {"source": "varnishncsa.log", "hop": LB, "format": "varnish"}
    varnish |= {"client_ip": "10.0.1.11", "client_scope": "private"}
    web = common | {"source": "nginx/access.log", "hop": WEB, "format": "nginx_access"}
    web |= {"client_ip": "203.0.113.9", "client_scope": "public"}
    rows = pl.from_dicts([web, varnish], schema=EVENT)
    clocks, sources = pl.DataFrame(schema=CLOCK), pl.DataFrame(schema=SOURCE)
    row = correlate(rows.lazy(), clocks, sources).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == (LB, "target_connection_error")
    assert row["confidence"] == "weak"


def test_a_firewall_that_is_part_of_the_cdn_has_its_record_there() -> None:
    row = decided("cloudflare", 403, None, action="block", rule="r1")
    assert row["rule"] == "r1"
    assert "waf" not in row["missing"]


def test_an_answer_that_never_came_is_called_so() -> None:
    row = decided("envoy", 0, "DC", **NAMED)
    assert "gave GET /app/admin no answer" in row["explanation"]


def test_an_answer_of_the_origin_is_not_the_cdn_s_although_its_logs_miss_it() -> None:
    common: dict[str, Any] = {"time": T, "line": 1, "offset": 0, "method": "GET"}
    web = common | {"source": "nginx/access.log", "hop": WEB, "status": 200}
    edge = common | {"source": "cf.json", "hop": CDN, "status": 404, "path": "/x"}
    edge |= {"format": "cloudflare", "upstream_status": 404}
    rows = pl.from_dicts([web | {"path": "/"}, edge], schema=EVENT)
    clocks, sources = pl.DataFrame(schema=CLOCK), pl.DataFrame(schema=SOURCE)
    row = correlate(rows.lazy(), clocks, sources).row(0, named=True)
    assert (row["answered_by"], row["confidence"]) == ("unknown", "weak")


@pytest.mark.parametrize(
    ("product", "whom"),
    [("cloudflare", "its origin"), ("api_gateway", "what it asked")],
)
def test_a_record_that_has_the_answer_of_what_it_asked_is_told_so(
    product: str, whom: str
) -> None:
    row = decided(product, 403, None, upstream_status=403)
    assert (row["answered_by"], row["confidence"]) == ("application", "weak")
    assert f"{whom} answered 403, as the record of" in row["explanation"]


def test_varnish_did_not_use_what_its_backend_served() -> None:
    """It gave up waiting; the web server finished, and logged a success."""
    common = {"time": T, "method": "GET", "path": "/news", "client_ip": "203.0.113.9"}
    varnish = common | {"source": "varnishncsa.log", "hop": LB, "format": "varnish"}
    served = {"source": "access.log", "hop": "web_server", "format": "apache_access"}
    rows = [varnish | {"status": 503}, common | served | {"status": 200}]
    made = [row | {"line": n, "offset": n} for n, row in enumerate(rows)]
    events = pl.from_dicts(made, schema=EVENT).lazy()
    clocks, sources = pl.DataFrame(schema=CLOCK), pl.DataFrame(schema=SOURCE)
    row = correlate(events, clocks, sources).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == (LB, "target_connection_error")
    assert row["confidence"] == "strong"


@pytest.mark.parametrize(
    ("last", "first"),
    [
        ("949110", "942130"),
        (
            "Microsoft_DefaultRuleSet-2.1-BLOCKING-EVALUATION-949110",
            "Microsoft_DefaultRuleSet-2.1-SQLI-942130",
        ),
    ],
)
def test_the_rules_that_made_up_a_score_are_told(last: str, first: str) -> None:
    common = {
        "source": "waf.json",
        "hop": "waf",
        "format": "azure_waf",
        "time": T,
        "local_time": T.replace(tzinfo=None),
        "client_ip": "203.0.113.9",
        "path": "/app/admin",
    }
    matched = {"line": 1, "offset": 0, "rule": first, "request_id": "a1"}
    matched |= {"reason": "Matched", "message": "SQL injection"}
    ended = {"line": 2, "offset": 300, "rule": last, "request_id": "a1"}
    ended |= {"action": "BLOCK", "status": 403}
    # One of another request, which was let pass.
    passed = matched | {"line": 3, "offset": 600, "rule": "920350", "request_id": "b2"}
    lines = [common | row for row in (matched, ended, passed)]
    events = pl.from_dicts(lines, schema=EVENT).lazy()
    clocks, gaps, sources = (pl.DataFrame(schema=s) for s in (CLOCK, GAP, SOURCE))
    requests = correlate(events, clocks, sources)
    asked = hops.Question.parse("2025-02-06 05:32Z", 403, "/app/admin")
    found = hops.answer(hops.inquire(events, requests, clocks, gaps, sources, asked))
    assert (found["rule"], found["confidence"]) == (last, "certain")
    assert f"Matched before: {first} SQL injection." in found["sentence"]
    assert [line["offset"] for line in found["evidence"]] == [300, 0]
