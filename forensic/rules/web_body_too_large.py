"""Rule: the web server refused uploads."""

from functools import partial

import polars as pl

from forensic.complaints import answered, complaints, said
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
        Example(
            title="body too large",
            events=[
                {"hop": "web_server", "reason": "body_too_large", "path": "/report"}
            ],
        ),
        Example(
            title="told by the access log",
            events=[
                {
                    "hop": "web_server",
                    "format": "iis",
                    "status": 502,
                    "reason": "502.3",
                    "path": "/report",
                }
            ],
            requests=[answered("body_too_large", hop="web_server")],
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
