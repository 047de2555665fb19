"""Rule: the upstream was too slow for nginx."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

RULE = Rule(
    id="nginx-upstream-timeout",
    title="nginx waited for the upstream in vain",
    level="high",
    description="The upstream did not connect or answer within nginx's time; the "
    "client got 504, unless the answer had begun.",
    falsepositives=["A long download that the client itself slowed down"],
    references=["https://nginx.org/en/docs/ngx_core_module.html#error_log"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=counting(
        partial(
            reasons,
            hop="web_server",
            of="nginx",
            names=["upstream_timed_out", "connect_timed_out"],
        ),
        by=["upstream"],
        tops=["path", "client_ip"],
        summary=pl.format(
            "nginx gave up waiting for {} {}: path {}; client {}",
            pl.col("upstream").fill_null("the upstream"),
            plural(pl.col("count"), "time"),
            "path_list",
            "client_ip_list",
        ),
        ask_for={
            "app_server|application": "application logs of those seconds",
            "postgresql|mysql_slow": "database and dependency logs of those seconds",
        },
    ),
    positives=[
        Example(
            title="upstream timed out",
            events=[
                {"hop": "web_server", "reason": "upstream_timed_out", "path": "/report"}
            ],
        ),
        Example(
            title="connect timed out",
            events=[
                {"hop": "web_server", "reason": "connect_timed_out", "path": "/report"}
            ],
        ),
    ],
    negatives=[
        Example(
            title="connect refused",
            events=[
                {"hop": "web_server", "reason": "connect_refused", "path": "/report"}
            ],
        ),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "upstream_timed_out"}]
        ),
    ],
)
