"""Rule: the authentication service failed."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["auth_request_failed"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, tops=["path", "client_ip"]),
        summary=pl.format(
            "The authentication service failed for {}, which got 500: path {}; client"
            " {}",
            plural(pl.col("count"), "request"),
            "path_list",
            "client_ip_list",
        ),
        confidence="certain",
        ask_for=["logs of the authentication service"],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


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
    query=_query,
    positives=[
        Example(title="auth request failed", events=[_line("auth_request_failed")]),
    ],
    negatives=[
        Example(title="auth missing", events=[_line("auth_missing")]),
        Example(
            title="another hop", events=[_line("auth_request_failed") | {"hop": "cdn"}]
        ),
    ],
)
