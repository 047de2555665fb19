"""Rule: logins that nginx's password file refuses."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

RULE = Rule(
    id="nginx-basic-auth",
    title="nginx refused passwords with 401",
    level="low",
    description="nginx checked the password itself (basic authentication).",
    falsepositives=["Users who mistype"],
    references=["https://nginx.org/en/docs/http/ngx_http_auth_basic_module.html"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=counting(
        partial(
            reasons,
            hop="web_server",
            of="nginx",
            names=["auth_password_mismatch", "auth_user_not_found"],
        ),
        by=["why"],
        tops=["client_ip", "path"],
        summary=pl.format(
            "nginx refused {} with 401 ({}): client {}; path {}",
            plural(pl.col("count"), "login"),
            "why",
            "client_ip_list",
            "path_list",
        ),
        level=pl.when(pl.col("count") >= 20)
        .then(pl.lit("medium"))
        .otherwise(pl.lit("low")),
    ),
    positives=[
        Example(
            title="auth password mismatch",
            events=[
                {
                    "hop": "web_server",
                    "reason": "auth_password_mismatch",
                    "path": "/report",
                }
            ],
        ),
        Example(
            title="auth user not found",
            events=[
                {
                    "hop": "web_server",
                    "reason": "auth_user_not_found",
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
            events=[{"hop": "cdn", "reason": "auth_password_mismatch"}],
        ),
    ],
)
