"""Rule: the web server did not find files."""

from functools import partial

import polars as pl

from forensic.complaints import by_error_log, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="web-file-not-found",
    title="The web server did not find files",
    level="low",
    description="It answered 404 from the file system, without asking the "
    "application. Honest pages that want a missing file show a broken "
    "deployment.",
    falsepositives=["Scanners that try well-known names"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_core_module.html#log_not_found",
        "https://httpd.apache.org/docs/2.4/mod/core.html#documentroot",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(
            complaints,
            names=[
                "open_failed_2",
                "open_failed_20",
                "index_not_found",
                "file_not_found",
            ],
        ),
        by=["server"],
        tops=["path", "referrer", "client_ip", "message"],
        summary=pl.format(
            "{} found no file for {}{}",
            "server",
            plural(pl.col("count"), "request"),
            said("path", "client_ip", "referrer", "message"),
        ),
    ),
    positives=[
        Example(
            title="open failed 2",
            events=[
                {"hop": "web_server", "reason": "open_failed_2", "path": "/report"}
            ],
        ),
        by_error_log("file_not_found"),
    ],
    negatives=[
        Example(
            title="open failed 13",
            events=[
                {"hop": "web_server", "reason": "open_failed_13", "path": "/report"}
            ],
        ),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "open_failed_2"}]
        ),
    ],
)
