"""Rule: the upstream hung up in the middle of a request."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

RULE = Rule(
    id="nginx-upstream-closed",
    title="The upstream closed the connection before it answered",
    level="high",
    description="The process that had the request ended or closed it: a worker "
    "timeout, a crash, a kill or a restart. The client got 502, or a cut "
    "answer.",
    falsepositives=[
        "A restart of the application",
        "A keep-alive connection closed at the moment it was used again",
    ],
    references=["https://nginx.org/en/docs/ngx_core_module.html#error_log"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=counting(
        partial(
            reasons,
            hop="web_server",
            of="nginx",
            names=["upstream_prematurely_closed", "recv_reset", "send_failed"],
        ),
        by=["why", "upstream"],
        tops=["path", "client_ip"],
        summary=pl.format(
            "{} closed {} unanswered ({}): path {}; client {}",
            pl.col("upstream").fill_null("the upstream"),
            plural(pl.col("count"), "request"),
            "why",
            "path_list",
            "client_ip_list",
        ),
        ask_for={
            "app_server|application": "the application server's log of the same"
            " seconds",
            "host": "the kernel log of the same seconds",
        },
    ),
    positives=[
        Example(
            title="upstream prematurely closed",
            events=[
                {
                    "hop": "web_server",
                    "reason": "upstream_prematurely_closed",
                    "path": "/report",
                }
            ],
        ),
        Example(
            title="recv reset",
            events=[{"hop": "web_server", "reason": "recv_reset", "path": "/report"}],
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
            title="another hop",
            events=[{"hop": "cdn", "reason": "upstream_prematurely_closed"}],
        ),
    ],
)
