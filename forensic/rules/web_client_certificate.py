"""Rule: the web server refused client certificates."""

from functools import partial

import polars as pl

from forensic.complaints import by_error_log, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="web-client-certificate",
    title="The web server refused client certificates",
    level="medium",
    description="It asks clients for a certificate and did not accept these.",
    falsepositives=["Clients that have none and are not meant to get in"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_verify_client",
        "https://httpd.apache.org/docs/2.4/mod/mod_ssl.html#sslverifyclient",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(complaints, names=["client_certificate"]),
        by=["server"],
        tops=["client_ip", "message"],
        summary=pl.format(
            "{} refused the certificate of {}{}",
            "server",
            plural(pl.col("count"), "connection"),
            said("client_ip", "message"),
        ),
    ),
    positives=[by_error_log("client_certificate")],
    negatives=[
        by_error_log("ssl_handshake"),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "client_certificate"}]
        ),
    ],
)
