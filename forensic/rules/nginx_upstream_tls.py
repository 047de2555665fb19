"""Rule: TLS to the upstream failed."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

RULE = Rule(
    id="nginx-upstream-tls",
    title="TLS between nginx and the upstream failed",
    level="high",
    description="The handshake or the certificate of the upstream failed; the client "
    "got 502.",
    falsepositives=["none is known"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_verify"
    ],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=counting(
        partial(
            reasons,
            hop="web_server",
            of="nginx",
            names=["upstream_ssl_handshake", "upstream_certificate"],
        ),
        by=["why", "upstream"],
        tops=["path", "message"],
        summary=pl.format(
            "TLS to {} failed {} ({}): {}; path {}",
            pl.col("upstream").fill_null("the upstream"),
            plural(pl.col("count"), "time"),
            "why",
            "message_list",
            "path_list",
        ),
        ask_for=["certificate and TLS settings of the upstream"],
    ),
    positives=[
        Example(
            title="upstream ssl handshake",
            events=[
                {
                    "hop": "web_server",
                    "reason": "upstream_ssl_handshake",
                    "path": "/report",
                }
            ],
        ),
        Example(
            title="upstream certificate",
            events=[
                {
                    "hop": "web_server",
                    "reason": "upstream_certificate",
                    "path": "/report",
                }
            ],
        ),
    ],
    negatives=[
        Example(
            title="ssl handshake",
            events=[
                {"hop": "web_server", "reason": "ssl_handshake", "path": "/report"}
            ],
        ),
        Example(
            title="another hop",
            events=[{"hop": "cdn", "reason": "upstream_ssl_handshake"}],
        ),
    ],
)
