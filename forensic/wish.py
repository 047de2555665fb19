"""A hop and a window ▶ the sentence that asks for its log: which, when, from where."""

import re
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta, timezone

__all__ = ["OUTER", "Wish", "ask", "distinct", "has_window", "hop_of"]

#: A hop ▶ the sentence that asks for its log of the time that is meant.
Wish = Callable[[str], str]
#: The hops in front of the web server, in the order in which they are asked for.
OUTER = ["waf", "load_balancer", "cdn"]
_MARGIN = timedelta(minutes=5)
_SLOT = timedelta(minutes=5)
_AWS_WAF = (
    "CloudWatch Logs group aws-waf-logs-* (filter on the path and action BLOCK), or S3"
    " bucket aws-waf-logs-*/AWSLogs/ACCOUNT/WAFLogs/REGION/WEBACL/{hours} (REGION is"
    " `cloudfront` for a distribution, whose log group is in us-east-1); if logging is"
    " off, `aws wafv2 get-sampled-requests` (kept for 3 hours)"
)
_ALB = (
    "the S3 bucket of the load balancer's attribute access_logs.s3.bucket, below"
    " AWSLogs/ACCOUNT/elasticloadbalancing/REGION/{days}, objects {files}"
)
_AWS = {
    "waf": "AWS WAF log of the web ACL on the load balancer, API or distribution,"
    f" {{window}}: {_AWS_WAF}",
    "load_balancer": f"ALB access logs, {{window}}: {_ALB}",
}
#: Hop ▶ what is asked for where no other product is known to be in use.
_USUAL = {
    "waf": f"log of the WAF, {{window}}; of AWS WAF: {_AWS_WAF}",
    "load_balancer": "access log of the load balancer or proxy in front, {window}; of"
    f" an ALB: {_ALB}",
    "cdn": "CloudFront (or other CDN) access logs, {window}: the distribution's log"
    " bucket, and its custom error responses",
    "web_server": "nginx access.log and error.log of every web host, {window}, rotated"
    " files included; for the next time a log_format with $http_x_forwarded_for,"
    " $http_x_amzn_trace_id, $request_time, $upstream_addr and $upstream_status",
    "web_errors": "error log of every web host, {window}, rotated files included: it"
    " says why it answered so",
    "php": "php-fpm's error log and its slow log (slowlog, request_slowlog_timeout),"
    " {window}: they say which script was slow, was ended or found no worker",
    "uwsgi": "uWSGI's log, {window}",
    "lambda": "log of the Lambda function, {window}: CloudWatch Logs group"
    " /aws/lambda/FUNCTION",
    "app_server": "gunicorn's error log (or syslog and `journalctl -o json --utc`),"
    " {window}",
    "application": "the application's own log and syslog (`journalctl -o json --utc`),"
    " {window}",
    "host": "syslog or `journalctl -o json --utc` of the host, {window}",
}
_AZURE = {
    "waf": "Azure WAF log, {window}: of Application Gateway the diagnostic category"
    " ApplicationGatewayFirewallLog, of Front Door FrontDoorWebApplicationFirewallLog,"
    " in the Log Analytics workspace or the storage container"
    " insights-logs-*firewalllog; who owns the subscription has it",
    "load_balancer": "Application Gateway (or Front Door) access log, {window}: the"
    " diagnostic category ApplicationGatewayAccessLog (FrontDoorAccessLog), in the Log"
    " Analytics workspace or the storage container insights-logs-*accesslog",
    "cdn": "Azure Front Door access log, {window}: the diagnostic category"
    " FrontDoorAccessLog",
}
_GOOGLE = {
    "waf": "Cloud Armor's decisions, {window}: the load balancer's request log in Cloud"
    ' Logging, `gcloud logging read \'resource.type="http_load_balancer" AND'
    ' jsonPayload.enforcedSecurityPolicy.outcome="DENY"\'` (only where the backend'
    " service has logging on)",
    "load_balancer": "request log of the Google Cloud load balancer, {window}:"
    " `gcloud logging read 'resource.type=\"http_load_balancer\"'` (only where the"
    " backend service has logging on)",
}
_CLOUDFLARE = {
    "waf": "Cloudflare firewall events, {window}: Security > Events in the dashboard,"
    " or the Logpush dataset firewall_events; who owns the zone has it",
    "cdn": "Cloudflare HTTP requests, {window}: the Logpush dataset http_requests with"
    " RayID, EdgeResponseStatus, OriginResponseStatus, SecurityAction and"
    " SecurityRuleID",
}


def _proxy(name: str, place: str) -> dict[str, str]:
    """What is asked of who runs a proxy of their own."""
    return {
        "load_balancer": f"{name}'s access log of every host that runs it, {{window}}"
        f" ({place}), rotated files included"
    }


_APACHE = {
    "web_server": "Apache's access and error log of every web host, {window}, of all"
    " virtual hosts, rotated files included, and mod_security's audit log where it is"
    " in use; for the next time a LogFormat with %{{X-Forwarded-For}}i and %D",
}
_IIS = {
    "web_server": "IIS's W3C log of the site (LogFiles\\W3SVC*\\u_ex*.log, with"
    " sc-substatus, sc-win32-status and time-taken) and HTTP.SYS's"
    " System32\\LogFiles\\HTTPERR\\httperr*.log, {window}",
    "application": "the application's own log and the Windows event log (Application,"
    " System), {window}",
    "app_server": "the Windows event log (Application, System; WAS and .NET), {window}",
}
_CADDY = {"web_server": "Caddy's access and error log of every web host, {window}"}
_TOMCAT = {"app_server": "Tomcat's catalina.out and access log, {window}"}
_UWSGI = {"app_server": "uWSGI's log, {window}"}
_PHP = {"app_server": "php-fpm's error and slow log, {window}"}
#: The formats that tell of a product ▶ what it calls its logs. The outermost first:
#: what stands in front of a service is asked for by its name.
_KNOWN: list[tuple[set[str], dict[str, str]]] = [
    ({"aws_alb", "aws_waf", "aws_clb", "aws_nlb", "cloudfront", "cloudtrail"}, _AWS),
    ({"azure_gateway", "azure_waf"}, _AZURE),
    ({"gcp_load_balancer"}, _GOOGLE),
    ({"cloudflare", "cloudflare_waf"}, _CLOUDFLARE),
    ({"haproxy"}, _proxy("HAProxy", "syslog, often /var/log/haproxy.log")),
    ({"envoy"}, _proxy("Envoy", "of the gateway's and the sidecar's container")),
    ({"traefik"}, _proxy("Traefik", "with accessLog switched on")),
    ({"squid"}, _proxy("Squid", "/var/log/squid/access.log")),
    ({"varnish"}, _proxy("Varnish", "varnishncsa, or varnishlog")),
    (
        {"nginx_access", "nginx_apisix", "nginx_error", "nginx_json"},
        {hop: _USUAL[hop] for hop in ("web_server", "application")},
    ),
    ({"apache_access", "apache_error"}, _APACHE),
    ({"iis"}, _IIS),
    ({"caddy"}, _CADDY),
    ({"gunicorn_error", "gunicorn_access"}, {"app_server": _USUAL["app_server"]}),
    ({"tomcat"}, _TOMCAT),
    ({"uwsgi"}, _UWSGI),
    ({"php"}, _PHP),
]
_WHOLE = "the whole incident"
#: What stands before the window of a wish: which log it is for.
_WINDOW = re.compile(rf", (?:\d{{4}}-\d\d-\d\d \d\d:\d\d to |{_WHOLE}).*", re.DOTALL)


def _slot(moment: datetime) -> datetime:
    """The end of the 5-minute object in which a record is delivered."""
    passed = timedelta(minutes=moment.minute % 5)
    return moment.replace(second=0, microsecond=0) - passed + _SLOT


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _window(low: datetime, high: datetime, offset: int) -> str:
    """The window in UTC, and on the clocks of a zone that has another time."""
    window = f"{low:%Y-%m-%d %H:%M} to {high:%Y-%m-%d %H:%M} UTC"
    if not offset:
        return window
    there = timezone(timedelta(seconds=offset))
    low, high = low.astimezone(there), high.astimezone(there)
    ends = high.strftime("%H:%M" if high.date() == low.date() else "%Y-%m-%d %H:%M")
    return f"{window} ({low:%Y-%m-%d %H:%M} to {ends} {there})"


def has_window(wish: str) -> bool:
    """Whether a wish says itself over which time the log is wanted."""
    return _WINDOW.search(wish) is not None


def hop_of(wish: str) -> str | None:
    """The outer hop whose log the wish asks for; None for any other wish."""
    bare = _WINDOW.sub("", wish)
    every = [_USUAL, *(logs for _, logs in _KNOWN)]
    return next(
        (
            hop
            for hop in OUTER
            for logs in every
            if hop in logs and logs[hop].partition(", {window}")[0] == bare
        ),
        None,
    )


def distinct(wishes: Iterable[str]) -> list[str]:
    """The wishes in order; of several for one log the first, whatever its window."""
    first: dict[str, str] = {}
    for wish in wishes:
        first.setdefault(_WINDOW.sub("", wish), wish)
    return list(first.values())


def ask(
    hop: str,
    start: datetime | None,
    end: datetime | None,
    formats: Collection[str] = (),
    offset: int = 0,
) -> str:
    """What to ask for: the log of that hop over that window (UTC).

    `offset` is the zone in which its owner reads clocks, as seconds east of UTC.
    `formats` are those of the archive: they tell whose products are in use, and so
    what the log is called and where it lies.
    """
    if start is None or end is None:
        window, days, files, hours = _WHOLE, "YYYY/MM/DD/", "*.log.gz", "YYYY/MM/DD/HH/"
    else:
        low, high = start - _MARGIN, end + _MARGIN
        window = _window(low, high, offset)
        days, hours = (
            _span(*(moment.strftime(f"{form}/") for moment in (start, end)))
            for form in ("%Y/%m/%d", "%Y/%m/%d/%H")
        )
        ends = (f"*_{_slot(moment):%Y%m%dT%H%MZ}_*.log.gz" for moment in (start, end))
        files = _span(*ends)
    found = (logs[hop] for signs, logs in _KNOWN if hop in logs and signs & {*formats})
    text = next(found, _USUAL.get(hop, f"the log of {hop}, {{window}}"))
    return text.format(window=window, days=days, files=files, hours=hours)
