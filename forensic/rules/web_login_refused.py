"""Rule: the web server refused a login."""

from functools import partial

import polars as pl

from forensic.complaints import by_error_log, by_own_record, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="web-login-refused",
    title="The web server refused logins",
    level="low",
    description="The web server checked the password itself (basic or digest "
    "authentication, LDAP), or the user is not among those whom it lets "
    "in: 401.",
    falsepositives=["Users who mistype"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_auth_basic_module.html",
        "https://httpd.apache.org/docs/2.4/howto/auth.html",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(
            complaints,
            names=["auth_password_mismatch", "auth_user_not_found", "auth_not_allowed"],
            causes=["auth_failed"],
        ),
        by=["server", "why"],
        tops=["client_ip", "path", "message"],
        summary=pl.format(
            "{} refused {} ({}){}",
            "server",
            plural(pl.col("count"), "login"),
            "why",
            said("path", "client_ip", "message"),
        ),
        level=pl.when(pl.col("count") >= 20)
        .then(pl.lit("medium"))
        .otherwise(pl.lit("low")),
    ),
    positives=[
        by_error_log("auth_password_mismatch"),
        by_error_log("auth_user_not_found"),
        by_own_record("auth_failed"),
    ],
    negatives=[
        by_error_log("auth_missing"),
        Example(
            title="another hop",
            events=[{"hop": "cdn", "reason": "auth_password_mismatch"}],
        ),
    ],
)
