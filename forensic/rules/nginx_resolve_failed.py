"""Rule: nginx could not resolve the upstream's name."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

RULE = Rule(
    id="nginx-resolve-failed",
    title="nginx could not resolve a name",
    level="high",
    description="Without an address there is nobody to ask; the client got 502.",
    falsepositives=["A short failure of the resolver"],
    references=["https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=counting(
        partial(reasons, hop="web_server", of="nginx", names=["resolve_failed"]),
        tops=["path", "host"],
        summary=pl.format(
            "nginx could not resolve a name {}: path {}; host {}",
            plural(pl.col("count"), "time"),
            "path_list",
            "host_list",
        ),
        ask_for=["nginx's resolver setting and the resolver's own log"],
    ),
    positives=[
        Example(
            title="resolve failed",
            events=[
                {"hop": "web_server", "reason": "resolve_failed", "path": "/report"}
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
            title="another hop", events=[{"hop": "cdn", "reason": "resolve_failed"}]
        ),
    ],
)
