"""A hop and a window ▶ the sentence that asks for its log: which, when, from where."""

from datetime import datetime, timedelta

__all__ = ["OUTER", "ask"]

#: The hops in front of the web server, in the order in which they are asked for.
OUTER = ["waf", "load_balancer", "cdn"]
_MARGIN = timedelta(minutes=5)
_SLOT = timedelta(minutes=5)


def _slots(start: datetime, end: datetime) -> list[datetime]:
    """The ends of the 5-minute objects in which a window's records are delivered."""
    first = start.replace(
        minute=start.minute - start.minute % 5, second=0, microsecond=0
    )
    slots = [first + _SLOT]
    while slots[-1] < end and len(slots) < 3:
        slots.append(slots[-1] + _SLOT)
    return slots


def _names(start: datetime, end: datetime) -> str:
    """The object names of the load balancer's 5-minute files."""
    return ", ".join(f"*_{slot:%Y%m%dT%H%MZ}_*.log.gz" for slot in _slots(start, end))


def ask(hop: str, start: datetime | None, end: datetime | None) -> str:
    """What to ask for: the log of that hop over that window (UTC)."""
    if start is None or end is None:
        window, day, files, hour = "the whole incident", "YYYY/MM/DD", "*.log.gz", "HH"
    else:
        low, high = start - _MARGIN, end + _MARGIN
        window = f"{low:%Y-%m-%d %H:%M} to {high:%Y-%m-%d %H:%M} UTC"
        day, hour, files = f"{start:%Y/%m/%d}", f"{start:%H}", _names(start, end)
    texts = {
        "waf": (
            f"AWS WAF log of the web ACL on the load balancer, {window}: CloudWatch"
            " Logs group aws-waf-logs-* (filter on the path and action BLOCK), or S3 bucket"
            f" aws-waf-logs-*/AWSLogs/ACCOUNT/WAFLogs/REGION/WEBACL/{day}/{hour}/;"
            " if logging is off, `aws wafv2 get-sampled-requests` (kept for 3 hours)"
        ),
        "load_balancer": (
            f"ALB access logs, {window}: the S3 bucket of the load balancer's attribute"
            " access_logs.s3.bucket, below"
            f" AWSLogs/ACCOUNT/elasticloadbalancing/REGION/{day}/, objects {files}"
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
