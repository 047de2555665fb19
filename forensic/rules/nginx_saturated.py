"""Rule: nginx ran out of connections or files."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

RULE = Rule(
    id="nginx-saturated",
    title="nginx ran out of connections or open files",
    level="critical",
    description="New connections are dropped or get 500, whatever they ask for.",
    falsepositives=["A test of the limits"],
    references=["https://nginx.org/en/docs/ngx_core_module.html#worker_connections"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=counting(
        partial(
            reasons,
            hop="web_server",
            of="nginx",
            names=["worker_connections", "too_many_open_files"],
        ),
        by=["why"],
        tops=["path"],
        summary=pl.format(
            "nginx ran into a limit {} ({}): it dropped connections or answered 500",
            plural(pl.col("count"), "time"),
            "why",
        ),
        ask_for=[
            "worker_connections, worker_rlimit_nofile and the number of clients then"
        ],
    ),
    positives=[
        Example(
            title="worker connections",
            events=[
                {"hop": "web_server", "reason": "worker_connections", "path": "/report"}
            ],
        ),
        Example(
            title="too many open files",
            events=[
                {
                    "hop": "web_server",
                    "reason": "too_many_open_files",
                    "path": "/report",
                }
            ],
        ),
    ],
    negatives=[
        Example(
            title="other",
            events=[{"hop": "web_server", "reason": "other", "path": "/report"}],
        ),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "worker_connections"}]
        ),
    ],
)
