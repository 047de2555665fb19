"""Rule: what checks logins for the web server failed."""

from functools import partial

import polars as pl

from forensic.complaints import amid, by_error_log, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="web-auth-backend",
    title="The service that checks logins failed",
    level="high",
    description="nginx's auth_request got neither 2xx nor 401 or 403, or Apache "
    "could not ask its directory (LDAP): the answer was 500, whoever "
    "asked.",
    falsepositives=["A short restart of that service"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_auth_request_module.html",
        "https://httpd.apache.org/docs/2.4/mod/mod_authnz_ldap.html",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(complaints, names=["auth_request_failed", "auth_backend_failed"]),
        by=["server"],
        tops=["path", "client_ip", "message"],
        summary=pl.format(
            "What checks logins for {} failed {}, which got 500{}",
            amid(),
            plural(pl.col("count"), "request"),
            said("path", "client_ip", "message"),
        ),
        ask_for=["logs of the service that checks logins"],
    ),
    positives=[
        by_error_log("auth_request_failed"),
        by_error_log("auth_backend_failed"),
    ],
    negatives=[
        by_error_log("auth_missing"),
        Example(
            title="another hop",
            events=[{"hop": "cdn", "reason": "auth_request_failed"}],
        ),
    ],
)
