"""Rule: the web server may not read a file."""

from functools import partial

import polars as pl

from forensic.complaints import by_error_log, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="web-permission-denied",
    title="The web server may not read a file",
    level="high",
    description="The file system refused it: the client got 403. Typical after a "
    "deployment with other owners or modes.",
    falsepositives=["Files that nobody is meant to read, asked for by scanners"],
    references=[
        "https://nginx.org/en/docs/ngx_core_module.html#error_log",
        "https://httpd.apache.org/docs/2.4/mod/core.html#directory",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(complaints, names=["open_failed_13", "permission_denied"]),
        by=["server"],
        tops=["path", "client_ip", "message"],
        summary=pl.format(
            "{} may not read files of {}: the client got 403{}",
            "server",
            plural(pl.col("count"), "request"),
            said("path", "client_ip", "message"),
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
        by_error_log("permission_denied"),
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
