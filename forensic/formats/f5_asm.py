"""F5's web firewalls, BIG-IP ASM and NGINX App Protect: `key="value",key="value"…`.

By syslog, whose parser takes `ASM:` for the program's name. `request_status` says what
the firewall did; the status is 0 where it did not ask the server. The support id is
the number that the blocking page shows to the user.
"""

import polars as pl

from forensic.fields.columns import http_status, iso_stamp, json_extra
from forensic.format import Format

__all__ = ["FORMAT"]

_KEYS = (
    "date_time ip_client method uri query_string response_code request_status outcome"
    " violations sub_violations attack_type policy_name support_id username severity"
    " x_forwarded_for_header_value sig_ids sig_names violation_rating outcome_reason"
    " vs_name unit_hostname blocking_exception_reason"
).split()
_EXTRA = (
    "sub_violations sig_ids sig_names violation_rating outcome_reason severity vs_name"
    " unit_hostname blocking_exception_reason"
).split()
_HEAD = r'^(?:ASM:)?[a-z_]+="[^"]*",[\s\S]*request_status="'
_DONE = {"blocked": "BLOCK", "alerted": "COUNT", "passed": "ALLOW"}


def _value(name: str) -> pl.Expr:
    """The value of a key; null for one of F5's marks of absence."""
    found = pl.col("line").str.extract(rf'(?:^|,|ASM:){name}="([^"]*)"')
    return pl.when(~found.is_in(["", "N/A"])).then(found)


def _header(name: str) -> pl.Expr:
    """A header of the request as logged, with its line ends written as escapes."""
    pattern = rf'(?i)(?:\\n|\n){name}: *(.*?)(?:\\r|\\n|\r|\n|"|$)'
    return pl.col("line").str.extract(pattern)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the firewall's lines."""
    found = pl.DataFrame({"line": lines}).select(
        "line", **{name: _value(name) for name in _KEYS}
    )
    done = pl.col("request_status").str.to_lowercase()
    action = done.replace_strict(_DONE, default=None, return_dtype=pl.String)
    rule = pl.coalesce("violations", "attack_type")
    fits = pl.col("line").str.contains(_HEAD) & done.is_not_null()
    fits &= pl.col("ip_client").is_not_null()
    short = pl.when(~fits).then(pl.lit("no line of F5's firewalls"))
    return found.select(
        local_time=iso_stamp(pl.col("date_time")),
        client_ip="ip_client",
        forwarded_for="x_forwarded_for_header_value",
        method="method",
        host=_header("host").str.replace(r":\d+$", ""),
        path=pl.col("uri").str.extract(r"^([^?]*)"),
        query=pl.coalesce("query_string", pl.col("uri").str.extract(r"\?(.*)$")),
        status=http_status(pl.col("response_code")),
        user_agent=_header("user-agent"),
        user="username",
        request_id="support_id",
        action=action,
        rule=pl.when(action != "ALLOW").then(rule),
        rule_group="policy_name",
        rule_type="attack_type",
        reason="request_status",
        message=rule,
        extra=json_extra(**{name: pl.col(name) for name in _EXTRA}),
        refused=short,
    )


FORMAT = Format(
    name="f5_asm",
    title="F5 ASM or NGINX App Protect",
    hop="waf",
    reference="https://docs.nginx.com/nginx-app-protect-waf/v4/logging-overview/security-log/",
    head=_HEAD,
    parse=parse,
    paths=r"(?i)asm|app.?protect",
)
