"""Rule: nginx's own rules refused requests."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["access_forbidden_by_rule", "directory_index_forbidden", "index_forbidden"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, ["reason"], tops=["path", "client_ip"]),
        summary=pl.format(
            "nginx answered {} with 403 ({}): path {}; client {}",
            plural(pl.col("count"), "request"),
            pl.col("reason").str.replace_all("_", " "),
            "path_list",
            "client_ip_list",
        ),
        confidence="certain",
        ask_for=["nginx configuration of that location"],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


RULE = Rule(
    id="nginx-access-forbidden",
    title="nginx itself refused with 403",
    level="medium",
    description="An allow/deny rule, or a folder without an index file, made nginx "
    "answer 403 without asking the application.",
    falsepositives=["A location that is closed on purpose"],
    references=["https://nginx.org/en/docs/http/ngx_http_access_module.html"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=_query,
    positives=[
        Example(
            title="access forbidden by rule", events=[_line("access_forbidden_by_rule")]
        ),
        Example(
            title="directory index forbidden",
            events=[_line("directory_index_forbidden")],
        ),
    ],
    negatives=[
        Example(title="open failed 2", events=[_line("open_failed_2")]),
        Example(
            title="another hop",
            events=[_line("access_forbidden_by_rule") | {"hop": "cdn"}],
        ),
    ],
)
