"""Rule: the authentication service failed."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

RULE = Rule(
    id="nginx-auth-request",
    title="nginx's auth_request got an unexpected answer",
    level="high",
    description="The authentication service answered neither 2xx nor 401 or 403, so "
    "nginx answered 500.",
    falsepositives=["A short restart of the authentication service"],
    references=["https://nginx.org/en/docs/http/ngx_http_auth_request_module.html"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=counting(
        partial(reasons, hop="web_server", of="nginx", names=["auth_request_failed"]),
        tops=["path", "client_ip"],
        summary=pl.format(
            "The authentication service failed for {}, which got 500: path {}; client"
            " {}",
            plural(pl.col("count"), "request"),
            "path_list",
            "client_ip_list",
        ),
        ask_for=["logs of the authentication service"],
    ),
    positives=[
        Example(
            title="auth request failed",
            events=[
                {
                    "hop": "web_server",
                    "reason": "auth_request_failed",
                    "path": "/report",
                }
            ],
        ),
    ],
    negatives=[
        Example(
            title="auth missing",
            events=[{"hop": "web_server", "reason": "auth_missing", "path": "/report"}],
        ),
        Example(
            title="another hop",
            events=[{"hop": "cdn", "reason": "auth_request_failed"}],
        ),
    ],
)
