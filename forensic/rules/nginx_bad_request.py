"""Rule: nginx could not read requests."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["client_bad_request", "plain_http_to_https"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, ["reason"], tops=["client_ip", "message"]),
        summary=pl.format(
            "nginx refused {} that it could not read ({}): client {}; {}",
            plural(pl.col("count"), "request"),
            pl.col("reason").str.replace_all("_", " "),
            "client_ip_list",
            "message_list",
        ),
        confidence="certain",
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


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
    query=_query,
    positives=[
        Example(title="client bad request", events=[_line("client_bad_request")]),
        Example(title="plain http to https", events=[_line("plain_http_to_https")]),
    ],
    negatives=[
        Example(title="client closed", events=[_line("client_closed")]),
        Example(
            title="another hop", events=[_line("client_bad_request") | {"hop": "cdn"}]
        ),
    ],
)
