"""Rule: clients sent what the web server cannot read."""

from functools import partial

import polars as pl

from forensic.complaints import by_error_log, by_own_record, complaints, said
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
        by_error_log("client_bad_request"),
        by_error_log("plain_http_to_https"),
        by_own_record("bad_request"),
    ],
    negatives=[
        by_error_log("client_closed"),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "client_bad_request"}]
        ),
    ],
)
