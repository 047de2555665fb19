"""Rule: workers of the web server died."""

from functools import partial

import polars as pl

from forensic.complaints import amid, by_error_log, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="web-worker-died",
    title="A worker process of the web server died",
    level="high",
    description="Requests in flight were lost without a line in the access log.",
    falsepositives=["A worker stopped by hand"],
    references=[
        "https://nginx.org/en/docs/ngx_core_module.html#error_log",
        "https://httpd.apache.org/docs/2.4/mod/core.html#coredumpdirectory",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(complaints, names=["worker_exited", "out_of_memory"]),
        by=["server", "why"],
        tops=["message"],
        summary=pl.format(
            "{} of {} ({}){}",
            plural(pl.col("count"), "line"),
            amid(),
            "why",
            said("message"),
        ),
        ask_for={"host": "kernel log of that second"},
    ),
    positives=[
        by_error_log("worker_exited"),
        by_error_log("out_of_memory"),
    ],
    negatives=[
        by_error_log("lifecycle"),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "worker_exited"}]
        ),
    ],
)
