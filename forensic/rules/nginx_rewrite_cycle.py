"""Rule: nginx runs in circles."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["redirection_cycle"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, tops=["path"]),
        summary=pl.format(
            "nginx ran in circles for {}, which got 500: path {}",
            plural(pl.col("count"), "request"),
            "path_list",
        ),
        confidence="certain",
        ask_for=[
            "nginx configuration of that location: try_files, rewrite, error_page"
        ],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


RULE = Rule(
    id="nginx-rewrite-cycle",
    title="nginx's rewrites go in circles",
    level="high",
    description="Rewrites or internal redirects lead back to themselves; nginx stops "
    "after ten and answers 500.",
    falsepositives=["none is known"],
    references=["https://nginx.org/en/docs/http/ngx_http_rewrite_module.html"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=_query,
    positives=[
        Example(title="redirection cycle", events=[_line("redirection_cycle")]),
    ],
    negatives=[
        Example(title="other", events=[_line("other")]),
        Example(
            title="another hop", events=[_line("redirection_cycle") | {"hop": "cdn"}]
        ),
    ],
)
