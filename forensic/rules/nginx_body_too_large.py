"""Rule: uploads over nginx's limit."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

RULE = Rule(
    id="nginx-body-too-large",
    title="nginx refused uploads with 413",
    level="medium",
    description="The body was over client_max_body_size; the application never saw it.",
    falsepositives=["Junk that nobody wants to receive"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_core_module.html#client_max_body_size"
    ],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=counting(
        partial(reasons, hop="web_server", of="nginx", names=["body_too_large"]),
        tops=["path", "client_ip"],
        summary=pl.format(
            "nginx refused {} with 413, body over client_max_body_size: path {}; "
            "client {}",
            plural(pl.col("count"), "request"),
            "path_list",
            "client_ip_list",
        ),
        ask_for=["client_max_body_size of that location"],
    ),
    positives=[
        Example(
            title="body too large",
            events=[
                {"hop": "web_server", "reason": "body_too_large", "path": "/report"}
            ],
        ),
    ],
    negatives=[
        Example(
            title="buffered",
            events=[{"hop": "web_server", "reason": "buffered", "path": "/report"}],
        ),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "body_too_large"}]
        ),
    ],
)
