"""Rule: nginx's own rules refused requests."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

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
    query=counting(
        partial(
            reasons,
            hop="web_server",
            of="nginx",
            names=[
                "access_forbidden_by_rule",
                "directory_index_forbidden",
                "index_forbidden",
            ],
        ),
        by=["why"],
        tops=["path", "client_ip"],
        summary=pl.format(
            "nginx answered {} with 403 ({}): path {}; client {}",
            plural(pl.col("count"), "request"),
            "why",
            "path_list",
            "client_ip_list",
        ),
        ask_for=["nginx configuration of that location"],
    ),
    positives=[
        Example(
            title="access forbidden by rule",
            events=[
                {
                    "hop": "web_server",
                    "reason": "access_forbidden_by_rule",
                    "path": "/report",
                }
            ],
        ),
        Example(
            title="directory index forbidden",
            events=[
                {
                    "hop": "web_server",
                    "reason": "directory_index_forbidden",
                    "path": "/report",
                }
            ],
        ),
    ],
    negatives=[
        Example(
            title="open failed 2",
            events=[
                {"hop": "web_server", "reason": "open_failed_2", "path": "/report"}
            ],
        ),
        Example(
            title="another hop",
            events=[{"hop": "cdn", "reason": "access_forbidden_by_rule"}],
        ),
    ],
)
