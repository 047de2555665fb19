"""Rule: nginx may not read its files."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

RULE = Rule(
    id="nginx-permission-denied",
    title="nginx may not read a file",
    level="high",
    description="The file system refused nginx: the client got 403. Typical after a "
    "deployment with other owners or modes.",
    falsepositives=["Files that nobody is meant to read, asked for by scanners"],
    references=["https://nginx.org/en/docs/ngx_core_module.html#error_log"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=counting(
        partial(reasons, hop="web_server", of="nginx", names=["open_failed_13"]),
        tops=["path", "client_ip"],
        summary=pl.format(
            "nginx may not read files of {}: the client got 403. Path {}; client {}",
            plural(pl.col("count"), "request"),
            "path_list",
            "client_ip_list",
        ),
        ask_for=["owner and mode of the files, and when they last changed"],
    ),
    positives=[
        Example(
            title="open failed 13",
            events=[
                {"hop": "web_server", "reason": "open_failed_13", "path": "/report"}
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
            title="another hop", events=[{"hop": "cdn", "reason": "open_failed_13"}]
        ),
    ],
)
