"""Rule: logins that nginx's password file refuses."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["auth_password_mismatch", "auth_user_not_found"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, ["reason"], tops=["client_ip", "path"]),
        summary=pl.format(
            "nginx refused {} with 401 ({}): client {}; path {}",
            plural(pl.col("count"), "login"),
            pl.col("reason").str.replace_all("_", " "),
            "client_ip_list",
            "path_list",
        ),
        confidence="certain",
        level=pl.when(pl.col("count") >= 20)
        .then(pl.lit("medium"))
        .otherwise(pl.lit("low")),
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


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
    query=_query,
    positives=[
        Example(
            title="auth password mismatch", events=[_line("auth_password_mismatch")]
        ),
        Example(title="auth user not found", events=[_line("auth_user_not_found")]),
    ],
    negatives=[
        Example(title="auth missing", events=[_line("auth_missing")]),
        Example(
            title="another hop",
            events=[_line("auth_password_mismatch") | {"hop": "cdn"}],
        ),
    ],
)
