"""Rule: nginx runs in circles."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

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
    query=counting(
        partial(reasons, hop="web_server", of="nginx", names=["redirection_cycle"]),
        tops=["path"],
        summary=pl.format(
            "nginx ran in circles for {}, which got 500: path {}",
            plural(pl.col("count"), "request"),
            "path_list",
        ),
        ask_for=[
            "nginx configuration of that location: try_files, rewrite, error_page"
        ],
    ),
    positives=[
        Example(
            title="redirection cycle",
            events=[
                {"hop": "web_server", "reason": "redirection_cycle", "path": "/report"}
            ],
        ),
    ],
    negatives=[
        Example(
            title="other",
            events=[{"hop": "web_server", "reason": "other", "path": "/report"}],
        ),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "redirection_cycle"}]
        ),
    ],
)
