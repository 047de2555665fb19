"""Rule: client certificates failed."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

RULE = Rule(
    id="nginx-client-certificate",
    title="nginx refused client certificates",
    level="medium",
    description="nginx asks clients for a certificate and answered 400 to these.",
    falsepositives=["Clients that have none and are not meant to get in"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_verify_client"
    ],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=counting(
        partial(reasons, hop="web_server", of="nginx", names=["client_certificate"]),
        tops=["client_ip", "message"],
        summary=pl.format(
            "nginx refused the certificate of {}: client {}; {}",
            plural(pl.col("count"), "connection"),
            "client_ip_list",
            "message_list",
        ),
    ),
    positives=[
        Example(
            title="client certificate",
            events=[{"hop": "web_server", "reason": "client_certificate"}],
        ),
    ],
    negatives=[
        Example(
            title="ssl handshake",
            events=[{"hop": "web_server", "reason": "ssl_handshake"}],
        ),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "client_certificate"}]
        ),
    ],
)
