"""Who answered, from hand-made events: one case each, both ways where it matters."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forensic.hops import correlate, correlated, windows
from forensic.rotation import log_of
from forensic.schema import CLOCK, EVENT, REQUEST, SOURCE

T = datetime(2025, 2, 6, 5, 32, 7, 131000, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NO_CLOCKS = pl.DataFrame(schema=CLOCK)
NO_SOURCES = pl.DataFrame(schema=SOURCE)


def events(*rows: dict[str, Any]) -> pl.LazyFrame:
    made = []
    for number, row in enumerate(rows, 1):
        time = row.get("time")
        local = {"local_time": time.replace(tzinfo=None)} if time else {}
        made.append({"line": number, "offset": number * 100, **local, **row})
    return pl.from_dicts(made, schema=EVENT).lazy()


def alb(status: int, target: int | None = None, **more: Any) -> dict[str, Any]:
    actions = "waf,forward" if target else "forward"
    return {
        "source": "alb.log",
        "hop": "load_balancer",
        "time": T + timedelta(milliseconds=9),
        "start_time": T,
        "client_ip": "203.0.113.9",
        "client_scope": "public",
        "method": "GET",
        "path": "/app/admin",
        "status": status,
        "upstream_status": target,
        "upstream": "10.0.1.23:80",
        "action": actions,
        "trace_id": "1-67a44957-0123456789abcdef01234567",
        **more,
    }


#: A peer of a web server that nothing private stands in front of.
OPEN = {"client_ip": "130.176.1.9", "client_scope": "public"}
TOMCAT: dict[str, Any] = {"source": "tomcat/access.log", "format": "apache_access"}
BEHIND = TOMCAT | {"source": "inner/access.log"}
NGINX = OPEN | {"format": "nginx_access"}
HAPROXY: dict[str, Any] = {"format": "haproxy", "action": None}


def waf(**more: Any) -> dict[str, Any]:
    return {
        "source": "waf.log",
        "hop": "waf",
        "time": T,
        "client_ip": "203.0.113.9",
        "client_scope": "public",
        "method": "GET",
        "path": "/app/admin",
        "status": 403,
        "action": "BLOCK",
        "rule": "AdminProtection_URIPATH",
        "trace_id": "1-67a44957-0123456789abcdef01234567",
        **more,
    }


def cdn(status: int, reason: str, **more: Any) -> dict[str, Any]:
    return {
        "source": "cloudfront.log",
        "hop": "cdn",
        "time": T.replace(microsecond=0),
        "client_ip": "203.0.113.9",
        "client_scope": "public",
        "method": "GET",
        "path": "/app/admin",
        "status": status,
        "reason": reason,
        "request_id": "SOX4xwn4XV6Q4rgb7XiVGA==",
        **more,
    }


def web(status: int, **more: Any) -> dict[str, Any]:
    return {
        "source": "nginx/access.log",
        "hop": "web_server",
        "time": T.replace(microsecond=0),
        "client_ip": "10.1.1.210",
        "client_scope": "private",
        "method": "GET",
        "path": "/app/admin",
        "status": status,
        **more,
    }


def error(message: str, **more: Any) -> dict[str, Any]:
    return {
        "source": "nginx/error.log",
        "hop": "web_server",
        "time": T.replace(microsecond=0),
        "level": "error",
        "pid": 812,
        "client_ip": "10.1.1.210",
        "client_scope": "private",
        "method": "GET",
        "path": "/app/admin",
        "message": message,
        **more,
    }


def app(message: str, **more: Any) -> dict[str, Any]:
    return {
        "source": "syslog",
        "hop": "app_server",
        "time": T.replace(microsecond=0),
        "level": "error",
        "pid": 800,
        "message": message,
        **more,
    }


def said(status: int, **more: Any) -> dict[str, Any]:
    return {
        "source": "syslog",
        "hop": "application",
        "time": T,
        "level": "info",
        "method": "GET",
        "path": "/app/admin",
        "status": status,
        "message": f"Response: {status}",
        **more,
    }


TRACE = "Traceback (most recent call last):"
CLOSED = (
    "upstream prematurely closed connection while reading response header from upstream"
)
REFUSED = "connect() failed (111: Connection refused) while connecting to upstream"
SLOW = (
    "upstream timed out (110: Connection timed out) while reading response header"
    " from upstream"
)
MISSING = 'open() "/srv/x.png" failed (2: No such file or directory)'
#: Lines of an error log before and after, on other matters.
COMPLAINTS = [
    error(MISSING, path="/x.png", client_ip="10.1.1.9", time=T + timedelta(minutes=n))
    for n in (-9, 9)
]

CASES: list[tuple[str, list[dict[str, Any]], tuple[str, str, str]]] = [
    ("WAF alone", [waf()], ("waf", "waf_rule", "certain")),
    (
        "WAF and load balancer",
        [waf(), alb(403, action="waf", upstream=None)],
        ("waf", "waf_rule", "certain"),
    ),
    (
        "WAF beside a balancer that shares no id",
        [
            waf(trace_id=None),
            alb(403, action=None, upstream=None, trace_id=None, format="oci_balancer"),
        ],
        ("waf", "waf_rule", "certain"),
    ),
    (
        "WAF without its log",
        [alb(403, action="waf", upstream=None)],
        ("waf", "waf_rule", "certain"),
    ),
    (
        "WAF with a code of its own",
        [waf(status=404), alb(404, action="waf", upstream=None)],
        ("waf", "waf_rule", "certain"),
    ),
    (
        "WAF unreachable",
        [alb(500, action="waf-failed", reason="WAFConnectionTimeout", upstream=None)],
        ("load_balancer", "waf_unavailable", "certain"),
    ),
    (
        "fixed response",
        [alb(403, action="waf,fixed-response", upstream=None)],
        ("load_balancer", "fixed_response", "certain"),
    ),
    (
        "authentication",
        [alb(401, action="authenticate", reason="AuthInvalidCookie", upstream=None)],
        ("load_balancer", "auth_failed", "certain"),
    ),
    (
        "lambda",
        [alb(502, reason="LambdaUnhandled", upstream=None)],
        ("load_balancer", "lambda_error", "certain"),
    ),
    (
        "CloudFront refuses the country",
        [cdn(403, "ClientGeoBlocked")],
        ("cdn", "access_forbidden", "certain"),
    ),
    (
        "CloudFront's error is the WAF's of the same request id",
        [cdn(403, "Error"), waf(request_id="SOX4xwn4XV6Q4rgb7XiVGA==", trace_id=None)],
        ("waf", "waf_rule", "certain"),
    ),
    (
        "CloudFront refuses, neither the WAF nor the origin has it",
        [
            cdn(403, "Error"),
            waf(path="/b", action="ALLOW"),
            web(200, path="/c", **OPEN),
        ],
        ("cdn", "access_forbidden", "strong"),
    ),
    (
        "CloudFront's error may be a WAF's that has no log",
        [cdn(403, "Error"), web(200, path="/c", **OPEN)],
        ("cdn", "access_forbidden", "weak"),
    ),
    (
        "CloudFront's error may be that of a load balancer that has no log",
        [cdn(503, "Error"), web(200, path="/c")],
        ("unknown", "unknown", "weak"),
    ),
    (
        "a CDN's origin answered, and not as the web server behind it logs",
        [cdn(503, "", upstream_status=503), web(200, path="/c")],
        ("unknown", "unknown", "weak"),
    ),
    (
        "what stands between a CDN and the web server waited in vain",
        [cdn(504, "", upstream_status=504), web(499)],
        ("load_balancer", "target_timeout", "strong"),
    ),
    (
        "a CDN that is asked without any other hop between waited in vain",
        [cdn(504, "Error"), web(499, **OPEN)],
        ("cdn", "upstream_timeout", "strong"),
    ),
    (
        "the target answered, and the application has not that request",
        [
            alb(403, 403),
            said(200, path="/c", time=T - timedelta(seconds=9)),
            said(200, path="/d", time=T + timedelta(seconds=9)),
        ],
        ("unknown", "unknown", "weak"),
    ),
    (
        "the target answered, and the web server has not that request",
        [
            alb(403, 403),
            web(200, path="/c", time=T - timedelta(seconds=9)),
            web(200, path="/d", time=T + timedelta(seconds=9)),
        ],
        ("unknown", "unknown", "weak"),
    ),
    (
        "a 503 of which the application says nothing may have many causes",
        [
            error("limiting requests", time=T - timedelta(seconds=60), path="/l"),
            web(503),
            error("limiting requests", time=T + timedelta(seconds=60), path="/l"),
            app("started", hop="application", level="info"),
        ],
        ("web_server", "unknown", "weak"),
    ),
    (
        "PHP-FPM names its script, not the path",
        [
            web(403),
            app("", source="fpm.log", level=None, method="GET", status=403)
            | {"path": "/index.php", "client_ip": "127.0.0.1"},
        ],
        ("application", "application_response", "strong"),
    ),
    (
        "CloudFront's plain error where nothing else is logged",
        [cdn(403, "Error")],
        ("unknown", "unknown", "weak"),
    ),
    (
        "CloudFront cannot connect",
        [cdn(502, "OriginConnectError")],
        ("cdn", "target_connection_error", "strong"),
    ),
    (
        "CloudFront cannot resolve",
        [cdn(502, "OriginDnsError"), web(200, path="/c")],
        ("cdn", "bad_gateway", "strong"),
    ),
    (
        "CloudFront waits in vain",
        [cdn(504, "OriginCommError"), web(499)],
        ("cdn", "upstream_timeout", "strong"),
    ),
    (
        "CloudFront passes its origin's error on",
        [cdn(502, "OriginError"), alb(502)],
        ("load_balancer", "target_connection_error", "certain"),
    ),
    (
        "CloudFront passes a refusal on",
        [cdn(403, "Error"), web(403), error("access forbidden by rule")],
        ("web_server", "access_forbidden", "certain"),
    ),
    (
        "CloudFront's client leaves",
        [cdn(0, "ClientHungUpRequest")],
        ("cdn", "client_closed", "certain"),
    ),
    ("no target", [alb(503, upstream=None)], ("load_balancer", "no_target", "certain")),
    (
        "protocol check",
        [alb(464, action=None, upstream=None)],
        ("load_balancer", "bad_request", "certain"),
    ),
    ("refused", [alb(502)], ("load_balancer", "target_connection_error", "certain")),
    (
        "timeout with a 499 twin",
        [alb(504), web(499)],
        ("load_balancer", "target_timeout", "certain"),
    ),
    (
        "client left, with a 499 twin",
        [alb(460), web(499)],
        ("load_balancer", "client_closed", "certain"),
    ),
    (
        "a cache answered 503 when it had waited, with a 499 twin",
        [alb(503, format="varnish", action=None), web(499)],
        ("load_balancer", "target_timeout", "strong"),
    ),
    ("client left", [web(499)], ("web_server", "client_closed", "certain")),
    (
        "deny rule",
        [alb(403, 403), web(403), error("access forbidden by rule")],
        ("web_server", "access_forbidden", "certain"),
    ),
    (
        "API Gateway's access log and its log of the steps",
        [
            alb(502, upstream=None, action=None, format="api_gateway", trace_id=None)
            | {"request_id": "r-1", "reason": "API_CONFIGURATION_ERROR"},
            alb(502, upstream=None, action=None, format="api_gateway_execution")
            | {"request_id": "r-1", "reason": "API_CONFIGURATION_ERROR"}
            | {"trace_id": None, "source": "execution.log"},
        ],
        ("load_balancer", "bad_gateway", "certain"),
    ),
    (
        "a balancer gives 404 for its target's 200",
        [alb(404, 200)],
        ("load_balancer", "unknown", "strong"),
    ),
    (
        "a firewall within the web server refuses, and both log it",
        [waf(format="signal_sciences", rule="SQLI"), web(403, client_ip="203.0.113.9")],
        ("waf", "waf_rule", "certain"),
    ),
    (
        "a script of the web server refuses",
        [web(403), error("[lua] waf.lua:88: deny(): request blocked, rule: sqli_03")],
        ("web_server", "access_forbidden", "strong"),
    ),
    (
        "a gateway's script finds no server",
        [
            web(503),
            error(
                "[lua] balancers.lua:249: get_balancer(): failure to get a peer from"
                " the ring-balancer"
            ),
        ],
        ("web_server", "no_target", "certain"),
    ),
    (
        "a gateway's script does not know the server's address",
        [
            web(503),
            error(
                "[lua] init.lua:371: execute(): failed the initial dns/balancer resolve"
                " for 'api.svc' with: dns server error: 3 name error"
            ),
        ],
        ("web_server", "bad_gateway", "certain"),
    ),
    (
        "a script of the web server says something else",
        [web(403), error("[lua] cache.lua:8: no entry")],
        ("unknown", "unknown", "weak"),
    ),
    (
        "no file",
        [web(404), error(MISSING)],
        ("web_server", "file_not_found", "certain"),
    ),
    (
        "limit",
        [web(429), error('limiting requests, excess: 1.0 by zone "a"')],
        ("web_server", "rate_limited", "certain"),
    ),
    (
        "upstream silent",
        [web(504, upstream_status=504, upstream="127.0.0.1:8000"), error(SLOW)],
        ("web_server", "upstream_timeout", "certain"),
    ),
    (
        "upstream gone, and no log of it",
        [web(502, upstream_status=502, upstream="127.0.0.1:8000"), error(REFUSED)],
        ("web_server", "upstream_refused", "strong"),
    ),
    (
        "worker killed for its time",
        [web(502), error(CLOSED), app("WORKER TIMEOUT (pid:812)")],
        ("web_server", "worker_timeout", "strong"),
    ),
    (
        "the arbiter's SIGKILL after a time limit is no lack of memory",
        [
            web(502),
            error(CLOSED),
            app("WORKER TIMEOUT (pid:812)"),
            app("Worker (pid:812) was sent SIGKILL! Perhaps out of memory?"),
        ],
        ("web_server", "worker_timeout", "strong"),
    ),
    (
        "worker killed for its memory",
        [
            web(502),
            error(CLOSED),
            app("Out of memory: Killed process 812 (gunicorn)", hop="host"),
        ],
        ("web_server", "out_of_memory", "strong"),
    ),
    *(
        (
            f"a worker that crashed: {line[:30]}",
            [web(502), error(CLOSED), app(line, hop=hop)],
            ("web_server", "worker_crashed", "strong"),
        )
        for hop, line in [
            ("host", "gunicorn[812]: segfault at 0 ip 00007f error 4 in lib.so[7f+1]"),
            ("host", "app.service: Main process exited, code=dumped, status=11/SEGV"),
            ("app_server", "Worker (pid:812) was sent SIGSEGV!"),
            ("app_server", "Worker with pid 812 was terminated due to signal 11"),
            (
                "app_server",
                "[pool www] child 812 exited on signal 11 (SIGSEGV) after 3",
            ),
            ("app_server", "DAMN ! worker 1 (pid: 812) died, killed by signal 11 :("),
            (
                "web_server",
                "AH00052: child pid 812 exit signal Segmentation fault (11)",
            ),
        ]
    ),
    (
        "a worker that is ended for its time is sent SIGABRT, and has not crashed",
        [web(502), error(CLOSED), app("Worker (pid:812) was sent SIGABRT!")],
        ("web_server", "upstream_closed", "certain"),
    ),
    (
        "no boot",
        [web(502), error(REFUSED), app("Reason: Worker failed to boot.")],
        ("web_server", "boot_failed", "strong"),
    ),
    (
        "nginx kept the error",
        [web(404, reason="cached_error"), web(200, upstream="a:1", path="/x")],
        ("web_server", "cached_error", "certain"),
    ),
    (
        "what is forbidden is hidden",
        [alb(404, 404), web(404), error("access forbidden by rule")],
        ("web_server", "access_forbidden", "certain"),
    ),
    (
        "default backend",
        [web(404, upstream_status=404, upstream="127.0.0.1:8181", reason="no_route")],
        ("web_server", "no_route", "strong"),
    ),
    (
        "no route of APISIX fits",
        [
            web(404, format="nginx_apisix", reason="route_not_found"),
            web(200, upstream="a:1", upstream_status=200, path="/x"),
        ],
        ("web_server", "no_route", "strong"),
    ),
    (
        "APISIX has no files",
        [
            web(404, format="nginx_apisix", bytes_sent=70),
            web(200, upstream="a:1", upstream_status=200, path="/x"),
        ],
        ("web_server", "unknown", "strong"),
    ),
    (
        "a plugin of APISIX says which it was",
        [
            web(401, format="nginx_apisix", bytes_sent=64),
            web(200, upstream="a:1", upstream_status=200, path="/x"),
            error(
                "[lua] plugin.lua:9: run_plugin(): key-auth exits with http status"
                " code 401"
            ),
        ],
        ("web_server", "auth_failed", "certain"),
    ),
    (
        "a plugin of APISIX limits, with a status of its settings",
        [
            web(503, format="nginx_apisix", bytes_sent=64),
            web(200, upstream="a:1", upstream_status=200, path="/x"),
            error(
                "[lua] plugin.lua:9: run_plugin(): limit-req exits with http status"
                " code 503"
            ),
        ],
        ("web_server", "rate_limited", "certain"),
    ),
    (
        "nginx names a missing file in its error log, and did not",
        [
            web(404, format="nginx_access"),
            web(200, upstream="a:1", upstream_status=200, path="/x"),
            error("connect() failed (111: x)", path="/y", time=T - MINUTE),
            error("connect() failed (111: x)", path="/y", time=T + MINUTE),
        ],
        ("web_server", "unknown", "strong"),
    ),
    (
        "no pod is ready",
        [
            web(503),
            app('Service "prod/web" does not have any active Endpoint.', hop=None),
        ],
        ("web_server", "no_target", "strong"),
    ),
    (
        "exception",
        [
            alb(500, 500),
            web(500, upstream_status=500, upstream="127.0.0.1:8000"),
            said(
                500,
                message=f"Exception on /app/admin [GET]\n{TRACE}",
                level="error",
            ),
        ],
        ("application", "exception", "certain"),
    ),
    (
        "application refuses, nginx says which",
        [web(403, upstream_status=403, upstream="127.0.0.1:8000")],
        ("application", "application_response", "strong"),
    ),
    (
        "nginx shows another page",
        [web(200, upstream="127.0.0.1:8000", upstream_status=500)],
        ("web_server", "exception", "strong"),
    ),
    (
        "a worker dies, and no error log tells",
        [
            web(502, upstream="127.0.0.1:8000", upstream_status=502),
            app("Out of memory: Killed process 812 (gunicorn)", hop="host"),
        ],
        ("web_server", "out_of_memory", "strong"),
    ),
    (
        "application refuses, nginx says only where it asked",
        [web(403, upstream="127.0.0.1:8000")],
        ("application", "application_response", "strong"),
    ),
    (
        "application refuses, nginx says only how long it waited",
        [web(413, upstream_duration=0.01)],
        ("application", "application_response", "strong"),
    ),
    (
        "a balancer that never says who answered, and no other log",
        [alb(403, format="varnish", action=None, upstream=None)],
        ("unknown", "unknown", "weak"),
    ),
    (
        "nginx found no upstream to ask",
        [web(502), web(200, path="/", upstream_duration=0.01)],
        ("web_server", "bad_gateway", "strong"),
    ),
    (
        "nginx could not use an answer, and a worker had died before",
        [
            web(502),
            said(200, hop="app_server", level=None, message=None),
            app("Worker (pid:812) was sent SIGSEGV!", source="gunicorn.log"),
        ],
        ("web_server", "bad_gateway", "weak"),
    ),
    (
        "nginx refuses silently, and waited for nothing",
        [web(403), web(200, path="/", upstream_duration=0.01)],
        ("web_server", "access_forbidden", "strong"),
    ),
    (
        "an application's log that has the request and no exception",
        [web(500), said(500)],
        ("application", "application_response", "strong"),
    ),
    (
        "application refuses, its own log says so",
        [web(403), said(403)],
        ("application", "application_response", "strong"),
    ),
    (
        "nginx refuses silently, upstream `-`",
        [
            web(403),
            web(200, path="/", upstream_status=200, upstream="127.0.0.1:8000"),
        ],
        ("web_server", "access_forbidden", "strong"),
    ),
    (
        "HAProxy denies",
        [alb(403, **HAPROXY, reason="PR--", upstream=None)],
        ("load_balancer", "access_forbidden", "certain"),
    ),
    (
        "HAProxy without a server",
        [alb(503, **HAPROXY, reason="SC--", upstream=None)],
        ("load_balancer", "no_target", "certain"),
    ),
    (
        "HAProxy waited in vain",
        [alb(504, **HAPROXY, reason="sH--", upstream="app/s1")],
        ("load_balancer", "target_timeout", "certain"),
    ),
    (
        "HAProxy passes on",
        [alb(403, 403, **HAPROXY, reason="----"), web(403), said(403)],
        ("application", "application_response", "strong"),
    ),
    (
        "nginx's own page, and no line says so",
        [web(403, bytes_sent=153), said(200, path="/")],
        ("web_server", "access_forbidden", "weak"),
    ),
    (
        "nginx's own page as it pads it for Chrome, and no line says so",
        [
            web(403, bytes_sent=555, format="nginx_access"),
            said(200, path="/", time=T - timedelta(hours=1)),
        ],
        ("web_server", "access_forbidden", "weak"),
    ),
    (
        "lighttpd's own page, and no line says so",
        [
            web(403, bytes_sent=341, format="apache_access"),
            said(200, path="/", time=T - timedelta(hours=1)),
        ],
        ("web_server", "access_forbidden", "weak"),
    ),
    (
        "the page that Django sends for a 404",
        [
            web(404, bytes_sent=179, format="nginx_access"),
            said(200, path="/", time=T - timedelta(hours=1)),
        ],
        ("application", "application_response", "weak"),
    ),
    (
        "application alone",
        [said(403)],
        ("application", "application_response", "strong"),
    ),
    (
        "a firewall inside the web server",
        [
            web(403),
            error("ModSecurity: Access denied with code 403", method=None),
        ],
        ("web_server", "waf_rule", "certain"),
    ),
    (
        "Caddy's upstream refuses",
        [web(502), error("dial tcp 10.0.1.9:80: connect: connection refused")],
        ("web_server", "upstream_refused", "strong"),
    ),
    (
        "uWSGI kills a worker",
        [
            web(502),
            error(CLOSED),
            app("*** HARAKIRI ON WORKER 1 (pid: 812, try: 1) ***"),
        ],
        ("web_server", "worker_timeout", "strong"),
    ),
    (
        "Puma kills a worker",
        [
            web(502),
            error(CLOSED),
            app("! Terminating timed out worker (worker failed to check in): 830"),
        ],
        ("web_server", "worker_timeout", "strong"),
    ),
    (
        "Unicorn kills a worker",
        [
            web(502),
            error(CLOSED),
            app("worker=0 PID:830 timeout (61s > 60s), killing"),
        ],
        ("web_server", "worker_timeout", "strong"),
    ),
    (
        "a CDN and its firewall, which write no common id",
        [
            alb(403, hop="cdn", action=None, reason="Error", trace_id=None),
            waf(trace_id=None),
        ],
        ("waf", "waf_rule", "certain"),
    ),
    (
        "auth_request fails",
        [
            web(500),
            error("auth request unexpected status: 502 while sending to client"),
        ],
        ("web_server", "auth_failed", "certain"),
    ),
    (
        "an error page in the place of the upstream's",
        [web(503, upstream_status=500)],
        ("web_server", "exception", "strong"),
    ),
    (
        "a target whose web server's log ends before",
        [alb(503, 503), web(200, path="/", time=T - timedelta(hours=2))],
        ("unknown", "unknown", "weak"),
    ),
    (
        "a page in the place of the upstream's that was late",
        [web(200, upstream="127.0.0.1:8000", upstream_status=504)],
        ("web_server", "upstream_timeout", "strong"),
    ),
    (
        "words of refusal, and no log of requests at all",
        [
            said(200, path="/", time=T - timedelta(minutes=1)),
            app("Access denied for bob on /app/admin: no role", hop="application"),
            app("Permission denied: '/srv/app/admin'", hop="application"),
        ],
        ("application", "application_response", "weak"),
    ),
    (
        "a server behind the web server that nothing shows to be a proxy",
        [
            *(
                web(200, path=f"/{n}", time=T + timedelta(seconds=9 * n), **more)
                for n in range(1, 9)
                for more in ({**NGINX, "client_ip": f"203.0.113.{n}"}, BEHIND)
            ),
            web(403, **NGINX),
            web(403, **BEHIND),
            said(200, path="/", time=T - timedelta(hours=1)),
        ],
        ("application", "application_response", "weak"),
    ),
    (
        "PHP's own words in the log of the web server",
        [
            web(500, upstream_status=500, upstream="unix:/run/php.sock"),
            error('FastCGI sent in stderr: "PHP message: PHP Fatal error: x"'),
        ],
        ("application", "exception", "certain"),
    ),
    (
        "a login proxy that nginx asks says no",
        [
            web(403, **NGINX, upstream=None),
            alb(403, path="/oauth2/auth", format="oauth2_proxy", upstream=None)
            | {"action": None, "trace_id": None},
            said(200, path="/", time=T - timedelta(hours=1)),
        ],
        ("web_server", "auth_failed", "strong"),
    ),
    (
        "a platform ends a container that has used up its memory",
        [
            alb(503, 503, format="cloud_run", action=None)
            | {"time": T, "start_time": T, "duration": 9.0, "trace_id": None},
            app(
                "Memory limit of 512 MiB exceeded with 530 MiB used.",
                time=T + timedelta(seconds=9),
            ),
        ],
        ("load_balancer", "out_of_memory", "strong"),
    ),
    (
        "a login proxy that is asked with the id of the request says no",
        [
            web(401, **NGINX, upstream=None, request_id="5f0c1d"),
            alb(401, path="/oauth2/auth", format="oauth2_proxy", upstream=None)
            | {"action": None, "trace_id": None, "request_id": "5f0c1d"},
            said(200, path="/", time=T - timedelta(hours=1)),
        ],
        ("web_server", "auth_failed", "strong"),
    ),
    (
        "a login proxy that another proxy asks says no",
        [
            alb(401, upstream=None, action=None, format="traefik"),
            alb(401, path="/oauth2/auth", format="oauth2_proxy", upstream=None)
            | {"action": None, "trace_id": None},
        ],
        ("load_balancer", "auth_failed", "strong"),
    ),
    *(
        (
            f"an error of the application that names {what}",
            [
                web(503),
                said(200, path="/", time=T - timedelta(hours=1)),
                app(f"pool exhausted while serving {path}", hop="application"),
            ],
            (by, cause, sure),
        )
        for what, path, by, cause, sure in (
            (
                *("the request", "/app/admin"),
                *("application", "application_response", "strong"),
            ),
            ("another", "/app/other", "web_server", "unknown", "weak"),
        )
    ),
    (
        "a refusal that the error log, which covers it, has not",
        [web(403, format="apache_access"), *COMPLAINTS],
        ("unknown", "unknown", "weak"),
    ),
    (
        "a limit, and no log of who enforces it",
        [web(429), said(200, path="/", time=T - timedelta(hours=1))],
        ("unknown", "rate_limited", "weak"),
    ),
    (
        "a limit of which the error log, that was written, has nothing",
        [web(429), said(200, path="/", time=T - timedelta(hours=1)), *COMPLAINTS],
        ("application", "rate_limited", "weak"),
    ),
    (
        "no page, and neither log that would tell whose",
        [web(404), said(200, path="/", time=T - timedelta(hours=1))],
        ("unknown", "unknown", "weak"),
    ),
    (
        "no page, with a body that is not nginx's own",
        [
            web(404, bytes_sent=27, format="nginx_access"),
            said(200, path="/", time=T - timedelta(hours=1)),
        ],
        ("application", "application_response", "weak"),
    ),
    *(
        (
            f"the application's own word: {words}",
            [web(status), app(words, hop="application", level="warning")],
            ("application", cause, sure),
        )
        for words, status, sure in (
            ("Permission denied: user=alice path=/app/admin", 403, "strong"),
            ("CSRF token missing for https://example.com/app/admin", 403, "strong"),
            ("Authentication failed for user bob", 401, "weak"),
            ("Invalid token: signature has expired", 401, "weak"),
            ("Account bob is locked after 5 attempts", 403, "weak"),
            ('type="LOGIN_ERROR", realmId="9ab", clientId="web"', 400, "weak"),
            ("Rate limit exceeded for key 42", 429, "weak"),
        )
        for cause in ["rate_limited" if status == 429 else "application_response"]
    ),
    *(
        (
            f"no word of refusal: {words}",
            [web(status), app(words, hop=hop, level="warning")],
            (by, cause, "weak"),
        )
        for words, status, hop, by, cause in (
            ("Permission denied: path=/x", 403, "application", "unknown", "unknown"),
            ("Failed password for root", 403, "application", "unknown", "unknown"),
            ("Rate limit of 10", 429, "application", "unknown", "rate_limited"),
            ("Authentication failed", 401, None, "web_server", "auth_failed"),
        )
    ),
    (
        "error log alone",
        [error("access forbidden by rule")],
        ("web_server", "access_forbidden", "certain"),
    ),
]


@pytest.mark.parametrize(
    ("rows", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_who_answered(
    rows: list[dict[str, Any]], expected: tuple[str, str, str]
) -> None:
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    errors = found.filter(pl.col("path") == "/app/admin")
    assert errors.schema == pl.Schema(REQUEST)
    assert errors.height == 1
    row = errors.row(0, named=True)
    assert (row["answered_by"], row["cause"], row["confidence"]) == expected
    assert row["evidence"]
    assert row["explanation"].endswith(".")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (app("WORKER TIMEOUT (pid:812)"), "the application server's line"),
        (app("Out of memory: Killed process 812 (gunicorn)", hop="host"), "the host's"),
    ],
    ids=["gunicorn", "kernel"],
)
def test_who_names_the_reason(line: dict[str, Any], named: str) -> None:
    found = correlate(events(web(502), error(CLOSED), line), NO_CLOCKS, NO_SOURCES)
    text = found["explanation"][0]
    assert f"{named}" in text
    assert "names this request and the reason" not in text


def test_the_rule_is_named_and_the_outermost_record_stands_first() -> None:
    found = correlate(
        events(web(200, path="/"), alb(403, action="waf", upstream=None), waf()),
        NO_CLOCKS,
        NO_SOURCES,
    )
    row = found.row(0, named=True)
    assert row["rule"] == "AdminProtection_URIPATH"
    assert [line["hop"] for line in row["evidence"]] == ["waf", "load_balancer"]


def test_one_record_is_the_partner_of_one_request() -> None:
    """Two 502s and one nginx row: the second had no nginx row at all."""
    second = alb(502, trace_id="1-b", time=T + timedelta(seconds=1), line=9, offset=900)
    row = web(502, upstream_status=502, upstream="127.0.0.1:8000")
    found = correlate(
        events(alb(502, 502), row, error(REFUSED), second), NO_CLOCKS, NO_SOURCES
    )
    assert found["answered_by"].to_list() == ["web_server", "load_balancer"]
    assert [len(lines) for lines in found["evidence"].to_list()] == [3, 1]


def test_a_clock_that_is_ahead_is_set_back() -> None:
    late = timedelta(seconds=37)
    rows = events(
        alb(403, 403),
        web(403, time=T.replace(microsecond=0) + late),
        error("access forbidden by rule", time=T.replace(microsecond=0) + late),
    )
    assert correlate(rows, NO_CLOCKS, NO_SOURCES).height == 2
    spans = [
        {"source": name, "stamp": "event", "skew": 37.0}
        for name in ("nginx/access.log", "nginx/error.log")
    ]
    found = correlate(rows, pl.from_dicts(spans, schema=CLOCK), NO_SOURCES)
    assert found.height == 1
    assert found["cause"].to_list() == ["access_forbidden"]


@pytest.mark.parametrize("line", [7, 30], ids=["ahead", "right again"])
def test_a_clock_that_was_set_right_in_between_is_right_from_there(line: int) -> None:
    late = timedelta(seconds=95 if line < 25 else 0)
    rows = events(
        alb(403, 403), web(403, time=T.replace(microsecond=0) + late, line=line)
    )
    log = {"source": "nginx/access.log", "stamp": "event"}
    bounds = {"skew_low": -0.7, "skew_high": 0.65}
    spans = [
        log | {"first_line": 1, "last_line": 24, "skew": 95.0},
        log | {"first_line": 25, "last_line": 42, "skew": -0.02} | bounds,
    ]
    found = correlate(rows, pl.from_dicts(spans, schema=CLOCK), NO_SOURCES)
    assert found["evidence"].list.len().to_list() == [2]


def test_a_log_without_a_skew_of_its_own_has_that_of_its_machine() -> None:
    """One line of error.log shares no requests with the load balancer's log."""
    late = T.replace(microsecond=0) + timedelta(seconds=37)
    rows = events(
        alb(403, 403),
        web(403, time=late),
        error("access forbidden by rule", time=late),
    )
    spans: list[dict[str, Any]] = [
        {"source": "nginx/access.log", "stamp": "event", "skew": 37.0},
        {"source": "nginx/error.log", "stamp": "event", "skew": None},
    ]
    found = correlate(rows, pl.from_dicts(spans, schema=CLOCK), NO_SOURCES)
    assert found["cause"].to_list() == ["access_forbidden"]


def test_a_skew_between_bounds_that_allow_for_none_is_none() -> None:
    """One request a second fits its error line at several leads alike."""
    limit = 'limiting requests, excess: 1.0 by zone "a"'
    times = [T.replace(microsecond=0) + timedelta(seconds=n) for n in range(9)]
    rows = [row for t in times for row in (web(503, time=t), error(limit, time=t))]
    span = {"source": "nginx/error.log", "stamp": "event", "skew": -1.0}
    clocks = pl.from_dicts([span | {"skew_low": -2.0, "skew_high": 0.0}], CLOCK)
    found = correlate(events(*rows), clocks, NO_SOURCES)
    assert found["cause"].to_list() == ["rate_limited"] * 9


def test_the_time_limit_is_shown_not_the_traceback_it_led_to() -> None:
    rows = events(
        web(502, upstream="unix:/run/gunicorn.sock", upstream_status=502),
        error("upstream prematurely closed connection while reading response header"),
        app("WORKER TIMEOUT (pid:812)", level="critical"),
        app(
            "Error handling request /app/admin\nTraceback (most recent call last):\n"
            "SystemExit: 1",
            path="/app/admin",
            pid=812,
        ),
    )
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert row["cause"] == "worker_timeout"
    assert 3 in [line["line"] for line in row["evidence"]]


def test_the_kernel_s_word_is_shown_not_the_arbiter_s() -> None:
    killed = "Out of memory: Killed process 812 (gunicorn) total-vm:1kB, anon-rss:1kB"
    rows = events(
        web(502, upstream="unix:/run/gunicorn.sock", upstream_status=502),
        error("upstream prematurely closed connection while reading response header"),
        app(killed, hop="host", process="kernel", pid=None),
        app("Worker (pid:812) was sent SIGKILL! Perhaps out of memory?"),
    )
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert row["cause"] == "out_of_memory"
    assert [line["line"] for line in row["evidence"]] == [1, 2, 3]


@pytest.mark.parametrize(("folder", "says"), [("web1", True), ("web2", False)])
def test_the_error_log_of_another_machine_says_nothing(folder: str, says: bool) -> None:
    other = [
        error(
            MISSING, source="web1/error.log", path=f"/{n}", time=T + timedelta(hours=n)
        )
        for n in (-1, 1)
    ]
    asked = web(403, source=f"{folder}/access.log")
    rows = events(*other, asked, web(200, source="web1/access.log", path="/"))
    found = correlate(rows, NO_CLOCKS, NO_SOURCES).filter(path="/app/admin")
    assert ("error log covers" in found["explanation"][0]) == says


@pytest.mark.parametrize(
    ("program", "folder", "hostname", "cause"),
    [
        ("gunicorn", "syslog", "web1", "out_of_memory"),
        ("gunicorn", "var-log", "db1", "out_of_memory"),
        # Folders with the names of hosts are machines.
        ("gunicorn", "db1", "db1.example.com", "upstream_closed"),
        # No web server sends requests to it.
        ("mysqld", "syslog", "web1", "upstream_closed"),
    ],
)
def test_whose_death_breaks_a_request(
    program: str, folder: str, hostname: str, cause: str
) -> None:
    killed = f"Out of memory: Killed process 812 ({program}) total-vm:1kB"
    rows = events(
        web(502, source="web1/access.log"),
        error(
            "upstream prematurely closed connection while reading response header",
            source="web1/error.log",
        ),
        app(killed, hop="host", source=f"{folder}/messages", hostname=hostname),
    )
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("web_server", cause)


def test_a_failed_try_that_the_client_never_saw_is_no_error() -> None:
    rows = events(
        alb(200, 200),
        web(200, upstream_status=200, upstream="127.0.0.1:8000"),
        error(REFUSED),
    )
    assert correlate(rows, NO_CLOCKS, NO_SOURCES).is_empty()


def test_a_health_check_misses_no_load_balancer() -> None:
    check = web(503, user_agent="ELB-HealthChecker/2.0", upstream_status=503)
    found = correlate(events(check), NO_CLOCKS, NO_SOURCES)
    assert found["missing"].to_list() == [["application"]]
    other = web(503, upstream_status=503)
    found = correlate(events(other), NO_CLOCKS, NO_SOURCES)
    assert found["missing"].to_list() == [["load_balancer", "application"]]


def test_a_copy_of_a_file_counts_once() -> None:
    copies = pl.from_dicts(
        [{"source": "copy/access.log", "duplicate_of": "nginx/access.log"}],
        schema=SOURCE,
    )
    rows = events(web(404), web(404, source="copy/access.log"))
    assert correlate(rows, NO_CLOCKS, copies).height == 1


def test_lines_that_the_next_rotation_has_too_count_once() -> None:
    """Logrotate's copytruncate; a client may ask twice in one second all the same."""
    rows = [web(502, source="a.log.1"), web(502, source="a.log.1"), web(502)]
    again = [row | {"source": "a.log"} for row in rows[:2]]
    for n, row in enumerate([*rows, *again]):
        row |= {"line": n + 1, "offset": n * 100}
    assert correlate(events(*rows, *again), NO_CLOCKS, NO_SOURCES).height == 3


def test_lines_that_another_hosts_log_has_too_count_each() -> None:
    rows = [web(502, source=f"web-{n // 2}", line=n, offset=n * 100) for n in range(4)]
    assert correlate(events(*rows), NO_CLOCKS, NO_SOURCES).height == 4


@pytest.mark.parametrize(
    "text",
    [
        "- ArgumentError - no stock for sku 9:\n\t/srv/config.ru:15:in `call'",
        "[Recovery] 2025/02/06 - 14:32:07 panic recovered:\nGET /app/admin HTTP/1.1",
    ],
    ids=["Sinatra", "Gin"],
)
def test_what_ruby_and_go_throw_is_an_exception(text: str) -> None:
    thrown = {"source": "go.log", "time": T, "message": text, "format": "generic_log"}
    row = correlate(events(web(500), thrown), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("application", "exception")
    assert [line["source"] for line in row["evidence"]][-1] == "go.log"


def test_an_audit_log_is_no_server_in_front() -> None:
    def seen(number: int) -> list[dict[str, Any]]:
        time = T + timedelta(seconds=20 * number)
        row = web(403, time=time, path=f"/app/{number}", **BEHIND)
        audit = {"source": "apache2/audit.log", "format": "modsec_audit"}
        return [row, row | audit | {"client_ip": f"203.0.113.{number}"}]

    rows = [row for number in range(8) for row in seen(number)]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    assert found.height == 8
    assert found["answered_by"].unique().to_list() == ["web_server"]


def test_apache_s_silence_of_a_missing_file_is_no_word_for_another() -> None:
    grave = error("AH01797: client denied", source="apache2/error.log", path="/x")
    rows = [grave, error("again", source="apache2/error.log", time=T + MINUTE)]
    behind = [app(text, hop="application") for text in ("it is up", "and running")]
    apache = {"format": "apache_access", "source": "apache2/access.log"}
    for path, who in (("/gone", "unknown"), ("/gone.php", "application")):
        asked = web(410, path=path, **apache)
        found = correlate(events(asked, *rows, *behind), NO_CLOCKS, NO_SOURCES)
        row = found.filter(pl.col("path") == path).row(0, named=True)
        assert row["answered_by"] == who


def test_two_logs_that_one_server_writes_are_one() -> None:
    def both(number: int, status: int) -> list[dict[str, Any]]:
        time = T.replace(microsecond=0) + timedelta(seconds=number)
        seen = {"path": f"/app/{number}", "client_ip": "203.0.113.9"}
        known = {"upstream": "127.0.0.1:8000", "upstream_status": status}
        plain = web(status, time=time, bytes_sent=555, **seen)
        more = {"source": "nginx/access.json", "duration": 0.2, **known}
        exact = time + timedelta(milliseconds=250)
        return [plain, web(status, time=exact, **seen, **more)]

    rows = [row for number in range(24) for row in both(number, 200)]
    found = correlate(events(*rows, *both(24, 403)), NO_CLOCKS, NO_SOURCES)
    assert found.height == 1
    row = found.row(0, named=True)
    assert row["answered_by"] == "application"
    assert [line["source"] for line in row["evidence"]] == ["nginx/access.json"]
    # One request that only one of them has: then they are two servers.
    alone = [web(200, path="/alone", client_ip="203.0.113.9")]
    parted = correlate(events(*rows, *alone, *both(24, 403)), NO_CLOCKS, NO_SOURCES)
    sources = {line["source"] for row in parted.to_dicts() for line in row["evidence"]}
    assert len(sources) == 2


def test_a_proxy_beside_its_server_is_no_twin_of_it() -> None:
    """The same clients, seconds and sizes: only how long it took tells them apart."""

    def both(number: int, status: int) -> list[dict[str, Any]]:
        time = T.replace(microsecond=0) + timedelta(seconds=number)
        seen = {"path": f"/app/{number}", "client_ip": "203.0.113.9", "time": time}
        took = {"duration": 0.2 + number / 1000, "upstream_duration": 0.19}
        outer = web(status, source="logs/front.log", **seen, **took)
        return [outer, web(status, source="logs/back.log", duration=0.18, **seen)]

    rows = [row for number in range(24) for row in both(number, 200)]
    found = correlate(events(*rows, *both(24, 403)), NO_CLOCKS, NO_SOURCES)
    sources = {line["source"] for row in found["evidence"] for line in row}
    assert sources == {"logs/front.log", "logs/back.log"}


def test_all_requests_keeps_what_succeeded() -> None:
    rows = events(web(200), web(404, path="/x"))
    assert correlate(rows, NO_CLOCKS, NO_SOURCES).height == 1
    assert correlate(rows, NO_CLOCKS, NO_SOURCES, all_requests=True).height == 2


def test_nothing_in_nothing_out() -> None:
    found = correlate(pl.LazyFrame(schema=EVENT), NO_CLOCKS, NO_SOURCES)
    assert found.is_empty()
    assert found.schema == pl.Schema(REQUEST)


def test_equal_requests_that_ended_differently_are_not_certain() -> None:
    """The server refused one and the application the other: whose is which is open."""
    rows = [web(403), error("access forbidden by rule"), web(403), said(403)]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    assert found.height == 2
    assert "certain" not in found["confidence"].cast(pl.String).to_list()
    assert found["explanation"].str.contains("may be exchanged").all()


def test_what_an_outer_hop_ended_is_not_exchanged_with_what_came_through() -> None:
    """Of the WAF's own answers no inner log has a line."""
    other = {"trace_id": "1-67a44957-ffffffffffffffffffffffff"}
    late: dict[str, Any] = {"time": T + timedelta(milliseconds=300), **other}
    late["client_ip"] = "203.0.113.77"
    rows = [alb(403, 403), web(403), said(403), waf(**late)]
    rows.append(alb(403, action="waf", upstream=None, **late))
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).sort("client_ip")
    assert found["answered_by"].to_list() == ["waf", "application"]
    assert found["confidence"].to_list() == ["certain", "strong"]


def test_requests_of_two_clients_whose_lines_name_them_are_not_exchanged() -> None:
    failures = {
        "203.0.113.3": "connect() failed (111: Connection refused) while connecting",
        "203.0.113.4": "upstream prematurely closed connection while reading response",
    }
    rows = []
    for client, words in failures.items():
        rows += [web(502, client_ip=client), error(words, client_ip=client)]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).sort("client_ip")
    assert found["cause"].to_list() == ["upstream_refused", "upstream_closed"]
    assert not found["explanation"].str.contains("may be exchanged").any()


def test_a_line_of_nginx_is_not_about_an_answer_of_its_upstream() -> None:
    passed = {"upstream_status": 403, "upstream": "127.0.0.1:8000"}
    rows = [web(403, **passed), error("access forbidden by rule"), web(403)]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    causes = {row["evidence"][0]["line"]: row["cause"] for row in found.to_dicts()}
    assert causes == {1: "application_response", 3: "access_forbidden"}


def test_a_record_that_was_delivered_twice_counts_once() -> None:
    rows = events(waf(), waf(source="waf-again.log"))
    assert correlate(rows, NO_CLOCKS, NO_SOURCES).height == 1
    # A query's result has the columns that somebody chose.
    whole = waf(rule_group="AWS#AWSManagedRulesCommonRuleSet")
    bare = waf(source="waf-again.log", rule_group=None)
    assert correlate(events(whole, bare), NO_CLOCKS, NO_SOURCES).height == 1
    ahead = [{"source": "waf-again.log", "stamp": "event", "skew": 0.2}]
    skewed = pl.from_dicts(ahead, schema=CLOCK)
    assert correlate(rows, skewed, NO_SOURCES).height == 1
    later = waf(time=T + timedelta(seconds=1))
    assert correlate(events(waf(), later), NO_CLOCKS, NO_SOURCES).height == 2


def test_a_response_without_a_path_answers_the_worker_s_last_request() -> None:
    asked = {
        **said(403),
        "status": None,
        "message": "Request: GET /app/admin",
        "pid": 7,
    }
    other = {**asked, "message": "Request: GET /x", "path": "/x", "pid": 8}
    told = said(403, path=None, method=None, pid=7)
    found = correlate(events(web(403), asked, other, told), NO_CLOCKS, NO_SOURCES)
    assert found.height == 1
    row = found.row(0, named=True)
    assert row["answered_by"] == "application"
    assert [line["line"] for line in row["evidence"]] == [1, 4]


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ({"source": "edge/access.log"}, {"source": "web/access.log"}),
        (
            {"source": "compose.log", "process": "edge-1"},
            {"source": "compose.log", "process": "web-1"},
        ),
    ],
    ids=["two logs", "two services in one log"],
)
def test_a_proxy_behind_a_proxy_is_one_request(
    outer: dict[str, str], inner: dict[str, str]
) -> None:
    rows = []
    for number in range(12):
        at = {"time": T + timedelta(seconds=10 * number), "path": f"/p/{number}"}
        status = 403 if number == 5 else 200
        user = f"203.0.113.{number}"
        rows.append(
            web(
                status,
                client_ip=user,
                client_scope="public",
                **outer,
                **at,
            )
        )
        rows.append(web(status, **inner, **at))
    moment = T + timedelta(seconds=50)
    rule = error(
        "access forbidden by rule", source="web/error.log", time=moment, path="/p/5"
    )
    found = correlate(events(*rows, rule), NO_CLOCKS, NO_SOURCES)
    assert found.height == 1
    row = found.row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("web_server", "access_forbidden")
    assert row["client_ip"] == "203.0.113.5"
    sources = [line["source"] for line in row["evidence"]]
    assert sources == [outer["source"], inner["source"], "web/error.log"]


def test_of_two_proxies_with_one_client_the_inner_is_asked_in_http_1_0() -> None:
    rows = []
    for number in range(12):
        at = {"time": T + timedelta(seconds=10 * number), "path": f"/p/{number}"}
        status = 403 if number == 5 else 200
        rows.append(web(status, source="b/access.log", http_version="1.1", **at))
        rows.append(web(status, source="c/access.log", http_version="1.0", **at))
    row = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    sources = [line["source"] for line in row["evidence"]]
    assert sources == ["b/access.log", "c/access.log"]


@pytest.mark.parametrize(("paths", "requests"), [(6, 1), (1, 2)])
def test_requests_that_come_again_show_a_proxy_too(paths: int, requests: int) -> None:
    """Few pages that are asked for now and then; one that a monitor asks of both."""
    rows = []
    for number in range(36):
        at = {
            "time": T + timedelta(minutes=20 * number),
            "path": f"/p/{number % paths}",
        }
        rows.append(web(200, source="edge/access.log", **OPEN, **at))
        rows.append(web(200, source="web/access.log", **at))
    late = {"time": T + timedelta(minutes=35)}
    rows += [web(403, source="edge/access.log", **OPEN, **late)]
    rows += [web(403, source="web/access.log", **late)]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    assert found.height == requests


@pytest.mark.parametrize("status", [206, 302])
def test_what_a_web_server_has_itself(status: int) -> None:
    rows = [
        web(status),
        web(200, path="/", upstream_status=200, upstream="127.0.0.1:8000"),
        web(408, method=None, path=None, time=T + timedelta(minutes=9)),
    ]
    every = correlate(events(*rows), NO_CLOCKS, NO_SOURCES, all_requests=True)
    found = every.filter(pl.col("status") == status).row(0, named=True)
    cause = "redirect" if status == 302 else "served_itself"
    assert (found["answered_by"], found["cause"]) == ("web_server", cause)
    text = every.filter(pl.col("status") == 408)["explanation"][0]
    assert text.startswith("The web server answered an unreadable request with 408")


def test_a_firewall_inside_the_web_server_names_its_rule() -> None:
    text = 'ModSecurity: Access denied with code 403 (phase 2). [id "949110"]'
    found = correlate(events(web(403), error(text)), NO_CLOCKS, NO_SOURCES)
    assert found["rule"].to_list() == ["949110"]


@pytest.mark.parametrize(
    "text",
    [
        "request failed\njava.lang.NullPointerException: null\n\tat shop.Orders.show",
        "TypeError: x is undefined\n    at show (/srv/app/orders.js:12:9)",
        "TypeError: x is undefined\n    at /srv/app/orders.js:12:9",
        "NoMethodError (undefined method 'total' for nil):",
        "ActionView::Template::Error (undefined local variable):",
        "  \n[0a1b-2c] ActiveRecord::StatementInvalid (PG::DiskFull: none\n[0a1b-2c]",
    ],
    ids=["Java", "JavaScript", "nameless JavaScript", "Ruby", "Rails", "tagged Rails"],
)
def test_exceptions_of_other_languages(text: str) -> None:
    failed = app(text, hop="application", level="error")
    found = correlate(events(web(500), failed), NO_CLOCKS, NO_SOURCES)
    row = found.row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("application", "exception")
    assert row["confidence"] == "strong"


@pytest.mark.parametrize(
    "line",
    [
        app("request failed", hop="application", reason="exception"),
        app(f"oops\n{TRACE}", hop=None),
        app("shop.OrderError: no such order", hop=None),
    ],
    ids=["a field of its own holds it", "only its stamps are known", "a line alone"],
)
def test_an_exception_needs_no_known_log(line: dict[str, Any]) -> None:
    row = correlate(events(web(500), line), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("application", "exception")


def test_a_task_of_a_queue_is_no_request() -> None:
    task = app(f"Task shop.sync[ab-1] raised unexpected: KeyError('x')\n{TRACE}")
    row = correlate(events(web(500), task), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert row["confidence"] == "weak"
    assert len(row["evidence"]) == 1


@pytest.mark.parametrize(("status", "by"), [(500, "application"), (502, "web_server")])
def test_nginx_s_own_page_speaks_against_a_traceback(status: int, by: str) -> None:
    rows = events(web(status, bytes_sent=177 if status == 500 else 157), app(TRACE))
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["confidence"]) == (by, "weak")


def test_an_access_line_within_syslog_is_a_response() -> None:
    """What comes with a priority has a level, the access log's lines too."""
    found = correlate(events(web(403, level="info")), NO_CLOCKS, NO_SOURCES)
    assert found["status"].to_list() == [403]


def test_a_fixed_503_is_no_limit() -> None:
    """Nginx writes down whom it limits, unless its error log is not there to show."""
    own = web(503, upstream_status=None, upstream=None)
    asked = web(200, upstream_status=200, upstream="127.0.0.1:8000", path="/x")
    hour = timedelta(hours=1)
    around = [error("x", time=T - hour), error("y", time=T + hour)]
    shown = correlate(events(own, asked, *around), NO_CLOCKS, NO_SOURCES)
    alone = correlate(events(own, asked), NO_CLOCKS, NO_SOURCES)
    assert [*shown["cause"], *alone["cause"]] == ["fixed_response", "unknown"]
    limit = error('limiting requests, excess: 20.5 by zone "one"')
    limited = correlate(events(own, asked, *around, limit), NO_CLOCKS, NO_SOURCES)
    assert limited["cause"].to_list() == ["rate_limited"]


def test_why_an_application_said_no_is_told_in_its_words() -> None:
    """By the id that its proxy gave, or at that moment; beside its own record, too."""
    uuid = "93bb573e-d5b1-408c-a079-f4b84672d69c"
    front = alb(403, 403, request_id=uuid, action=None, format="heroku_router")
    own = {"hop": "application", "source": "app.log", "path": None}
    host = app("Blocked hosts: new.example.com", request_id=uuid, **own)
    row = correlate(events(front, host), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["confidence"]) == ("application", "strong")
    for status, line in (
        (429, "ratelimit 30 per 1 minute (203.0.113.9) exceeded at endpoint: x"),
        (400, "exception 771 139 Invalid HTTP_HOST header: 'new.example.com'."),
    ):
        rows = [web(status, upstream_status=status, upstream="a:1"), app(line, **own)]
        row = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).row(0, named=True)
        assert line.strip(".") in row["explanation"]


def test_an_error_that_names_its_path_is_sought_while_the_request_ran() -> None:
    """Apache stamps the start: what waited half a minute failed later."""
    start = web(500, format="apache_access", source="apache/access.log")
    late = start["time"] + timedelta(seconds=30)
    text = "request /app/admin failed\na.b.PoolException: no\n\tat a.b.C(C.java:1)"
    own = {"hop": "application", "source": "app.log", "path": None, "time": late}
    rows = events(start, app(text, **own))
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("application", "exception")
    other = events(start, app(text.replace("/app/admin", "/x"), **own))
    row = correlate(other, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert row["cause"] != "exception"


def test_an_exception_beside_a_500_of_iis_is_told() -> None:
    start = web(500, format="iis", source="iis.log")
    text = "Unhandled exception\nSystem.X.SqlException (0x8): Timeout\n   at A.B()"
    own = {"hop": "application", "source": "app.log", "path": None}
    rows = events(start, app(text, **own))
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["confidence"], "SqlException" in row["explanation"]) == ("strong", True)


def test_a_request_that_lasted_for_minutes_keeps_its_row() -> None:
    """Its start, its end and what stands behind it are far apart."""
    slow = web(504, duration=300.0, start_time=T - timedelta(seconds=300))
    behind = said(200, time=T - timedelta(seconds=225))
    found = correlate(events(slow, behind), NO_CLOCKS, NO_SOURCES)
    assert 504 in found["status"].to_list()


def test_what_stands_below_a_request_of_uwsgi_is_of_the_next_one() -> None:
    """It prints a traceback first, and the request when that has ended."""
    own = {"hop": "app_server", "source": "uwsgi.log", "format": "uwsgi", "path": "/x"}
    before = said(200, **own, message="GET /x => generated\n" + TRACE, lines=4)
    failed = said(500, **own | {"path": "/y"}, line=5, offset=500)
    rows = events(web(500, path="/y"), before | {"line": 1, "offset": 0}, failed)
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["path"], row["cause"]) == ("/y", "exception")


@pytest.mark.parametrize(
    ("source", "by"),
    [
        ("tomcat9/logs/localhost_access_log.2025-02-06.txt", "application"),
        ("domains/prod/servers/ms1/logs/access.log", "application"),
        ("nginx/access.log", "web_server"),
    ],
)
def test_what_an_application_server_logs_is_known_by_its_name(
    source: str, by: str
) -> None:
    """Its access log looks like that of any web server."""
    rows = events(web(413, source=source), web(200, source=source, path="/x"))
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert row["answered_by"] == by


def test_the_exception_that_monolog_puts_into_its_context_is_told() -> None:
    text = (
        'SQLSTATE[42S22]: Column not found {"userId":12,"exception":"[object]'
        " (Illuminate\\\\QueryException(code: 42S22): at /a.php:829)\n[stacktrace]"
    )
    own = {"hop": "application", "source": "laravel.log", "path": None}
    row = correlate(events(web(500), app(text, **own)), NO_CLOCKS, NO_SOURCES)
    found = row.row(0, named=True)
    assert found["cause"] == "exception"
    assert "(SQLSTATE[42S22]: Column not found)" in found["explanation"]


def test_each_of_a_burst_has_its_own_line() -> None:
    """Also where all went over one connection, and seconds have unlike numbers."""
    limit = '*7 limiting requests, excess: 20.5 by zone "one"'
    stamps = [T.replace(microsecond=0) + timedelta(seconds=n) for n in (0, 1, 2)]
    times = [time for n, time in zip((8, 10, 9), stamps, strict=True) for _ in range(n)]
    lines = [row for t in times for row in (web(503, time=t), error(limit, time=t))]
    found = correlate(events(*lines), NO_CLOCKS, NO_SOURCES)
    assert found["cause"].to_list() == ["rate_limited"] * 27


def test_a_body_that_nginx_may_not_put_aside_is_its_own_failure() -> None:
    file = "/var/lib/nginx/body/0000000012"
    denied = error(f'*7 open() "{file}" failed (13: Permission denied)', level="crit")
    row = correlate(events(web(500), denied), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("web_server", "configuration_error")


@pytest.mark.parametrize("what", ["rejected request", "sent goaway"])
def test_a_grpc_server_that_resets_the_stream_is_a_bad_gateway(what: str) -> None:
    reset = error(f"*7 upstream {what} with error 2", reason="invalid_response")
    row = correlate(events(web(502), reset), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("web_server", "bad_gateway")


def test_a_route_that_does_not_exist_is_no_exception() -> None:
    text = 'ActionController::RoutingError (No route matches [GET] "/x"):'
    failed = app(text, hop="application", level="error")
    found = correlate(events(web(502), failed), NO_CLOCKS, NO_SOURCES)
    assert found["cause"].to_list() != ["exception"]


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (403, r"Symfony\Component\HttpKernel\Exception\AccessDenied", "weak"),
        (404, r"Symfony\Component\HttpKernel\Exception\NotFound", "strong"),
        (500, r"Doctrine\DBAL\Exception\Connection", "strong"),
    ],
)
def test_what_a_framework_throws_to_refuse_is_a_refusal(
    status: int, text: str, expected: str
) -> None:
    """By its path where it names one; the file in which it was thrown is none."""
    asked = ' for "GET https://example.com/app/admin"' if status == 404 else ""
    text = f'Uncaught PHP Exception {text}HttpException: "No{asked}" at A.php line 7'
    text += ' {"exception":"[object] (x at /var/www/A.php:7)"}'
    failed = app(text, hop="application", level="error", source="prod.log")
    found = correlate(events(web(status), failed), NO_CLOCKS, NO_SOURCES)
    row = found.row(0, named=True)
    cause = "exception" if status == 500 else "application_response"
    told = ("application", cause, expected)
    assert (row["answered_by"], row["cause"], row["confidence"]) == told
    assert [line["hop"] for line in row["evidence"]] == ["web_server", "application"]


@pytest.mark.parametrize("what", ["'https://a.example' origin is", "HTTP 'PUT' is"])
def test_what_spring_says_of_a_browser_s_request_from_elsewhere(what: str) -> None:
    """The application logs its requests, but not those that it refuses so."""
    said = app(f"Reject: {what} not allowed", hop="application", level="debug")
    own = {"source": "app.log", "hop": "application", "path": "/x", "status": 200}
    logged = [
        web(200)
        | own
        | {"line": n, "offset": 900 + n, "time": T + timedelta(seconds=n - 40)}
        for n in range(80)
    ]
    found = correlate(events(web(403), said, *logged), NO_CLOCKS, NO_SOURCES)
    row = found.row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("application", "application_response")


def test_the_class_of_a_refusal_tells_the_status_that_no_log_has() -> None:
    text = (
        "Resolved [org.springframework.web.HttpRequestMethodNotSupportedException: x]"
    )
    failed = app(text, hop="application", level="warning")
    row = correlate(events(failed), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["status"], row["answered_by"]) == (405, "application")
    assert (row["cause"], row["confidence"]) == ("application_response", "weak")


def test_a_refusal_of_its_status_is_known_in_a_log_of_which_nothing_is() -> None:
    """Express prints what it answers with 404; two requests ended at that moment."""
    thrown = app("NotFoundError: Not Found\n    at /app/app.js:27:8", hop=None)
    rows = [web(403, path="/a"), web(404), thrown | {"format": "generic_log"}]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    lines = dict(zip(found["status"], found["evidence"].list.len(), strict=True))
    assert lines == {403: 1, 404: 2}


def test_threads_of_one_process_do_not_mix_up_their_requests() -> None:
    """Two requests that overlap: the ids say which answer belongs to which."""
    common: dict[str, Any] = {"hop": "application", "pid": 7, "source": "app.log"}
    lines: list[dict[str, Any]] = [
        {
            "path": "/app/admin",
            "method": "GET",
            "request_id": "a",
            "message": "Started",
        },
        {"path": "/quick", "method": "GET", "request_id": "b", "message": "Started"},
        {"status": 500, "request_id": "a"},
        {"status": 200, "request_id": "b"},
    ]
    rows = [common | line | {"time": T} for line in lines]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    assert found["path"].to_list() == ["/app/admin"]


def test_the_steps_of_a_gateway_s_execution_are_one_answer() -> None:
    """Steps of two requests lie between one another; only the last has a status."""
    steps: list[dict[str, Any]] = [
        {"request_id": "a", "method": "GET", "path": "/app/admin"},
        {"request_id": "b", "method": "GET", "path": "/quick"},
        {"request_id": "a", "reason": "INTEGRATION_TIMEOUT"},
        {"request_id": "b", "status": 200},
        {"request_id": "a", "status": 504},
    ]
    common: dict[str, Any] = {"hop": "load_balancer", "source": "exec.log", "time": T}
    common |= {"format": "api_gateway_execution", "message": "step"}
    rows = [common | step | {"offset": i} for i, step in enumerate(steps)]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    assert found.select("path", "status", "cause", "confidence").rows() == [
        ("/app/admin", 504, "target_timeout", "certain")
    ]


def test_a_rule_of_the_listener_is_no_rule_of_the_firewall() -> None:
    record = alb(403, action="waf", upstream=None, rule="7")
    found = correlate(events(record), NO_CLOCKS, NO_SOURCES)
    assert found["cause"].to_list() == ["waf_rule"]
    assert found["rule"].to_list() == [None]


APACHE = {"source": "apache2/access.log", "format": "apache_access", "bytes_sent": 341}


def test_apache_writes_why_after_it_has_waited() -> None:
    """Its access line has the stamp of the start, its summary no reason of its own."""
    late = {"source": "apache2/error.log", "time": T + timedelta(seconds=60)}
    late |= {"path": None, "method": None, "pid": 7}
    expired = "(70007)The timeout specified has expired: AH01102: error reading status"
    found = correlate(
        events(
            web(502, **APACHE, path="/api/slow"),
            error(
                f"{expired} line from remote server localhost:8080",
                **late | {"reason": "upstream_timed_out"},
            ),
            error(
                "AH00898: Error reading from remote server returned by /api/slow",
                **late | {"offset": 900, "reason": "upstream_failed"},
            ),
        ),
        NO_CLOCKS,
        NO_SOURCES,
    )
    row = found.row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("web_server", "upstream_timeout")
    assert row["confidence"] == "certain"
    assert row["evidence"][1]["source"] == "apache2/error.log"


def test_a_worker_dies_at_the_end_of_a_request_not_at_its_stamped_start() -> None:
    end = T + timedelta(seconds=30)
    closed = "AH01102: error reading status line from remote server 127.0.0.1:8000"
    found = correlate(
        events(
            web(502, **APACHE),
            error(
                closed,
                path=None,
                method=None,
                time=end,
                reason="upstream_prematurely_closed",
            ),
            app("WORKER TIMEOUT (pid:812)", time=end),
        ),
        NO_CLOCKS,
        NO_SOURCES,
    )
    row = found.row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("web_server", "worker_timeout")


def test_an_access_log_in_the_journal_stands_behind_the_web_server() -> None:
    """Its lines have the envelope's level, and are no error log's for that."""
    times = [T + timedelta(minutes=n) for n in range(7)]
    inner: dict[str, Any] = {"source": "journal.json", "level": "info"}
    inner |= {"client_ip": "127.0.0.1", "client_scope": "loopback", "process": "java"}
    both = [
        row
        for n, time in enumerate(times)
        for row in (
            web(200, path=f"/{n}", time=time),
            web(200, path=f"/{n}", time=time, **inner),
        )
    ]
    refused = web(403, time=times[3] + timedelta(seconds=9))
    found = correlate(events(*both, refused), NO_CLOCKS, NO_SOURCES)
    row = found.row(0, named=True)
    assert (row["answered_by"], row["confidence"]) == ("web_server", "weak")
    assert "stands behind it logs its requests" in row["explanation"]


def test_a_file_that_apache_names_tells_two_requests_of_a_client_apart() -> None:
    said = {"source": "apache2/error.log", "path": None, "method": None}
    said |= {"reason": "access_forbidden_by_rule"}
    denied = "AH01630: client denied by server configuration: /var/www/app/a.css"
    rows = [web(403, **APACHE), web(403, **APACHE | {"path": "/app/a.css"})]
    found = correlate(events(*rows, error(denied, **said)), NO_CLOCKS, NO_SOURCES)
    sure = dict(found.select("path", pl.col("confidence").cast(pl.String)).iter_rows())
    assert sure == {"/app/admin": "weak", "/app/a.css": "certain"}
    lone = events(rows[0], error(denied, **said))
    row = correlate(lone, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["cause"], row["confidence"]) == ("access_forbidden", "strong")


def test_an_error_line_that_names_nobody_is_of_that_moment() -> None:
    """Lighttpd says that the backend refused, not whom it was asked for."""
    said = {"source": "apache2/error.log", "reason": "connect_refused", "time": T}
    said |= {"path": None, "method": None, "client_ip": None}
    late = said | {"time": T + timedelta(seconds=9), "offset": 8}
    rows = events(web(503, **APACHE), error("refused", **said), error("x", **late))
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["cause"], row["confidence"]) == ("upstream_refused", "strong")
    assert "for nobody by name" in row["explanation"]


def test_an_answer_of_a_minute_ago_leaves_a_line_to_the_answer_of_its_moment() -> None:
    """Apache's answers may be older than their lines; a line of this moment is not."""
    late = T + timedelta(seconds=25)
    said = {"source": "apache2/error.log", "path": None, "method": None, "time": late}
    said |= {"reason": "upstream_prematurely_closed"}
    ours = APACHE | {"path": "/api/gone", "time": late}
    rows = [web(500, **APACHE), web(502, **ours), error("AH01102: reset", **said)]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    causes = dict(found.select("path", pl.col("cause").cast(pl.String)).iter_rows())
    assert causes["/api/gone"] == "upstream_closed"
    assert causes["/app/admin"] != "upstream_closed"


def test_a_summary_of_apache_has_the_reason_of_the_line_that_names_nobody() -> None:
    said: dict[str, Any] = {"source": "apache2/error.log", "path": None, "method": None}
    timed = said | {"reason": "connect_timed_out", "client_ip": None}
    after = said | {"reason": "backend_unreachable", "offset": 900}
    other = said | {"reason": "file_not_found", "client_ip": "10.1.1.9", "offset": 1}
    lines = [
        error("AH00128: File does not exist: /x", **other),
        error("(70007)The timeout specified has expired: AH00957: http: x", **timed),
        error("AH01114: HTTP: failed to make connection to backend: x", **after),
    ]
    rows = events(web(503, **APACHE), *lines)
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("web_server", "upstream_timeout")


def test_a_name_that_no_server_could_tell_apache() -> None:
    said: dict[str, Any] = {"source": "apache2/error.log", "path": "/dns/x"}
    said |= {"method": None, "reason": "resolve_failed"}
    line = error("AH00898: DNS lookup failure for: api.internal", **said)
    rows = events(web(500, **APACHE | {"path": "/dns/x"}), line)
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("web_server", "bad_gateway")


def test_a_line_may_name_a_path_and_no_client() -> None:
    """Lighttpd names what was asked of a backend that is down."""
    said: dict[str, Any] = {"source": "apache2/error.log"}
    said |= {"reason": "no_live_upstreams", "method": None, "client_ip": None}
    login = error(
        "no user", reason="auth_missing", source="apache2/error.log", path="/z"
    )
    rows = events(web(503, **APACHE), error("all handlers are down", **said), login)
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["cause"], row["confidence"]) == ("upstream_refused", "strong")


def test_an_error_that_the_server_behind_has_under_another_folder() -> None:
    """`ProxyPass /app/ http://backend/api/`: the last name stays."""
    behind = {"source": "gunicorn.log", "hop": "app_server", "client_ip": "10.1.1.7"}
    inner = web(403, **behind | {"path": "/api/deny"})
    rows = events(web(403, **APACHE | {"path": "/app/deny"}), inner)
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert row["answered_by"] == "application"
    assert [line["source"] for line in row["evidence"]][-1] == "gunicorn.log"
    root = events(web(403, **APACHE | {"path": "/"}), web(403, **behind, path="/x"))
    assert correlate(root, NO_CLOCKS, NO_SOURCES).height == 2


def test_caddy_s_502_without_its_reason_is_a_guess() -> None:
    apps = [
        web(200, source="app.log", hop="app_server", path=f"/{n}", time=T + n * MINUTE)
        for n in (-1, 1)
    ]
    caddy = {"format": "caddy", "source": "caddy.log", "duration": 0.001}
    good = [web(200, **caddy, path="/1", upstream_status=200, time=T + MINUTE)]
    for status in (502, 503):
        rows = events(web(status, **caddy), *good, *apps)
        row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
        assert (row["answered_by"], row["confidence"]) == ("web_server", "weak")


def test_who_asks_a_server_that_was_shut_down_is_refused() -> None:
    second = timedelta(seconds=1)
    stop = app("Shutting down: Master", level="info", time=T)
    killed = app("Worker (pid:9) was sent SIGKILL! Perhaps out of memory?", time=T)
    boot = app("Listening at: http://127.0.0.1:8000", time=T + 9 * second)
    for late, cause in ((3, "upstream_refused"), (0, "out_of_memory")):
        asked = web(502, **APACHE | {"time": T + late * second})
        rows = events(asked, killed | {"offset": 1}, stop | {"offset": 2}, boot)
        row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
        assert (row["answered_by"], row["cause"]) == ("web_server", cause)
    other = app("Shutting down: Master", source="other.log", time=T - 9 * second)
    asked = web(502, **APACHE | {"time": T + 4 * second})
    row = correlate(events(asked, stop, other), NO_CLOCKS, NO_SOURCES).row(
        0, named=True
    )
    assert row["cause"] == "bad_gateway"


def test_a_shutdown_is_told_beside_a_refusal_that_nginx_writes_down() -> None:
    """Of several servers the port tells whose; the refusal stays as sure as it was."""
    begin, stopped = T - 90 * MINUTE, T - timedelta(seconds=9)
    start = app("Listening at: http://127.0.0.1:8000 (80)", time=begin)
    stop = app("Handling signal: term", time=stopped)
    other = {"source": "other.log", "time": begin}
    others = app("Uvicorn running on http://0.0.0.0:9000 (Press CTRL+C)", **other)
    gone = app("Finished server process [7]", **other | {"time": stopped})
    line = error(REFUSED, upstream="http://127.0.0.1:8000/app/admin")
    elsewhere = error(REFUSED, upstream="http://127.0.0.1:7000/app/admin")
    for rows, told in (
        ([line, start, stop], True),
        ([line, start, stop, others], True),
        ([line, start, others, gone], False),
        ([elsewhere, start, stop], False),
        ([line, start, stop, app("Listening at: x", time=T - MINUTE / 20)], False),
        ([line, stop], True),
    ):
        found = correlate(events(web(502), *rows), NO_CLOCKS, NO_SOURCES)
        row = found.row(0, named=True)
        assert (row["cause"], row["confidence"]) == ("upstream_refused", "certain")
        assert ("had been shut down" in row["explanation"]) == told
        assert (len(row["evidence"]) == 3) == told


def test_a_worker_takes_no_request_with_it_that_came_later() -> None:
    dead = app("Worker (pid:9) was sent SIGKILL! Perhaps out of memory?", time=T)
    late = T + timedelta(seconds=3)
    for took, cause in ((0.002, "bad_gateway"), (3.1, "out_of_memory")):
        asked = web(502, time=late, duration=took)
        row = correlate(events(asked, dead), NO_CLOCKS, NO_SOURCES).row(0, named=True)
        assert (row["cause"] == "out_of_memory") == (cause == "out_of_memory")


def test_a_login_that_came_back_wrong_to_apache() -> None:
    said: dict[str, Any] = {"source": "apache2/error.log", "path": None, "method": None}
    lost = "oidc_restore_proto_state: no state cookie found"
    rows = events(web(400, **APACHE), error(lost, **said, reason="openid_failed"))
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["cause"], row["confidence"]) == ("auth_failed", "certain")


def test_apache_does_not_wait_to_be_refused() -> None:
    said: dict[str, Any] = {"source": "apache2/error.log", "path": None, "method": None}
    for late, sure in ((2, "strong"), (60, "weak")):
        after = T + timedelta(seconds=late)
        line = error("AH01114: HTTP: failed to make connection", **said, time=after)
        line |= {"reason": "backend_unreachable"}
        rows = events(web(503, **APACHE), line)
        row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
        assert row["confidence"] == sure


def test_an_id_tells_whose_line_of_apache_s_it_is() -> None:
    said: dict[str, Any] = {"source": "apache2/error.log", "path": None, "method": None}
    said |= {"reason": "upstream_timed_out", "time": T + timedelta(seconds=8)}
    rows = [
        web(502, **APACHE | {"path": f"/{n}", "request_id": f"Z6RJV-{n}"})
        for n in range(2)
    ]
    lines = [
        error("AH01102: error reading status", **said, request_id="Z6RJV-0", offset=n)
        for n in range(2)
    ]
    found = correlate(events(*rows, *lines), NO_CLOCKS, NO_SOURCES)
    sure = dict(found.select("path", pl.col("confidence").cast(pl.String)).iter_rows())
    assert sure == {"/0": "certain", "/1": "weak"}


def test_two_short_logs_of_few_paths_stand_behind_a_third_one() -> None:
    """Two workers' logs in one folder: no request is rare, but all are in step."""
    rows = []
    for n in range(200):
        own: dict[str, Any] = {"path": f"/{n % 7}"}
        own |= {"time": T + timedelta(seconds=n * 0.9)}
        own |= {"user_agent": f"agent {n % 5}", "format": "nginx_access"}
        front = {"client_ip": f"203.0.113.{n % 40}", "client_scope": "public"}
        worker = {"source": f"apps/gun{n % 2}-access.log", "client_ip": "10.0.0.5"}
        rows += [web(200, **own, **front), web(200, **own, **worker)]
    spoke = app("started", source="apps/app.log", hop="application", level="info")
    last: dict[str, Any] = {"path": "/deny", "time": T + timedelta(seconds=90)}
    rows += [web(403, **last, client_ip="203.0.113.1", user_agent="x"), spoke]
    rows.append(web(403, **last | worker, user_agent="x"))
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    assert found["answered_by"].to_list() == ["application"]


def test_a_rotation_may_bear_the_day_and_the_moment() -> None:
    names = ["-20261129-1795954781.gz", ".2025-02-06", "-20250206", ".1", "-2025020614"]
    logs = pl.Series([f"access.log{name}" for name in names]).to_frame("source")
    assert logs.select(log_of(pl.col("source")))["source"].unique().to_list() == [
        "access.log"
    ]


def test_a_worker_breaks_no_request_for_another_port() -> None:
    for port, cause in ((8001, "worker_crashed"), (8004, "upstream_closed")):
        to = {"upstream": f"http://10.0.0.5:{port}/app/admin"}
        rows = events(
            app(
                "Listening at: http://10.0.0.5:8001 (7)", level="info", time=T - MINUTE
            ),
            app("Worker (pid:9) was sent SIGSEGV!"),
            web(502),
            error(CLOSED, **to),
            web(502, path="/other", time=T + MINUTE),
            error(CLOSED, path="/other", time=T + MINUTE, upstream="10.0.0.5:8001"),
        )
        found = correlate(rows, NO_CLOCKS, NO_SOURCES)
        causes = dict(found.select("path", pl.col("cause").cast(pl.String)).iter_rows())
        assert causes["/app/admin"] == cause


def test_a_gateway_s_status_that_caddy_passed_on_is_the_application_s() -> None:
    caddy = {"format": "caddy", "source": "caddy.log", "duration": 0.001}
    rows = events(web(502, **caddy, upstream_status=502))
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["confidence"]) == ("application", "strong")


def test_of_a_burst_no_request_is_left_without_its_line() -> None:
    said = {"source": "apache2/error.log", "path": None, "method": None}
    said |= {"reason": "limiting_requests"}
    second = T.replace(microsecond=0)
    rows = []
    for n in range(30):
        late = T.replace(microsecond=0) + timedelta(milliseconds=110 * n)
        stamp = second + timedelta(seconds=110 * n // 1000)
        rows += [web(403, **APACHE | {"time": stamp, "offset": n})]
        rows += [error("denied", **said | {"time": late, "offset": n})]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    assert found["cause"].to_list() == ["rate_limited"] * 30


def test_what_mod_evasive_refuses_is_a_limit() -> None:
    denied = "client denied by server configuration: /var/www/html/app/admin"
    said = {"source": "apache2/error.log", "path": None, "method": None}
    limit = "limiting_requests"
    rows = events(web(403, **APACHE), error(denied, **said, reason=limit))
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["cause"], row["confidence"]) == ("rate_limited", "certain")


def test_an_audit_log_names_the_rule() -> None:
    said = {"source": "modsec_audit.log", "reason": "modsecurity_denied"}
    text = "Message: Access denied with code 403 (phase 2)."
    rows = events(web(403), error(text, **said, rule="942100", status=403))
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["cause"], row["rule"]) == ("waf_rule", "942100")
    assert [line["source"] for line in row["evidence"]][-1] == "modsec_audit.log"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (alb(504, duration=10.01), "no connection to 10.0.1.23:80 came about within"),
        (alb(504, duration=60.0), "10.0.1.23:80 had not answered after 60 s"),
        (alb(502), "the connection to 10.0.1.23:80 failed"),
        (alb(464, upstream=None), "protocol is not the target group's; no target"),
        (
            alb(400, upstream=None, reason="MultipleContentLength"),
            "no target was asked (MultipleContentLength)",
        ),
        (
            alb(503, upstream=None, action="waf,fixed-response", rule="5"),
            "the listener rule of priority 5 gives it",
        ),
        (
            alb(503, upstream=None, action="waf,fixed-response", rule="0"),
            "the listener's default action is a fixed response",
        ),
        (
            alb(500, upstream=None, action="waf-failed", reason="WAFServiceError"),
            "it could not consult the WAF (WAFServiceError)",
        ),
        (waf(rule="Default_Action"), "its default action is to block"),
        (waf(rule_type="RATE_BASED"), "says that a rate limit was exceeded"),
        (
            waf(action="CAPTCHA", status=405, reason="TOKEN_MISSING"),
            "asked for a token that the client has not (TOKEN_MISSING)",
        ),
    ],
)
def test_what_the_record_tells_beside_the_cause(row: dict[str, Any], told: str) -> None:
    found = correlate(events(row), NO_CLOCKS, NO_SOURCES)
    assert told in found["explanation"][0]


def test_of_two_web_acls_the_one_that_stopped_the_request_is_told() -> None:
    """The CDN's ACL let it through; the origin's, which sees the CDN, stopped it."""
    edge = cdn(403, "Error")
    allowed = waf(
        source="a.log",
        action="ALLOW",
        rule="Default_Action",
        status=None,
        trace_id=None,
        request_id="SOX4xwn4XV6Q4rgb7XiVGA==",
    )
    inner = waf(source="z.log", client_ip="130.176.9.10", rule="from-the-cdn-only")
    balancer = alb(403, action="waf", upstream=None, client_ip="130.176.9.10")
    for rows in ([edge, allowed, inner, balancer], [edge, allowed, inner]):
        found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
        assert found["answered_by"].to_list() == ["waf"]
        assert found["rule"].to_list() == ["from-the-cdn-only"]
        assert {line["source"] for line in found["evidence"][0]} >= {"z.log"}
    found = correlate(events(edge, allowed, balancer), NO_CLOCKS, NO_SOURCES)
    assert found["answered_by"].to_list() == ["waf"]
    assert found["rule"].to_list() == [None]
    assert found["missing"].to_list() == [["waf"]]


def test_an_exception_in_a_field_of_its_own_is_one() -> None:
    said = app("Unhandled error", hop="application", reason="exception")
    found = correlate(events(alb(500, 500), said), NO_CLOCKS, NO_SOURCES)
    row = found.filter(pl.col("path") == "/app/admin").row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("application", "exception")


def test_an_answer_that_did_not_come_through_is_told() -> None:
    found = correlate(events(alb(502), web(200)), NO_CLOCKS, NO_SOURCES)
    assert "10.0.1.23:80 logged 200, but its answer" in found["explanation"][0]


def test_a_refusal_whose_rule_is_not_told_is_asked_for() -> None:
    sample = correlate(events(waf(rule=None)), NO_CLOCKS, NO_SOURCES)
    assert sample["missing"].to_list() == [["waf"]]
    edge = correlate(events(cdn(403, "Error")), NO_CLOCKS, NO_SOURCES)
    assert edge["missing"].to_list() == [["waf", "load_balancer"]]
    assert "the CDN, its WAF, or its origin" in edge["explanation"][0]
    origin = alb(200, 200, path="/", time=T - timedelta(minutes=2))
    passed = correlate(events(cdn(403, "Error"), origin), NO_CLOCKS, NO_SOURCES)
    assert passed["missing"].to_list() == [["waf"]]
    assert "stands for what its WAF refuses" in passed["explanation"][0]


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_a_log_without_stamps_stands_behind_as_many_alike_requests(lines: int) -> None:
    undated: dict[str, Any] = {"source": "uvicorn.log", "hop": "app_server"}
    inner = [said(403, **undated, time=None) for _ in range(lines)]
    later = T + timedelta(seconds=40)
    found = correlate(
        events(web(403), web(403, time=later), *inner), NO_CLOCKS, NO_SOURCES
    )
    behind = found.filter(pl.col("evidence").list.len() == 2)
    assert found.height == (2 if lines == 2 else 2 + lines)
    assert behind["confidence"].to_list() == (["strong"] * 2 if lines == 2 else [])
    if lines == 2:  # in their order
        offsets = [[line["offset"] for line in row] for row in behind["evidence"]]
        assert offsets == [[100, 300], [200, 400]]


ABORTED = "Error handling request GET /app/admin\nTraceback …\nSystemExit: 1"


def test_gunicorn_answers_itself_for_a_worker_that_it_ends_over_a_request() -> None:
    passed = web(500, upstream="127.0.0.1:8000", upstream_status=500, duration=5.7)
    line = app(ABORTED, source="gunicorn.log", method="GET", path="/app/admin")
    row = correlate(events(passed, line), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("app_server", "worker_timeout")
    assert row["confidence"] == "certain"


@pytest.mark.parametrize("told", [{"upstream_status": 500}, {"upstream_duration": 0.3}])
def test_a_path_that_a_proxy_rewrote_is_the_same_request(told: dict[str, Any]) -> None:
    up: dict[str, Any] = {"upstream": "127.0.0.1:8000", **told}
    inner = said(500, path="/orders/7", time=T + timedelta(milliseconds=300))
    found = correlate(
        events(web(500, path="/api/orders/7", **up), inner), NO_CLOCKS, NO_SOURCES
    )
    assert found.height == 1
    assert found["evidence"].list.len().to_list() == [2]


@pytest.mark.parametrize(
    ("path", "who"), [("/auth", "web_server"), ("/v1/wiki", "application")]
)
def test_what_a_web_server_asks_beside_a_request_is_another_one(
    path: str, who: str
) -> None:
    """Such as who may come in: nginx's auth_request has a path of its own."""
    outer = alb(403, upstream="10.0.1.23:80", upstream_status=403, path="/app/wiki")
    rows = [outer, web(403, path="/app/wiki", bytes_sent=153), said(403, path=path)]
    other = [web(200, path="/x", line=9), said(200, path="/x", line=9)]
    found = correlate(events(*rows, *other), NO_CLOCKS, NO_SOURCES)
    row = found.filter(pl.col("path") == "/app/wiki").row(0, named=True)
    assert row["answered_by"] == who


@pytest.mark.parametrize(
    ("words", "why"),
    [('"GET /app/admin HTTP/1.0" 403 Forbidden', False), ("role is forbidden", True)],
)
def test_the_name_of_a_status_is_no_reason(words: str, why: bool) -> None:
    """As uvicorn writes it behind each request."""
    inner = said(403, source="uvicorn.log", hop="app_server", message=words)
    row = correlate(events(web(403), inner), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert row["answered_by"] == "application"
    assert (words in row["explanation"]) == why


def test_who_sent_sigkill_is_not_known_from_that_line_alone() -> None:
    closed = error("upstream prematurely closed connection while reading response")
    killed = app("Worker (pid:812) was sent SIGKILL! Perhaps out of memory?")
    oom = app("Out of memory: Killed process 812 (gunicorn)", hop="host", pid=None)
    for more, sure in (([], "weak"), ([oom], "strong")):
        rows = [web(502), closed, killed, *more]
        row = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).row(0, named=True)
        assert (row["cause"], row["confidence"]) == ("out_of_memory", sure)


def test_an_exception_without_a_stamp_is_about_the_record_above_it() -> None:
    undated: dict[str, Any] = {"source": "uvicorn.log", "hop": "app_server"}
    undated |= {"time": None}
    record = said(500, **undated, line=7)
    thrown = app("Exception in ASGI application\nTraceback …", **undated, line=8)
    row = correlate(events(web(500), record, thrown), NO_CLOCKS, NO_SOURCES)
    assert row["cause"].to_list() == ["exception"]


@pytest.mark.parametrize("days", [["access.log"] * 2, ["a.2025-02-06", "a.2025-02-07"]])
def test_an_access_log_beside_an_application_s_own_is_the_application_s(
    days: list[str],
) -> None:
    """Such as morgan's: its lines look like a web server's."""
    inner: dict[str, Any] = {"source": f"node/{days[0]}.txt", "http_version": "1.0"}
    rows = []
    for n in range(8):
        more: dict[str, Any] = {"path": f"/{n}", "time": T + timedelta(minutes=n)}
        rows += [
            web(429 if n == 3 else 200, **more),
            web(429 if n == 3 else 200, **more, **inner),
            said(200, **more, source="node/app.log") | {"status": None},
        ]
    rows.append(web(200, source=f"node/{days[1]}.txt", time=T + timedelta(days=1)))
    row = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("application", "rate_limited")
    assert row["evidence"][1]["source"] == inner["source"]
    assert row["evidence"][1]["hop"] == "app_server"


def test_an_access_log_with_an_app_server_s_own_lines_is_the_app_server_s() -> None:
    """Such as Puma's with `--log-requests`."""
    own: dict[str, Any] = {"source": "puma.log"}
    booted = app("- Worker 0 (PID: 830) booted in 3.2s, phase: 0", **own, time=None)
    booted |= {"format": "puma"}
    rows = [booted, web(500, **own)]
    row = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert row["answered_by"] == "application"
    row = correlate(events(web(500), *rows), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert [line["hop"] for line in row["evidence"]] == ["web_server", "app_server"]


def test_a_traceback_is_about_the_request_that_its_own_log_has() -> None:
    """Rails gives what fails another path, and Puma logs that one."""
    rails = {"source": "production.log"}
    thrown = app("ArgumentError (no):", hop="application", **rails, time=T)
    rows = [web(500, path="/500", source="a.log"), web(500), said(500, **rails), thrown]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    about = dict(found.select("path", "cause").rows())
    assert about["/app/admin"] == "exception"


@pytest.mark.parametrize(
    ("code", "took", "cause", "sure"),
    [
        ("ECONNREFUSED", 0.004, "upstream_refused", "strong"),
        ("ECONNRESET", 0.004, "upstream_closed", "strong"),
        ("ECONNRESET", 4.003, "upstream_timeout", "weak"),
    ],
)
def test_what_a_proxy_among_applications_could_not_reach(
    code: str, took: float, cause: str, sure: str
) -> None:
    to = "http://10.0.2.20:3001/"
    line = (
        f"[HPM] Error occurred while proxying request shop/app/admin to {to} [{code}]"
    )
    passed = web(504, upstream_status=504, upstream="10.0.2.20:3000", duration=took)
    frame = events(passed, app(line, hop=None, source="gateway.log"))
    row = correlate(frame, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("application", cause)
    assert row["confidence"] == sure


def test_an_index_of_audit_records_is_no_second_request() -> None:
    """With a file for each record the audit log itself has the access line again."""
    denied = 'ModSecurity: Access denied with code 406 (phase 2). [id "100077"]'
    record = web(406, source="audit/20250206/1", format="modsec_audit", message=denied)
    record |= {"level": "error", "request_id": "Z6RJl38A"}
    record |= {"reason": "modsecurity_denied", "rule": "100077"}
    index = web(406, source="audit.log", format="modsec_index", request_id="Z6RJl38A")
    access = web(406, source="access.log", format="apache_access")
    row = correlate(events(access, index, record), NO_CLOCKS, NO_SOURCES)
    assert row["rule"].to_list() == ["100077"]
    assert row["confidence"].to_list() == ["certain"]


def test_a_journal_has_the_answer_and_the_exception_of_one_service() -> None:
    """Both are the server's, as the journal has them, and both have the status."""
    own: dict[str, Any] = {"source": "journal", "hop": "app_server", "level": None}
    access = said(500, **own, format="nginx_access", message=None)
    words = f"Internal Server Error: /app/admin\n{TRACE}\nKeyError: 'a'"
    thrown = app(words, **own, format="django", path="/app/admin", status=500, time=T)
    found = correlate(events(access, thrown), NO_CLOCKS, NO_SOURCES)
    assert found["cause"].to_list() == ["exception"]


_NULL = "java.lang.NullPointerException: o is null"
_OF_SERVLET = "Servlet.service() for servlet [a] in context with path [/s] threw"


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (
            f"{_OF_SERVLET} exception\n\t{_NULL}\n\t\tat a.B.c(B.java:8)",
            _NULL,
        ),
        (
            "UT005023: Exception handling /a: java.io.IOException: no\n\tat a.B.c(B.a)",
            "java.io.IOException: no",
        ),
        (
            "\n[7a] ActionView::Template::Error (undefined method `name'):\n[7a]  1: x",
            "ActionView::Template::Error (undefined method `name')",
        ),
    ],
    ids=["Tomcat", "Undertow", "Rails"],
)
def test_the_exception_is_named_wherever_it_stands(message: str, name: str) -> None:
    thrown = app(message, source="own.log", time=T)
    row = correlate(events(web(500), thrown), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert f"({name})" in row["explanation"]


@pytest.mark.parametrize(
    "words",
    [
        'FastCGI sent in stderr: "Primary script unknown"',
        "AH01071: Got error 'Primary script unknown'",
    ],
)
def test_php_has_no_such_script(words: str) -> None:
    """Its server says so through the web server's log, and answers with 404."""
    passed = web(404, upstream_status=404, upstream="unix:/run/php.sock")
    row = correlate(events(passed, error(words)), NO_CLOCKS, NO_SOURCES)
    found = row.row(0, named=True)
    assert (found["answered_by"], found["cause"]) == ("app_server", "file_not_found")
    named = error('open() "/srv/Primary script unknown" failed (2: No such file)')
    row = correlate(events(web(404), named), NO_CLOCKS, NO_SOURCES)
    assert row["answered_by"].item() == "web_server"


def test_passenger_takes_no_more_requests() -> None:
    words = "[Client 2-41] Returning HTTP 503 due to: Request queue full (max. 100)"
    line = app(words, source="nginx/error.log", format="passenger", level="warn")
    row = correlate(events(web(503), line), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("app_server", "resources_exhausted")
    assert row["confidence"] == "strong"
    assert "Request queue full" in row["explanation"]


def test_a_backend_that_apache_does_not_even_try() -> None:
    """It writes a line a request, which names neither client nor request."""
    own = {"source": "httpd/error_log", "format": "apache_error"}
    told = own | {"reason": "no_live_upstreams", "client_ip": None, "path": None}
    line = error("AH00940: HTTP: disabled connection for (127.0.0.1)", **told)
    named = error("AH01071: Got error 'x'", **own, reason="script_said", path="/other")
    access = {"source": "httpd/access_log", "format": "apache_access"}
    rows = events(web(503, **access), web(200, **access, path="/x"), named, line)
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("web_server", "upstream_refused")
    assert row["confidence"] == "strong"


def test_an_error_line_and_an_access_log_that_cuts_addresses() -> None:
    """Many a German site writes a 0 for their last part, and into that log alone."""
    access = {"source": "site/access.log", "format": "apache_access"}
    rows = [web(200, **access, client_ip=f"203.0.{n}.0", path="/x") for n in range(9)]
    line = error(
        "AH01079: failed to make connection to backend: httpd-UDS",
        source="site/error.log",
        reason="backend_unreachable",
        client_ip="203.0.113.44",
        path=None,
    )
    failed = web(503, **access, client_ip="203.0.113.0")
    frame = events(*rows, failed, line | {"format": "apache_error"})
    found = correlate(frame, NO_CLOCKS, NO_SOURCES)
    row = found.filter(pl.col("status") == 503).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("web_server", "upstream_refused")


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("dial unix /run/app.socket: connect: connection refused", "upstream_refused"),
        (
            "dial unix /run/app.socket: connect: no such file or directory",
            "upstream_refused",
        ),
        ("net/http: timeout awaiting response headers", "upstream_timeout"),
        ("EOF", "upstream_closed"),
        (
            "read tcp 10.0.2.3:1->10.0.2.4:80: connection reset by peer",
            "upstream_closed",
        ),
    ],
)
def test_what_a_reverse_proxy_of_go_could_not_reach(words: str, cause: str) -> None:
    """GitLab's workhorse logs the failure and the answer, both with the same id."""
    own: dict[str, Any] = {"source": "workhorse.log", "path": "/app/admin"}
    line = app(
        f"badgateway: failed to receive response: {words}",
        **own
        | {"hop": "application", "level": "error", "request_id": "01JMG", "line": 2},
    )
    said_so = said(502, **own, request_id="01JMG")
    row = correlate(events(web(502), line, said_so), NO_CLOCKS, NO_SOURCES)
    found = row.row(0, named=True)
    assert (found["answered_by"], found["cause"]) == ("application", cause)
    assert words.rsplit(":", maxsplit=1)[-1] in found["explanation"]


def test_the_silence_of_another_application_tells_nothing() -> None:
    """Two behind one web server, and the log of one of them is here."""
    thrown = app(TRACE, source="a.log", time=T)
    here = web(500, upstream_status=500, path="/a", upstream="10.0.2.20:8001")
    there = web(500, upstream_status=500, path="/b", upstream="10.0.2.21:8002")
    own = said(500, path="/a", source="a.log")
    frame = events(here, there, own, thrown)
    found = correlate(frame, NO_CLOCKS, NO_SOURCES)
    told = {
        row[0]: row[1:] for row in found.select("path", "cause", "confidence").rows()
    }
    assert told["/b"] == ("exception", "weak")
    assert told["/a"] == ("exception", "certain")


def test_a_traceback_is_about_a_500_before_a_502_of_that_moment() -> None:
    """Another application is down, and its web server refuses as much every moment."""
    thrown = app("Error in ASGI Framework\nTraceback (most recent call last):\n  …")
    refused = [web(502, upstream_status=502, path=f"/w/{n}", time=T) for n in range(2)]
    failed = web(500, upstream_status=500, path="/h/boom", time=T)
    frame = events(*refused, failed, said(500, path="/h/boom", source="b.log"), thrown)
    found = correlate(frame, NO_CLOCKS, NO_SOURCES)
    about = dict(found.select("path", "cause").rows())
    assert about["/h/boom"] == "exception"


def test_what_tomcat_cannot_read_is_its_own_refusal() -> None:
    """It stands in Tomcat's access log, too, unlike gunicorn's."""
    access: dict[str, Any] = {"source": "tomcat/access.txt", "http_version": "1.0"}
    access |= {"format": "apache_access"}
    rows = [app("Server startup", source="tomcat/catalina.out", level="info")]
    for n in range(8):
        more: dict[str, Any] = {"path": f"/{n}", "time": T + timedelta(minutes=n)}
        rows += [web(400 if n == 3 else 200, **more)]
        rows += [web(400 if n == 3 else 200, **more, **access)]
    unread = "Error parsing HTTP request header\n\tjava.lang.SomeException: …"
    at = T + timedelta(minutes=3)
    rows.append(app(unread, source="tomcat/catalina.out", time=at))
    row = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("app_server", "bad_request")


def test_a_502_at_once_is_a_refused_connection_as_the_hop_in_front_timed_it() -> None:
    rows = [alb(502, 502, **HAPROXY, reason="----", duration=0.001), web(502)]
    row = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["cause"], row["confidence"]) == ("upstream_refused", "weak")
    alone = correlate(events(rows[0]), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert alone["cause"] == "bad_gateway"


@pytest.mark.parametrize(("status", "by"), [(413, "web_server"), (500, "application")])
def test_a_refusal_is_not_of_a_request_that_came_in_long_before(
    status: int, by: str
) -> None:
    came = app("GET /app/admin from 192.0.2.7", hop="application", level="info")
    came |= {"method": "GET", "path": "/app/admin", "time": T - timedelta(seconds=20)}
    row = correlate(events(came, web(status)), NO_CLOCKS, NO_SOURCES)
    assert row.select("answered_by", pl.col("evidence").list.len()).rows() == [
        (by, 1 + (by == "application"))
    ]


def test_what_was_thrown_and_that_it_is_completed_are_one_answer() -> None:
    """As Fastify writes it."""
    own: dict[str, Any] = {"source": "app.log", "request_id": "req-3h", "pid": 7}
    asked = said(500, **own) | {"status": None, "message": "incoming request"}
    thrown = said(500, **own, reason="exception", level="error")
    done = said(500, **own) | {"path": None, "method": None}
    found = correlate(events(asked, thrown, done), NO_CLOCKS, NO_SOURCES)
    assert found.select("path", "cause").rows() == [("/app/admin", "exception")]


def test_of_two_applications_one_writes_answers_and_one_only_what_comes_in() -> None:
    rows = [said(200, source="b.log", path=f"/b/{n}") for n in range(9)]
    came: dict[str, Any] = {"source": "a.log", "method": "GET", "level": "info"}
    rows += [web(403), app("GET /app/admin from 192.0.2.7", **came, path="/app/admin")]
    row = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["confidence"]) == ("application", "strong")


@pytest.mark.parametrize(("there", "cause"), [("7f5d", "exception"), ("11ab", None)])
def test_an_exception_with_the_request_s_id_needs_no_stamp(
    there: str, cause: str | None
) -> None:
    """Rails writes a stamp, and what was thrown on the next lines, by itself."""
    own: dict[str, Any] = {"source": "production.log", "hop": "application"}
    record = said(500, **own, request_id="7f5d")
    thrown = app("Shop::Error (no):", **own, time=None, request_id=there)
    thrown["reason"] = "exception"
    rows = events(web(500), record, said(200, **own, path="/x"), thrown)
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert row["cause"] == (cause or "application_response")


def test_a_connection_that_closed_earlier_is_not_about_a_500_of_the_upstream() -> None:
    closed = error(
        "recv() failed (104: Connection reset by peer) while reading response"
    )
    later = T.replace(microsecond=0) + timedelta(seconds=70)
    answer = web(500, time=later, upstream="127.0.0.1:8000", upstream_status=500)
    row = correlate(events(closed, answer), NO_CLOCKS, NO_SOURCES).row(-1, named=True)
    assert row["answered_by"] == "application"


def test_what_failed_behind_a_balancer_that_stamps_the_start_is_sought_at_the_end() -> (
    None
):
    end = T + timedelta(seconds=9)
    rows = [
        alb(500, 500, **HAPROXY, time=T, start_time=None, duration=9.0),
        web(
            500, time=end, upstream="127.0.0.1:8000", upstream_status=500, duration=9.0
        ),
        app("Exception on /app/admin [GET]\nTraceback …", path="/app/admin", time=end),
    ]
    row = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("application", "exception")


def test_a_record_that_has_nothing_but_what_was_thrown() -> None:
    # As lograge writes them.
    words = "ActiveRecord::ConnectionTimeoutError: no connection within 5.000 seconds"
    told = said(500) | {"source": "app.json", "message": words, "reason": "exception"}
    front = alb(500, 500, source="router.log")
    row = correlate(events(front, told), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("application", "exception")
    assert words in row["explanation"]


def test_windows_event_log_names_the_exception() -> None:
    text = "Exception information: \n    Exception type: SqlException \n"
    text += "    Exception message: Timeout expired. \n   at System.Data.Open()"
    told = said(500) | {"source": "Application.csv", "message": text}
    told |= {"format": "windows_csv", "reason": "exception", "level": "warn"}
    told |= {"status": None, "method": None}
    rows = [web(500, format="iis", source="u_ex.log"), told]
    row = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("application", "exception")
    assert "SqlException: Timeout expired." in row["explanation"]


def test_an_audit_log_s_record_of_an_error_is_no_second_request() -> None:
    audit: dict[str, Any] = {"source": "modsec_audit.log", "format": "modsec_audit"}
    audit |= {"level": "warn", "request_id": "179591546371.748326"}
    limited = error('limiting connections by zone "addr"')
    rows = [web(503), web(503, **audit), limited]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    assert found.select("cause", pl.col("confidence").cast(pl.String)).rows() == [
        ("rate_limited", "certain")
    ]
    alone = correlate(events(rows[1]), NO_CLOCKS, NO_SOURCES)
    assert alone["status"].to_list() == [503]


def test_what_a_framework_says_of_an_answer_is_no_second_request() -> None:
    # Django, beside a line of the application's own.
    again = said(500, line=2, offset=90, method=None, level="error")
    rows = [web(500), said(500), again | {"message": "Internal Server Error: /app"}]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    assert found["answered_by"].to_list() == ["application"]
    alone = correlate(events(rows[0], rows[2]), NO_CLOCKS, NO_SOURCES)
    assert alone["answered_by"].to_list() == ["application"]


def test_an_audit_log_s_record_of_a_denial_is_a_request_without_an_access_log() -> None:
    audit: dict[str, Any] = {"source": "modsec_audit.log", "format": "modsec_audit"}
    said = {"level": "error", "reason": "modsecurity_denied", "rule": "942190"}
    said["message"] = "Access denied with code 403 (phase 2)."
    later = {"time": T + timedelta(minutes=5)}
    rows = [web(403, **audit, **said), web(500, **audit, level="warn", **later)]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    assert found["rule"].to_list() == ["942190", None]


def _taken_in(count: int) -> list[dict[str, Any]]:
    """Requests that nginx passed on, and the lines by which they came in."""
    came: dict[str, Any] = {"source": "app.log", "hop": "application"}
    came |= {"level": "info", "method": "GET"}
    return [
        row
        for n in range(count)
        for time in [T + timedelta(seconds=n)]
        for row in (
            web(200, path=f"/{n}", time=time),
            came | {"path": f"/{n}", "time": time, "message": f"request GET /{n}"},
        )
    ]


def test_a_request_that_an_application_took_in_reached_it() -> None:
    rows = _taken_in(12)
    reached = [row | {"status": 404} if row.get("status") else row for row in rows[:2]]
    found = correlate(events(*reached, *rows[2:]), NO_CLOCKS, NO_SOURCES)
    row = found.row(0, named=True)
    assert (row["answered_by"], row["confidence"]) == ("application", "strong")
    assert [line["hop"] for line in row["evidence"]] == ["web_server", "application"]
    assert "application" not in row["missing"]


def test_a_request_that_an_application_did_not_take_in_was_answered_before() -> None:
    rows = _taken_in(12)
    unknown = web(410, path="/gone", time=T + timedelta(seconds=5))
    found = correlate(events(unknown, *rows), NO_CLOCKS, NO_SOURCES)
    assert found["answered_by"].to_list() == ["web_server"]
    some = correlate(events(unknown, *rows[:6]), NO_CLOCKS, NO_SOURCES)
    assert some["answered_by"].to_list() != ["web_server"]


def test_the_line_of_another_machine_s_request_is_no_sign_of_this_one() -> None:
    rows = [
        row | {"source": f"web{n % 2}/{row['source']}"}
        for n, pair in enumerate(zip(*[iter(_taken_in(12))] * 2, strict=True))
        for row in pair
    ]
    denied = web(403, path="/2", time=T + timedelta(seconds=2), source="web1/nginx.log")
    found = correlate(events(denied, *rows), NO_CLOCKS, NO_SOURCES)
    assert found["answered_by"].to_list() == ["web_server"]


def test_what_one_log_tells_of_its_upstream_is_no_word_about_another_s() -> None:
    other = web(404, source="other/access.log", upstream_status=404, path="/x")
    script: dict[str, Any] = {"source": "fpm.log", "hop": "app_server"}
    inner = said(500, path="/index.php", **script)
    found = correlate(
        events(other, web(500, path="/fatal"), inner), NO_CLOCKS, NO_SOURCES
    )
    row = found.row(by_predicate=pl.col("path") == "/fatal", named=True)
    assert [line["source"] for line in row["evidence"]][1:] == ["fpm.log"]


@pytest.mark.parametrize(
    "outer",
    [
        {"format": "haproxy", "duration": 50.001, "reason": "sH--"},
        {
            "format": "gcp_load_balancer",
            "duration": 50.002,
            "reason": "backend_timeout",
        },
        {"format": "envoy", "reason": "UT"},  # the start alone is known
    ],
)
def test_a_slow_request_is_one_though_its_logs_stamp_start_and_end(
    outer: dict[str, Any],
) -> None:
    end = T + timedelta(seconds=50)
    front = alb(504, action=None, upstream=None) | {"time": T, "start_time": None}
    behind = web(499, format="nginx_access", time=end)
    found = correlate(events(front | outer, behind), NO_CLOCKS, NO_SOURCES)
    row = found.row(0, named=True)
    assert (found.height, row["answered_by"]) == (1, "load_balancer")
    assert row["cause"] == "target_timeout"
    seconds = outer.get("duration", 50)  # as the web server stamps the end
    assert row["time"] == T + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("front", "back", "cause"),
    [
        ({"status": 503, "upstream_status": 503}, {"reason": "UH"}, "no_target"),
        (
            {"status": 504, "upstream_status": None},
            {"reason": "DC", "status": 0},
            "target_timeout",
        ),
    ],
    ids=["the inner one answered", "the outer one did"],
)
def test_of_two_load_balancers_in_a_row_one_request_has_both(
    front: dict[str, Any], back: dict[str, Any], cause: str
) -> None:
    rows = []
    for number in range(9):
        time = T + timedelta(minutes=number)
        path = f"/{number}"
        outer = alb(200, 200, path=path, time=time, start_time=None, trace_id=None)
        inner = outer | {"source": "k8s/envoy.log", "format": "envoy"}
        if number == 8:
            outer |= front
            inner |= {"status": 503, "upstream_status": None} | back
        took = {"duration": 0.1, "action": None, "client_ip": "10.0.1.9"}
        rows += [outer | {"format": "aws_alb", "duration": 0.2}, inner | took]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    row = found.row(0, named=True)
    assert (found.height, row["answered_by"]) == (1, "load_balancer")
    assert (row["cause"], row["confidence"]) == (cause, "certain")
    assert row["evidence"][0]["hop"] == "load_balancer"


def test_an_upstream_in_an_error_line_is_no_field_of_the_access_lines_beside_it() -> (
    None
):
    """A container's standard output and error share one file."""
    complaint = error("", source="nginx/access.log", upstream="app:80")
    found = correlate(
        events(complaint, web(500, path="/order", bytes_sent=141)),
        NO_CLOCKS,
        NO_SOURCES,
    )
    row = found.row(by_predicate=pl.col("path") == "/order", named=True)
    assert "asked no upstream" not in row["explanation"]
    balancer = alb(200, 200, source="nginx/access.log")
    found = correlate(events(balancer, web(500, path="/order")), NO_CLOCKS, NO_SOURCES)
    row = found.row(by_predicate=pl.col("path") == "/order", named=True)
    assert "asked no upstream" not in row["explanation"]


@pytest.mark.parametrize(("later", "cause"), [(50, "cached_error"), (900, "unknown")])
def test_an_edge_keeps_an_error_of_its_origin_for_a_while(
    later: int, cause: str
) -> None:
    again = {"time": T + timedelta(seconds=later), "client_ip": "203.0.113.8"}
    first = alb(503, trace_id=None, time=T + timedelta(milliseconds=100))
    found = correlate(
        events(cdn(503, "Error"), first, cdn(503, "Error", **again)),
        NO_CLOCKS,
        NO_SOURCES,
    )
    answers = found.select("answered_by", "cause").rows()
    assert answers == [("load_balancer", "no_target"), ("cdn", cause)]


@pytest.mark.parametrize(
    ("lines", "quoted"),
    [
        (
            [web(502), error(f"*7 {REFUSED}, client: 10.1.1.210, server: x")],
            f"and the reason ({REFUSED})",
        ),
        (
            [web(500), app(f"{TRACE}\n  File \"a\", line 1\nKeyError: 'voucher'")],
            "(KeyError: 'voucher')",
        ),
        (
            [web(500), app(f"{TRACE}\n  x()\npsycopg2.errors.DeadlockDetected: dead")],
            "(psycopg2.errors.DeadlockDetected: dead)",
        ),
        (
            [
                said(500, request_id="2a62"),
                app(
                    "ActiveRecord::ConnectionNotEstablished (Too many connections):",
                    time=None,
                    request_id="2a62",
                    reason="exception",
                ),
            ],
            "(ActiveRecord::ConnectionNotEstablished (Too many connections))",
        ),
    ],
    ids=[
        "an error line",
        "a traceback",
        "a name",
        "an exception with the request's id alone",
    ],
)
def test_the_sentence_quotes_the_log(lines: list[dict[str, Any]], quoted: str) -> None:
    found = correlate(events(*lines), NO_CLOCKS, NO_SOURCES)
    assert quoted in found["explanation"][0]


@pytest.mark.parametrize("name", ["nginx/access.log~", "grep-403.txt", "access.log.1"])
def test_lines_that_stand_in_another_file_too_count_once(name: str) -> None:
    times = [T + timedelta(minutes=n) for n in range(9)]
    rows = [web(403, path=f"/{n}", time=time) for n, time in enumerate(times)]
    part = [row | {"source": name} for row in rows[2:6]]
    found = correlate(events(*rows, *part), NO_CLOCKS, NO_SOURCES)
    assert found.height == len(rows)
    other = [row | {"client_ip": "10.1.1.211"} for row in part]
    found = correlate(events(*rows, *other), NO_CLOCKS, NO_SOURCES)
    assert found.height == len(rows) + len(other)


def test_a_store_s_export_of_several_logs_is_no_application_s_own_log() -> None:
    rows = []
    for n in range(8):
        more: dict[str, Any] = {"path": f"/{n}", "time": T + timedelta(minutes=n)}
        export = {"source": "events.json", "http_version": "1.0"}
        rows += [
            web(403 if n == 3 else 200, **more),
            web(403 if n == 3 else 200, **more, **export),
            app("ready", source="events.json", time=more["time"]),
        ]
    row = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert row["confidence"] == "weak"
    assert {line["hop"] for line in row["evidence"]} == {"web_server"}


def test_what_the_application_has_itself_misses_no_web_server() -> None:
    front = alb(500, 500, format="traefik", action=None)
    found = correlate(events(front, said(500)), NO_CLOCKS, NO_SOURCES)
    assert found["missing"].to_list() == [[]]


def test_of_slow_requests_the_query_tells_which_is_which_before_the_moment() -> None:
    """Apache stamps the start, so that another one of the page ends at that moment."""
    rows = []
    for number in range(6):
        start = T + timedelta(seconds=15 * number)
        more: dict[str, Any] = {"query": f"n={number}", "path": "/report"}
        end = start + timedelta(seconds=45)
        front = alb(500, 500, time=end, start_time=start, trace_id=None, **more)
        at = start.replace(microsecond=0)
        rows += [front, web(500, format="apache_access", time=at, **more)]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    assert found.height == 6
    lines = [[line["line"] for line in row] for row in found["evidence"].to_list()]
    assert sorted(lines) == [[n, n + 1] for n in range(1, 12, 2)]


def test_windows_hold_the_records_of_a_clock_that_is_hours_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An application writes Z behind its own time, nine hours ahead."""
    rows = []
    for n in range(60):
        at = T + timedelta(minutes=3 * n)
        rows.append(web(500, path=f"/{n}", time=at))
        rows.append(said(500, path=f"/{n}", time=at + timedelta(hours=9)))
    clock = {"source": rows[1]["source"], "stamp": "event", "skew": 32400.0}
    clock |= {"skew_low": 32399.5, "skew_high": 32400.5}
    clocks = pl.from_dicts([clock], schema=CLOCK)
    whole = correlate(events(*rows), clocks, NO_SOURCES)
    assert whole.height == 60
    hops = whole["evidence"].list.eval(pl.element().struct.field("hop")).to_list()
    assert all(hop == ["web_server", "application"] for hop in hops)
    cut = windows.spans
    monkeypatch.setattr(windows, "spans", lambda counts: cut(counts, 20))
    assert_frame_equal(correlate(events(*rows), clocks, NO_SOURCES), whole)


@pytest.mark.parametrize("untimed", [2, 40])
def test_what_is_read_once_for_all_windows_tells_each_the_same(
    untimed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = []
    for n in range(20):
        at = T + timedelta(minutes=7 * n)
        upstream = {"upstream_status": 200 + 302 * (n % 2), "path": f"/{n}"}
        rows += [web(502, time=at, **upstream), web(200, time=at, path=f"/fine/{n}")]
        rows.append(alb(502, 502, time=at, path=f"/{n}"))
        if n % 2:
            rows.append(error(CLOSED, time=at, path=f"/{n}"))
    rows += [said(500, path=f"/u{n}", time=None) for n in range(untimed)]
    whole = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    assert {"upstream_closed"} < {*whole["cause"]}
    cut, pieces = windows.spans, windows.pieces
    monkeypatch.setattr(windows, "spans", lambda counts: cut(counts, 250))
    monkeypatch.setattr(
        windows, "pieces", lambda rows, counts: pieces(rows, counts, 40)
    )
    kept: dict[str, pl.DataFrame] = {}

    def keep(name: str, rows: pl.LazyFrame) -> pl.LazyFrame:
        kept[name] = rows.collect()
        return kept[name].lazy()

    def plain(_name: str, rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows

    for way in (plain, keep):
        parts = correlated(events(*rows), NO_CLOCKS, NO_SOURCES, keep=way)
        found = pl.concat(parts).sort("time", "path", nulls_last=True)
        assert_frame_equal(found, whole.sort("time", "path", nulls_last=True))
    assert kept["notes"].height == 10
    assert kept["errors"].height == 40 + untimed


def test_an_access_log_is_no_word_about_what_failed() -> None:
    """A server that logs its requests alone would not say that something was thrown."""
    line = said(500, level=None, message=None, format="gunicorn_access")
    row = correlate(events(line), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert row["answered_by"] == "application"
    assert (row["cause"], row["confidence"]) == ("exception", "weak")
    beside = app("ready", source="other.log", time=T)
    found = correlate(events(line, beside), NO_CLOCKS, NO_SOURCES)
    assert found["cause"].to_list() == ["application_response"]


def test_the_silence_of_a_log_whose_zone_is_a_guess_shows_nothing() -> None:
    rows = [web(500, upstream_status=500), app("ready", source="app.log", time=T)]
    zones = [("nginx/access.log", "written", "certain")]
    zones += [("app.log", "inferred", "weak")]
    clocks = pl.from_dicts(
        [
            {"source": source, "stamp": "event", "basis": basis, "confidence": sure}
            for source, basis, sure in zones
        ],
        schema=CLOCK,
    )
    found = correlate(events(*rows), clocks, NO_SOURCES).row(0, named=True)
    assert (found["cause"], found["confidence"]) == ("exception", "weak")
    alike = clocks.with_columns(
        basis=pl.lit("assumed").cast(CLOCK["basis"]),
        confidence=pl.lit("none").cast(CLOCK["confidence"]),
    )
    found = correlate(events(*rows), alike, NO_SOURCES).row(0, named=True)
    assert (found["cause"], found["confidence"]) == ("application_response", "strong")
    spans = [error("x", time=T + timedelta(minutes=n)) for n in (-9, 9)]
    for sure, cause in (("weak", "unknown"), ("strong", "fixed_response")):
        told = clocks.with_columns(
            source=pl.Series(["nginx/access.log", "nginx/error.log"]),
            confidence=pl.Series(["certain", sure], dtype=CLOCK["confidence"]),
        )
        none = web(503)
        asked = web(200, upstream_status=200, upstream="s1", path="/")
        row = correlate(events(none, asked, *spans), told, NO_SOURCES)
        assert row["cause"].to_list() == [cause]


def test_how_far_nginx_came_with_its_upstream_tells_two_502_apart() -> None:
    """As nginx 1.22 writes it of a port that refuses, of a reset, and of a 502."""
    times = {
        "refused": ('"upstream_connect_time":"-","upstream_header_time":"-"', 0.0),
        "reset": ('"upstream_connect_time":"0.000","upstream_header_time":"-"', 0.0),
        "second": (
            '"upstream_connect_time":"-, 0.000","upstream_header_time":"-, -"',
            0,
        ),
        "own": ('"upstream_connect_time":"0.000","upstream_header_time":"0.000"', 0.0),
        "tail": (r'"tail":"rt=0.000 uct=\"0.001\" uht=\"-\" us=\"502\""', 0.0),
        "untold": ('"x":"y"', 0.001),
    }
    rows = [
        web(502, path=f"/{name}", upstream_status=502, duration=took, bytes_sent=157)
        | {"extra": f"{{{extra}}}", "format": "nginx_access"}
        for name, (extra, took) in times.items()
    ]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    told = {
        row["path"].strip("/"): (row["answered_by"], row["cause"], row["confidence"])
        for row in found.to_dicts()
    }
    closed = ("web_server", "upstream_closed", "strong")
    assert told == {
        "refused": ("web_server", "upstream_refused", "strong"),
        "reset": closed,
        "second": closed,
        "own": ("application", "application_response", "weak"),
        "tail": closed,
        "untold": ("web_server", "upstream_refused", "weak"),
    }


def test_apache_answers_502_when_its_time_is_over() -> None:
    rows = []
    for n, took in enumerate((60.005, 60.091, 17.3)):
        time = T + timedelta(minutes=n)
        tail = f'{{"tail":"{took * 1e6:.0f}"}}'
        rows.append(
            web(502, path=f"/{n}", time=time, extra=tail, format="nginx_access")
        )
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    late, gone = ("upstream_timeout", "weak"), ("bad_gateway", "weak")
    assert found.select("cause", "confidence").rows() == [late, late, gone]
    assert "waited 60 s" in found["explanation"][0]
    alone = correlate(events(rows[0]), NO_CLOCKS, NO_SOURCES)
    assert alone["cause"].to_list() == ["bad_gateway"]  # a number may be anything
    known = rows[0] | {"extra": None, "duration": 60.005, "format": "apache_access"}
    alone = correlate(events(known), NO_CLOCKS, NO_SOURCES)
    assert alone["cause"].to_list() == ["upstream_timeout"]


@pytest.mark.parametrize(
    ("front", "status", "by"),
    [
        (HAPROXY | {"upstream": "be/web1"}, 403, "application"),
        ({"format": "aws_alb"}, 404, "application"),
        ({"format": "aws_alb"}, 503, "unknown"),
        ({"format": "heroku_router", "action": None}, 403, "application"),
    ],
)
def test_what_a_server_without_a_log_refuses_may_be_a_web_server_s(
    front: dict[str, Any], status: int, by: str
) -> None:
    found = correlate(events(alb(status, status, **front)), NO_CLOCKS, NO_SOURCES)
    row = found.row(0, named=True)
    assert (row["answered_by"], row["confidence"]) == (by, "weak")
    server = front["format"] != "heroku_router"
    assert ("a web server's own" in row["explanation"]) == server
    assert ("web_server" in row["missing"]) == server
    assert "application" in row["missing"]


def test_what_a_uwsgi_application_threw_stands_above_its_record() -> None:
    """As uWSGI 2.0 writes it, and of the failed one that no byte was sent."""
    uwsgi = {"source": "uwsgi.log", "format": "uwsgi", "level": None, "pid": 7}
    before = f"/before\n{TRACE}\nValueError: boom"
    rows = [
        web(502, path="/boom"),
        app(before, path="/app/admin", status=200, lines=3, **uwsgi | {"line": 10}),
        app("/boom", path="/boom", status=500, bytes_sent=0, **uwsgi | {"line": 13}),
    ]
    for row in rows[1:]:
        row |= {"method": "GET", "lines": row.get("lines", 1)}
    rows.append(web(500, path="/app/admin", time=T + timedelta(seconds=1)))
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES)
    row = found.filter(pl.col("path") == "/boom").row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("web_server", "exception")
    assert row["confidence"] == "strong"
    assert "ValueError: boom" in row["explanation"]
    other = found.filter(pl.col("path") == "/app/admin")["explanation"].item()
    assert "ValueError" not in other


@pytest.mark.parametrize(
    ("status", "phrase", "threw"),
    [
        (403, "Forbidden", "Pundit::NotAuthorizedError (not allowed to index? this)"),
        (403, "Forbidden", "CanCan::AccessDenied (You are not authorized to do so.)"),
        (404, "Not Found", "ActiveRecord::RecordNotFound (Couldn't find User)"),
        (422, "Unprocessable Content", "ActiveRecord::RecordInvalid (Name is taken)"),
    ],
)
def test_what_rails_threw_is_why_it_said_no(
    status: int, phrase: str, threw: str
) -> None:
    """Not the line of the answer, although that says Forbidden: what has its id."""
    tag = "8f6b1f5e-1111-2222-3333-444455556666"
    start = f"[{tag}] "
    rails = {"source": "production.log", "hop": "application", "level": None}
    rails |= {"request_id": tag}
    asked = rails | {"time": T, "path": "/7", "method": "GET", "message": "Started GET"}
    end = f"{start}Completed {status} {phrase} in 19ms (ActiveRecord: 2.2ms)"
    ended = rails | {"time": T, "status": status, "path": "/7", "message": end}
    why = rails | {"time": T, "message": f"  \n{start}{threw}:"}
    found = correlate(events(asked, ended, why), NO_CLOCKS, NO_SOURCES)
    row = found.row(0, named=True)
    assert (row["status"], row["path"]) == (status, "/7")
    assert (row["answered_by"], row["cause"]) == ("application", "application_response")
    assert threw in row["explanation"]
    assert "Completed" not in row["explanation"]


def test_an_answer_without_a_stamp_has_the_time_of_its_request() -> None:
    """Rails stamps that it started; what was thrown follows the end, undated too."""
    rails = {"source": "production.log", "hop": "application", "level": None}
    asked = rails | {"time": T, "path": "/7", "method": "GET", "message": "Started GET"}
    end = "Completed 500 in 69ms\n  \n[8f6b1f5e] NoMethodError (undefined method `x'):"
    ended = rails | {"status": 500, "duration": 0.069, "message": end}
    found = correlate(events(asked, ended), NO_CLOCKS, NO_SOURCES)
    row = found.row(0, named=True)
    assert row["time"] == T + timedelta(milliseconds=69)
    assert (row["path"], row["cause"], row["confidence"]) == (
        "/7",
        "exception",
        "strong",
    )
    assert "NoMethodError (undefined method" in row["explanation"]


@pytest.mark.parametrize(
    ("pid", "newest_first"),
    [(800, False), (None, False), (None, True), (77, False)],
    ids=["journal", "log store", "newest first", "master's number"],
)
def test_the_line_that_names_what_was_thrown_is_told_where_it_is_an_event(
    pid: int | None, newest_first: bool
) -> None:
    """Journals and log stores make an event of each line of a traceback."""
    own: dict[str, Any] = {"level": None, "pid": pid}
    own |= {} if pid else {"hop": None}
    rows = [
        web(500, upstream="127.0.0.1:8000", upstream_status=500),
        app("Error handling request /app/admin", path="/app/admin", line=20),
        app(TRACE, line=21, **own),
        app("KeyError: 'total'", line=24, **own),
        app("Error handling request /other", path="/other", line=25),
        app("ValueError: another's", line=26, **own),
    ]
    later = T.replace(microsecond=0) + timedelta(seconds=9)
    rows += [app("Exception on /last [GET]", path="/last", time=later, line=30)]
    if newest_first:
        rows = [row | {"line": 40 - row.get("line", 0)} for row in reversed(rows)]
    row = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert "KeyError: 'total'" in row["explanation"]
    assert sorted(line["line"] for line in row["evidence"][1:]) == (
        [16, 20] if newest_first else [20, 24]
    )


def test_an_exception_stands_above_the_undated_record_of_asp_net_core() -> None:
    undated: dict[str, Any] = {"source": "web.log", "time": None}
    undated |= {"format": "aspnet_console", "hop": "application", "pid": None}
    thrown = app(
        "An unhandled exception\nSystem.TimeoutException: late", line=7, **undated
    )
    category = app("", line=9, **undated | {"level": "info"})
    rows = [thrown | {"lines": 2}, category, said(500, line=10, **undated)]
    row = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["cause"], row["confidence"]) == ("exception", "strong")
    assert "System.TimeoutException: late" in row["explanation"]


SUM = (
    'ModSecurity: Access denied with code 403 (phase 2). [id "949110"]'
    ' [msg "Inbound Anomaly Score Exceeded (Total Score: 8)"] [unique_id "Zabc"]'
)
MATCHED = (
    'ModSecurity: Warning. detected SQLi using libinjection [id "942100"]'
    ' [msg "SQL Injection Attack Detected via libinjection"] [unique_id "Zabc"]'
)


@pytest.mark.parametrize("audited", [False, True], ids=["error log", "audit log"])
def test_what_core_rules_added_up_is_told_beside_the_rule_that_ended_it(
    audited: bool,
) -> None:
    own: dict[str, Any] = {"request_id": "Zabc", "rule": "949110", "line": 12}
    denied = error(SUM, reason="modsecurity_denied", status=403, action="block", **own)
    warned = error(MATCHED, reason="modsecurity_warning")
    warned |= {"request_id": "Zabc", "rule": "942100", "line": 11}
    other = warned | {"request_id": "Zother", "rule": "930100", "line": 13}
    audit = denied | {"source": "audit.log", "format": "modsec_audit"}
    audit |= {"extra": '{"rules":"901340 942100 920350 949110 980170"}', "line": 1}
    rows = [web(403), denied, other, audit if audited else warned]
    row = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["cause"], row["rule"]) == ("waf_rule", "949110")
    told = "942100, 920350" if audited else "942100 SQL Injection Attack Detected via"
    assert f"(Total Score: 8); matched before: {told}" in row["explanation"]
    assert "930100" not in row["explanation"]
    if not audited:
        assert {line["line"] for line in row["evidence"]} >= {11, 12}


def bare(line: int, text: str = "Error: no such order") -> dict[str, Any]:
    stack = app(f"{text}\n    at show (/srv/app.js:1:2)", pid=None, line=line, lines=2)
    return stack | {"time": None, "source": "app.log", "format": "bare_stack"}


def record(line: int, status: int, path: str) -> dict[str, Any]:
    time = T + timedelta(seconds=line)
    own: dict[str, Any] = {"source": "app.log", "path": path, "line": line}
    return said(status, time=time, **own)


@pytest.mark.parametrize("first", ["stack", "record"])
def test_a_bare_stack_is_of_the_failed_record_beside_it(first: str) -> None:
    """Two in a row: the side is the one that the log's other stacks show."""
    lines = [record(1, 200, "/ok")]
    for path, text in (("/a", "Error: of a"), ("/b", "Error: of b")):
        pair = [bare(0, text), record(0, 500, path)]
        lines += pair if first == "stack" else pair[::-1]
    lines.append(record(0, 200, "/ok"))
    place = 1
    for line in lines:
        line |= {"line": place}
        place += line.get("lines", 1)
    found = correlate(events(*lines), NO_CLOCKS, NO_SOURCES)
    told = dict(found.select("path", "explanation").iter_rows())
    assert "(Error: of a)" in told["/a"]
    assert "(Error: of b)" in told["/b"]


def test_a_bare_stack_between_two_failures_is_of_neither() -> None:
    lines = [record(1, 500, "/a"), bare(2), record(4, 500, "/b")]
    found = correlate(events(*lines), NO_CLOCKS, NO_SOURCES)
    assert not found["explanation"].str.contains("no such order").any()


def test_a_panic_that_chi_printed_has_blank_lines_around_it() -> None:
    """So it stands above the record of its request; a bare stack's is right below."""
    text = "panic: runtime error: index out of range [5] with length 3\n \n -> main.x"
    for form, told in (("go_access", True), ("bare_stack", False)):
        stack = bare(3, text) | {"format": form, "hop": "application", "lines": 3}
        own = {"format": form} if told else {}
        lines = [record(1, 200, "/ok") | own, stack, record(7, 500, "/boom") | own]
        found = correlate(events(*lines), NO_CLOCKS, NO_SOURCES)
        why = found.filter(pl.col("path") == "/boom")["explanation"][0]
        assert ("(runtime error: index out of range [5]" in why) == told


def test_what_waited_is_told_after_the_start_that_apache_stamps() -> None:
    """Of two requests of one path the trace of the first is no word on the second."""
    text = "request /api/stock failed\na.b.PoolException: no\n\tat a.b.C(C.java:1)"
    rows = []
    for number, second in enumerate((0, 37, 120, 200)):
        start = T + timedelta(seconds=second)
        own: dict[str, Any] = {"source": "apache/access.log", "path": "/api/stock"}
        rows.append(web(500, format="apache_access", time=start, **own))
        thrown = {"source": "app.log", "hop": "application", "line": 10 + number}
        late = start + timedelta(seconds=30)
        rows.append(app(text, time=late, path=None, pid=None, **thrown))
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).sort("time")
    traces = [row[-1]["line"] for row in found["evidence"].to_list()]
    assert traces == [10, 11, 12, 13]


def test_who_is_refused_while_a_server_restarts_that_lacked_memory() -> None:
    up = "10.0.0.9:3000"
    later = T + timedelta(seconds=12)
    far = T + timedelta(seconds=300)
    rows = [
        web(502, upstream=up),
        error("upstream prematurely closed connection while reading response"),
        app("Memory cgroup out of memory: Killed process 7 (node)", hop="host"),
        web(502, upstream=up, time=later, path="/b"),
        error(REFUSED, time=later.replace(microsecond=0), path="/b"),
        web(502, upstream=up, time=far, path="/c"),
        error(REFUSED, time=far.replace(microsecond=0), path="/c"),
    ]
    found = correlate(events(*rows), NO_CLOCKS, NO_SOURCES).sort("time")
    causes = ["out_of_memory", "out_of_memory", "upstream_refused"]
    assert found["cause"].to_list() == causes


@pytest.mark.parametrize(
    "text",
    [
        "pod/web-7d9f4c-x2x9k OOMKilled: a container ended, exit code 137",
        "container oom shop-web-1",
        "container shop-web-1 OOMKilled: exit code 137",
    ],
    ids=["kubectl describe", "docker events", "docker inspect"],
)
def test_who_runs_containers_tells_that_one_lacked_memory(text: str) -> None:
    closed = error("upstream prematurely closed connection while reading response")
    told = app(text, hop="host", pid=None, level=None)
    row = correlate(events(web(502), closed, told), NO_CLOCKS, NO_SOURCES)
    assert row["cause"].to_list() == ["out_of_memory"]
    assert row["confidence"].to_list() == ["strong"]


def test_an_upstream_s_own_502_leaves_no_error_line() -> None:
    """Nginx tells of each upstream that fails it; its own page has a known size."""
    hour = timedelta(hours=1)
    around = [error("x", time=T - hour), error("y", time=T + hour)]
    asked = {"upstream_status": 502, "upstream": "a:1", "extra": '{"uct":"0.000"}'}
    body = NGINX | {"bytes_sent": 3}
    told = correlate(events(web(502, **body, **asked), *around), NO_CLOCKS, NO_SOURCES)
    assert told.select("answered_by", "confidence").row(0) == ("application", "strong")
    bare = correlate(events(web(502, **body), *around), NO_CLOCKS, NO_SOURCES)
    assert bare.select("answered_by", "confidence").row(0) == ("application", "weak")
    silent = correlate(events(web(502, **body, **asked)), NO_CLOCKS, NO_SOURCES)
    assert silent.select("answered_by", "confidence").row(0) == ("web_server", "weak")
    page = web(502, **NGINX, **asked, bytes_sent=157)
    failed = correlate(events(page), NO_CLOCKS, NO_SOURCES)
    assert failed.select("answered_by", "confidence").row(0) == ("web_server", "strong")


@pytest.mark.parametrize(
    ("status", "size", "cause"),
    [
        (410, 143, "fixed_response"),
        (416, 197, "bad_request"),
        (400, 237, "bad_request"),
    ],
)
def test_pages_that_nginx_makes_itself(status: int, size: int, cause: str) -> None:
    hour = timedelta(hours=1)
    around = [error("x", time=T - hour), error("y", time=T + hour)]
    own = web(status, **NGINX, bytes_sent=size)
    row = correlate(events(own, *around, app("x")), NO_CLOCKS, NO_SOURCES)
    assert row.select("answered_by", "cause").row(0) == ("web_server", cause)
    certificate = "No required SSL certificate was sent" in row["explanation"][0]
    assert certificate == (status == 400)


def test_a_444_is_nginx_s_alone() -> None:
    row = correlate(events(web(444, **NGINX), app("x")), NO_CLOCKS, NO_SOURCES)
    said = row.select("answered_by", "cause", "confidence").row(0)
    assert said == ("web_server", "access_forbidden", "strong")


def test_another_body_than_nginx_s_page_may_be_anybody_s() -> None:
    row = correlate(events(web(403, **NGINX, bytes_sent=9)), NO_CLOCKS, NO_SOURCES)
    assert row.select("answered_by", "confidence").row(0) == ("unknown", "weak")


def test_an_exception_is_told_by_the_path_behind_the_proxy() -> None:
    """The proxy asks for another path, and the traceback names that one."""
    front = web(500, path="/shop/pay", upstream_status=500, upstream="10.0.0.5:8000")
    own = {"source": "gunicorn.log", "hop": "app_server", "path": "/pay"}
    inner = web(500, **own, client_ip="10.0.0.1")
    thrown = app(f"Exception on /pay [GET]\n{TRACE}", hop="application")
    near = web(500, path="/shop/x", upstream_status=500, upstream="10.0.0.5:8000")
    rows = events(front, inner, thrown, near | {"time": T + timedelta(minutes=2)})
    row = correlate(rows, NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["cause"], row["confidence"]) == ("exception", "certain")


def _printed(*lines: tuple[int, str, int]) -> list[dict[str, Any]]:
    """The events of an application that prints stacks between its requests' lines."""
    own = {"hop": None, "format": "generic_log", "path": None, "status": None}
    own |= {"source": "hapi.log", "level": None, "method": None}
    found = []
    for line, (second, text, many) in enumerate(lines):
        at = T + timedelta(seconds=second)
        place = {"line": 1 + 10 * line, "lines": 10, "offset": 100 * line}
        found.append(app(text + STACK * many, **own, time=at, **place))
    return found


STACK = (
    "\nDebug: handler, error \n    TypeError: no items\n    at handler (/srv/a.js:4:7)"
)


def test_what_stands_below_the_line_of_a_finished_request_is_of_the_next() -> None:
    """So hapi: a stack when it is thrown, a request when it is answered."""
    before = "\nDebug: handler, error \n    Error: refused\n    at c (/srv/a.js:9:7)"
    printed = _printed(
        (-9, "192.0.2.7 GET /ok --> 200" + before, 0),
        (-8, "192.0.2.7 GET /pay --> 500", 1),
        (0, "192.0.2.7 GET /items --> 500", 0),
    )
    rows = events(
        web(500, path="/pay", time=T - timedelta(seconds=8), upstream_status=500),
        web(500, path="/items", upstream_status=500, line=2, offset=300),
        *printed,
    )
    found = correlate(rows, NO_CLOCKS, NO_SOURCES)
    told = dict(zip(found["path"], found["explanation"], strict=True))
    assert "refused" in told["/pay"]
    assert "no items" not in told["/pay"]
    assert "no items" in told["/items"]


def test_a_stack_between_two_failed_requests_is_nobodys() -> None:
    """Nothing tells whether it was printed behind the one or before the other."""
    printed = _printed(
        (-1, "192.0.2.7 GET /pay --> 500", 1), (0, "192.0.2.7 GET /items --> 500", 0)
    )
    rows = events(
        web(500, path="/pay", time=T - timedelta(seconds=1), upstream_status=500),
        web(500, path="/items", upstream_status=500, line=2, offset=300),
        *printed,
    )
    found = correlate(rows, NO_CLOCKS, NO_SOURCES)
    assert not any("no items" in told for told in found["explanation"])


def test_a_line_goes_to_the_status_that_it_comes_with_most() -> None:
    """Apache stamps the start: a 500 before it would take what a 504 waited for."""
    own = APACHE | {"path": "/ap/warn", "time": T - timedelta(seconds=6)}
    late = APACHE | {"path": "/ap/sleep", "line": 2, "offset": 300}
    message = "(70007)The timeout specified has expired: AH01075: Error dispatching"
    said = {"source": "apache2/error.log", "format": "apache_error", "path": None}
    said |= {"method": None, "reason": "upstream_timed_out"}
    line = error(message, **said, time=T + timedelta(seconds=5))
    found = correlate(
        events(web(500, **own), web(504, **late), line), NO_CLOCKS, NO_SOURCES
    )
    causes = dict(zip(found["path"], found["cause"], strict=True))
    assert causes["/ap/sleep"] == "upstream_timeout"
    assert causes["/ap/warn"] != "upstream_timeout"


def test_an_upstream_that_nginx_cannot_make_of_its_variables_is_its_settings() -> None:
    """`proxy_pass http://$backend` where the variable is empty."""
    text = '*95 invalid URL prefix in "http://"'
    line = error(text, format="nginx_error", reason="configuration_wrong")
    row = correlate(events(web(500), line), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["answered_by"], row["cause"]) == ("web_server", "configuration_error")


def test_of_two_that_a_line_may_be_of_a_500_is_asked_last() -> None:
    """mod_proxy_ajp's 503 for Tomcat that is late, behind what Tomcat answered."""
    own = APACHE | {"path": "/ajp/oom.jsp", "time": T - timedelta(seconds=8)}
    late = APACHE | {"path": "/ajp/slow.jsp", "line": 2, "offset": 300}
    message = "(70007)The timeout specified has expired: AH00878: read response failed"
    said = {"source": "apache2/error.log", "format": "apache_error", "path": None}
    said |= {"method": None, "reason": "upstream_timed_out"}
    line = error(message, **said, time=T + timedelta(seconds=4))
    rows = events(web(500, **own), web(503, **late), line)
    found = correlate(rows, NO_CLOCKS, NO_SOURCES)
    causes = dict(zip(found["path"], found["cause"], strict=True))
    assert causes["/ajp/slow.jsp"] == "upstream_timeout"
    assert causes["/ajp/oom.jsp"] != "upstream_timeout"


def test_what_perl_throws_is_an_exception_and_tells_why() -> None:
    """Mojolicious logs the message of `die` as it is, and no path."""
    text = "[PQVJtGxRwsdi] Illegal division by zero at /srv/app/app.pl line 7.\n"
    line = app(text, hop="application", source="production.log", format="mojo")
    row = correlate(events(web(500), line), NO_CLOCKS, NO_SOURCES).row(0, named=True)
    assert (row["cause"], row["confidence"]) == ("exception", "strong")


def test_of_three_that_failed_in_a_second_two_stacks_tell_nothing() -> None:
    """One threw words that nobody knows: which of the three is open."""
    own = {"hop": "application", "source": "production.log"}
    lines = [
        app(f"{why} at /srv/app/app.pl line 7.", **own, offset=n, line=n + 1, time=at)
        for n, (why, at) in enumerate(
            [
                ("Illegal division by zero", T.replace(microsecond=62_000)),
                ("Could not render", T.replace(microsecond=219_000)),
            ]
        )
    ]
    asked = [web(500, path=f"/{n}", line=n + 1, offset=300 * n) for n in range(3)]
    found = correlate(events(*asked, *lines), NO_CLOCKS, NO_SOURCES)
    assert (
        not found["evidence"]
        .list.eval(pl.element().struct.field("hop") == "application")
        .list.any()
        .any()
    )


def test_what_was_thrown_at_the_end_of_a_long_request_of_apache_is_its_own() -> None:
    """Apache stamps the start: the next request is as near to the stack's stamp."""
    first = APACHE | {"path": "/db", "duration": 1.9}
    later = T + timedelta(seconds=2)
    second = APACHE | {"path": "/oom", "duration": 0.1, "time": later, "line": 2}
    text = "java.io.IOException: refused\n\tat org.apache.jsp.db(db.java:9)"
    stack = app(text, hop="app_server", time=T + timedelta(seconds=1, microseconds=9e5))
    rows = events(web(500, **first), web(500, **second | {"offset": 300}), stack)
    found = correlate(rows, NO_CLOCKS, NO_SOURCES)
    told = dict(zip(found["path"], found["explanation"], strict=True))
    assert "refused" in told["/db"]
    assert "refused" not in told["/oom"]
