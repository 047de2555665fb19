"""Rule: nginx looked for files that are not there."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

RULE = Rule(
    id="nginx-file-not-found",
    title="nginx did not find files",
    level="low",
    description="nginx answered 404 from the file system, without asking the "
    "application. Honest pages that want a missing file show a broken "
    "deployment.",
    falsepositives=["Scanners that try well-known names"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_core_module.html#log_not_found"
    ],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=counting(
        partial(
            reasons,
            hop="web_server",
            of="nginx",
            names=["open_failed_2", "open_failed_20", "index_not_found"],
        ),
        tops=["path", "referrer", "client_ip"],
        summary=pl.format(
            "nginx found no file for {}: path {}{}; client {}",
            plural(pl.col("count"), "request"),
            "path_list",
            pl.when(pl.col("referrer_count") > 0)
            .then(pl.format("; linked from {}", "referrer_list"))
            .otherwise(pl.lit("")),
            "client_ip_list",
        ),
    ),
    positives=[
        Example(
            title="open failed 2",
            events=[
                {"hop": "web_server", "reason": "open_failed_2", "path": "/report"}
            ],
        ),
        Example(
            title="open failed 20",
            events=[
                {"hop": "web_server", "reason": "open_failed_20", "path": "/report"}
            ],
        ),
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
