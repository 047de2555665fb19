"""Rule: nginx could not connect to the upstream."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

RULE = Rule(
    id="nginx-upstream-refused",
    title="nginx could not connect to the upstream",
    level="high",
    description="Nobody listened, the socket was missing or closed to nginx, or its "
    "queue was full; the client got 502.",
    falsepositives=["A restart of the application that took a moment"],
    references=["https://nginx.org/en/docs/ngx_core_module.html#error_log"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=counting(
        partial(
            reasons,
            hop="web_server",
            of="nginx",
            names=[
                "connect_refused",
                "connect_no_socket",
                "connect_backlog_full",
                "connect_denied",
                "connect_reset",
                "connect_unreachable",
                "connect_failed",
            ],
        ),
        by=["why", "upstream"],
        tops=["path"],
        summary=pl.format(
            "nginx could not connect to {} {} ({}): path {}",
            pl.col("upstream").fill_null("the upstream"),
            plural(pl.col("count"), "time"),
            "why",
            "path_list",
        ),
        ask_for={
            "app_server|application": "log of the application server for that time",
            "host": "log of systemd for that time",
        },
    ),
    positives=[
        Example(
            title="connect refused",
            events=[
                {"hop": "web_server", "reason": "connect_refused", "path": "/report"}
            ],
        ),
        Example(
            title="connect no socket",
            events=[
                {"hop": "web_server", "reason": "connect_no_socket", "path": "/report"}
            ],
        ),
    ],
    negatives=[
        Example(
            title="upstream timed out",
            events=[
                {"hop": "web_server", "reason": "upstream_timed_out", "path": "/report"}
            ],
        ),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "connect_refused"}]
        ),
    ],
)
