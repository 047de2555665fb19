"""Rule: uploads over nginx's limit."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["body_too_large"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, tops=["path", "client_ip"]),
        summary=pl.format(
            "nginx refused {} with 413, body over client_max_body_size: path {}; "
            "client {}",
            plural(pl.col("count"), "request"),
            "path_list",
            "client_ip_list",
        ),
        confidence="certain",
        ask_for=["client_max_body_size of that location"],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


RULE = Rule(
    id="nginx-body-too-large",
    title="nginx refused uploads with 413",
    level="medium",
    description="The body was over client_max_body_size; the application never saw it.",
    falsepositives=["Junk that nobody wants to receive"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_core_module.html#client_max_body_size"
    ],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=_query,
    positives=[
        Example(title="body too large", events=[_line("body_too_large")]),
    ],
    negatives=[
        Example(title="buffered", events=[_line("buffered")]),
        Example(title="another hop", events=[_line("body_too_large") | {"hop": "cdn"}]),
    ],
)
