"""A hop and a window ▶ the sentence that asks for its log: which, when, from where."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

__all__ = ["OUTER", "ask", "distinct", "has_window", "hop_of"]

#: The hops in front of the web server, in the order in which they are asked for.
OUTER = ["waf", "load_balancer", "cdn"]
_MARGIN = timedelta(minutes=5)
_SLOT = timedelta(minutes=5)
_WHOLE = "the whole incident"
#: What stands before the window of a wish: which log it is for.
_WINDOW = re.compile(rf", (?:\d{{4}}-\d\d-\d\d \d\d:\d\d to |{_WHOLE}).*", re.DOTALL)


def _slot(moment: datetime) -> datetime:
    """The end of the 5-minute object in which a record is delivered."""
    passed = timedelta(minutes=moment.minute % 5)
    return moment.replace(second=0, microsecond=0) - passed + _SLOT


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def has_window(wish: str) -> bool:
    """Whether a wish says itself over which time the log is wanted."""
    return _WINDOW.search(wish) is not None


def hop_of(wish: str) -> str | None:
    """The outer hop whose log the wish asks for; None for any other wish."""
    bare = _WINDOW.sub("", wish)
    return next((h for h in OUTER if bare == _WINDOW.sub("", ask(h, None, None))), None)


def distinct(wishes: Iterable[str]) -> list[str]:
    """The wishes in order; of several for one log the first, whatever its window."""
    first: dict[str, str] = {}
    for wish in wishes:
        first.setdefault(_WINDOW.sub("", wish), wish)
    return list(first.values())


def ask(hop: str, start: datetime | None, end: datetime | None) -> str:
    """What to ask for: the log of that hop over that window (UTC)."""
    if start is None or end is None:
        window, days, files, hours = _WHOLE, "YYYY/MM/DD/", "*.log.gz", "YYYY/MM/DD/HH/"
    else:
        low, high = start - _MARGIN, end + _MARGIN
        window = f"{low:%Y-%m-%d %H:%M} to {high:%Y-%m-%d %H:%M} UTC"
        days, hours = (
            _span(*(moment.strftime(f"{form}/") for moment in (start, end)))
            for form in ("%Y/%m/%d", "%Y/%m/%d/%H")
        )
        ends = (f"*_{_slot(moment):%Y%m%dT%H%MZ}_*.log.gz" for moment in (start, end))
        files = _span(*ends)
    texts = {
        "waf": (
            "AWS WAF log of the web ACL on the load balancer, API or distribution,"
            f" {window}: CloudWatch Logs group aws-waf-logs-* (filter on the path and"
            " action BLOCK), or S3 bucket"
            f" aws-waf-logs-*/AWSLogs/ACCOUNT/WAFLogs/REGION/WEBACL/{hours} (REGION is"
            " `cloudfront` for a distribution, whose log group is in us-east-1);"
            " if logging is off, `aws wafv2 get-sampled-requests` (kept for 3 hours)"
        ),
        "load_balancer": (
            f"ALB access logs, {window}: the S3 bucket of the load balancer's attribute"
            " access_logs.s3.bucket, below"
            f" AWSLogs/ACCOUNT/elasticloadbalancing/REGION/{days}, objects {files}"
        ),
        "cdn": (
            f"CloudFront (or other CDN) access logs, {window}: the distribution's log"
            " bucket, and its custom error responses"
        ),
        "web_server": (
            f"nginx access.log and error.log of every web host, {window}, rotated files"
            " included; for the next time a log_format with $http_x_forwarded_for,"
            " $http_x_amzn_trace_id, $request_time, $upstream_addr and $upstream_status"
        ),
        "app_server": (
            f"gunicorn's error log (or syslog and `journalctl -o json --utc`), {window}"
        ),
        "application": (
            "the application's own log and syslog (`journalctl -o json --utc`),"
            f" {window}"
        ),
        "host": f"syslog or `journalctl -o json --utc` of the host, {window}",
    }
    return texts.get(hop, f"the log of {hop}, {window}")
