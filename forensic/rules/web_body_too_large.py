"""Rule: the web server refused uploads."""

from functools import partial

import polars as pl

from forensic.complaints import by_error_log, by_own_record, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="web-body-too-large",
    title="The web server refused uploads as too large",
    level="medium",
    description="The body was over client_max_body_size, LimitRequestBody or their "
    "like: 413 (404.13 in IIS). The application never saw it.",
    falsepositives=["Junk that nobody wants to receive"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_core_module.html#client_max_body_size",
        "https://httpd.apache.org/docs/2.4/mod/core.html#limitrequestbody",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(complaints, names=["body_too_large"], causes=["body_too_large"]),
        by=["server"],
        tops=["path", "client_ip", "message"],
        summary=pl.format(
            "{} refused {}, body over its limit{}",
            "server",
            plural(pl.col("count"), "request"),
            said("path", "client_ip", "message"),
        ),
        ask_for=["limit of the body's size at that location"],
    ),
    positives=[
        by_error_log("body_too_large"),
        by_own_record("body_too_large"),
    ],
    negatives=[
        by_error_log("buffered"),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "body_too_large"}]
        ),
    ],
)
