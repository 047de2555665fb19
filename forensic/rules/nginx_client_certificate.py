"""Rule: client certificates failed."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["client_certificate"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, tops=["client_ip", "message"]),
        summary=pl.format(
            "nginx refused the certificate of {}: client {}; {}",
            plural(pl.col("count"), "connection"),
            "client_ip_list",
            "message_list",
        ),
        confidence="certain",
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


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
    query=_query,
    positives=[
        Example(title="client certificate", events=[_line("client_certificate")]),
    ],
    negatives=[
        Example(title="ssl handshake", events=[_line("ssl_handshake")]),
        Example(
            title="another hop", events=[_line("client_certificate") | {"hop": "cdn"}]
        ),
    ],
)
