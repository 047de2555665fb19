"""Rule: clients sent what the web server cannot read."""

from functools import partial

import polars as pl

from forensic.complaints import answered, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="web-bad-request",
    title="Clients sent what the web server cannot read",
    level="low",
    description="Broken lines, headers over the limit, another method, plain HTTP to"
    " an HTTPS port: the answer was 400, 405, 414 or one of their kind.",
    falsepositives=["Scanners"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_core_module.html#large_client_header_buffers",
        "https://httpd.apache.org/docs/2.4/mod/core.html#limitrequestfieldsize",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(
            complaints,
            names=["client_bad_request", "method_not_allowed", "plain_http_to_https"],
            causes=["bad_request"],
        ),
        by=["server", "why"],
        tops=["path", "client_ip", "message"],
        summary=pl.format(
            "{} refused {} ({}){}",
            "server",
            plural(pl.col("count"), "request"),
            "why",
            said("path", "client_ip", "message"),
        ),
    ),
    positives=[
        Example(
            title="client bad request",
            events=[
                {"hop": "web_server", "reason": "client_bad_request", "path": "/report"}
            ],
        ),
        Example(
            title="plain http to https",
            events=[
                {
                    "hop": "web_server",
                    "reason": "plain_http_to_https",
                    "path": "/report",
                }
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
            requests=[answered("bad_request", hop="web_server")],
        ),
    ],
    negatives=[
        Example(
            title="client closed",
            events=[
                {"hop": "web_server", "reason": "client_closed", "path": "/report"}
            ],
        ),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "client_bad_request"}]
        ),
    ],
)
