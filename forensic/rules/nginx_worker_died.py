"""Rule: nginx workers died."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

RULE = Rule(
    id="nginx-worker-died",
    title="A worker process of nginx died",
    level="high",
    description="Requests in flight were lost without a line in the access log.",
    falsepositives=["A worker stopped by hand"],
    references=["https://nginx.org/en/docs/ngx_core_module.html#error_log"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=counting(
        partial(
            reasons,
            hop="web_server",
            of="nginx",
            names=["worker_exited", "out_of_memory"],
        ),
        by=["why"],
        tops=["message"],
        summary=pl.format(
            "{} of nginx ({}): {}",
            plural(pl.col("count"), "line"),
            "why",
            "message_list",
        ),
        ask_for={"host": "kernel log of that second"},
    ),
    positives=[
        Example(
            title="worker exited",
            events=[{"hop": "web_server", "reason": "worker_exited"}],
        ),
        Example(
            title="out of memory",
            events=[{"hop": "web_server", "reason": "out_of_memory"}],
        ),
    ],
    negatives=[
        Example(
            title="lifecycle", events=[{"hop": "web_server", "reason": "lifecycle"}]
        ),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "worker_exited"}]
        ),
    ],
)
