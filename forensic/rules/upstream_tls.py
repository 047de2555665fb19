"""Rule: TLS to the upstream failed."""

from functools import partial

import polars as pl

from forensic.complaints import amid, by_error_log, complaints
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="upstream-tls",
    title="TLS between web server and upstream failed",
    level="high",
    description="The handshake or the certificate of the upstream failed; the client"
    " got 502 or 500.",
    falsepositives=["none is known"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_verify",
        "https://httpd.apache.org/docs/2.4/mod/mod_ssl.html#sslproxyverify",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(complaints, names=["upstream_ssl_handshake", "upstream_certificate"]),
        by=["server", "why", "upstream"],
        tops=["message"],
        summary=pl.format(
            "TLS of {} to {} failed {} ({}){}",
            amid(),
            pl.col("upstream").fill_null("the upstream"),
            plural(pl.col("count"), "time"),
            "why",
            pl.format("; it says {}", "message_list"),
        ),
        ask_for=["certificate and TLS settings of the upstream"],
    ),
    positives=[
        by_error_log("upstream_ssl_handshake"),
        by_error_log("upstream_certificate"),
    ],
    negatives=[
        by_error_log("ssl_handshake"),
        Example(
            title="another hop",
            events=[{"hop": "cdn", "reason": "upstream_ssl_handshake"}],
        ),
    ],
)
