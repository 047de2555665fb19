"""Rule: nginx could not connect to the upstream."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = [
    "connect_refused",
    "connect_no_socket",
    "connect_backlog_full",
    "connect_denied",
    "connect_reset",
    "connect_unreachable",
    "connect_failed",
]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, ["reason", "upstream"], tops=["path"]),
        summary=pl.format(
            "nginx could not connect to {} {} ({}): path {}",
            pl.col("upstream").fill_null("the upstream"),
            plural(pl.col("count"), "time"),
            pl.col("reason").str.replace_all("_", " "),
            "path_list",
        ),
        confidence="certain",
        ask_for=["logs of the application server and of systemd for that time"],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


RULE = Rule(
    id="nginx-upstream-refused",
    title="nginx could not connect to the upstream",
    level="high",
    description="Nobody listened, the socket was missing or closed to nginx, or its "
    "queue was full; the client got 502.",
    falsepositives=["A restart of the application that took a moment"],
    references=["https://nginx.org/en/docs/ngx_core_module.html#error_log"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=_query,
    positives=[
        Example(title="connect refused", events=[_line("connect_refused")]),
        Example(title="connect no socket", events=[_line("connect_no_socket")]),
    ],
    negatives=[
        Example(title="upstream timed out", events=[_line("upstream_timed_out")]),
        Example(
            title="another hop", events=[_line("connect_refused") | {"hop": "cdn"}]
        ),
    ],
)
