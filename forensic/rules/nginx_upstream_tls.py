"""Rule: TLS to the upstream failed."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["upstream_ssl_handshake", "upstream_certificate"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, ["reason", "upstream"], tops=["path", "message"]),
        summary=pl.format(
            "TLS to {} failed {} ({}): {}; path {}",
            pl.col("upstream").fill_null("the upstream"),
            plural(pl.col("count"), "time"),
            pl.col("reason").str.replace_all("_", " "),
            "message_list",
            "path_list",
        ),
        confidence="certain",
        ask_for=["certificate and TLS settings of the upstream"],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


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
    query=_query,
    positives=[
        Example(
            title="upstream ssl handshake", events=[_line("upstream_ssl_handshake")]
        ),
        Example(title="upstream certificate", events=[_line("upstream_certificate")]),
    ],
    negatives=[
        Example(title="ssl handshake", events=[_line("ssl_handshake")]),
        Example(
            title="another hop",
            events=[_line("upstream_ssl_handshake") | {"hop": "cdn"}],
        ),
    ],
)
