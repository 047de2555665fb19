"""Rule: the web server ran out of workers, connections or files."""

from functools import partial

import polars as pl

from forensic.complaints import by_error_log, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="web-saturated",
    title="The web server ran out of workers, connections or open files",
    level="critical",
    description="New connections wait, are dropped or get 500 or 503, whatever they "
    "ask for.",
    falsepositives=["A test of the limits"],
    references=[
        "https://nginx.org/en/docs/ngx_core_module.html#worker_connections",
        "https://httpd.apache.org/docs/2.4/mod/mpm_common.html#maxrequestworkers",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(
            complaints,
            names=["worker_connections", "too_many_open_files", "workers_exhausted"],
        ),
        by=["server", "why"],
        tops=["path", "message"],
        summary=pl.format(
            "{} ran into a limit {} ({}){}",
            "server",
            plural(pl.col("count"), "time"),
            "why",
            said("path", "message"),
        ),
        ask_for=["limits of workers and open files, and the number of clients then"],
    ),
    positives=[
        by_error_log("worker_connections"),
        by_error_log("workers_exhausted"),
    ],
    negatives=[
        by_error_log("other"),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "worker_connections"}]
        ),
    ],
)
