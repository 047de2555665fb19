"""Rule: nginx could not read requests."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

RULE = Rule(
    id="nginx-bad-request",
    title="Clients sent what nginx cannot read",
    level="low",
    description="Broken lines, headers over the limit, plain HTTP to an HTTPS port: "
    "nginx answered 400, 414 or 494 to 497.",
    falsepositives=["Scanners"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_core_module.html#large_client_header_buffers"
    ],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=counting(
        partial(
            reasons,
            hop="web_server",
            of="nginx",
            names=["client_bad_request", "plain_http_to_https"],
        ),
        by=["why"],
        tops=["client_ip", "message"],
        summary=pl.format(
            "nginx refused {} that it could not read ({}): client {}; {}",
            plural(pl.col("count"), "request"),
            "why",
            "client_ip_list",
            "message_list",
        ),
    ),
    positives=[
        Example(
            title="client bad request",
            events=[{"hop": "web_server", "reason": "client_bad_request"}],
        ),
        Example(
            title="plain http to https",
            events=[{"hop": "web_server", "reason": "plain_http_to_https"}],
        ),
    ],
    negatives=[
        Example(
            title="client closed",
            events=[{"hop": "web_server", "reason": "client_closed"}],
        ),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "client_bad_request"}]
        ),
    ],
)
