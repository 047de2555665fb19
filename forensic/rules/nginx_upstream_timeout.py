"""Rule: the upstream was too slow for nginx."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["upstream_timed_out", "connect_timed_out"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, ["upstream"], tops=["path", "client_ip"]),
        summary=pl.format(
            "nginx gave up waiting for {} {}: path {}; client {}",
            pl.col("upstream").fill_null("the upstream"),
            plural(pl.col("count"), "time"),
            "path_list",
            "client_ip_list",
        ),
        confidence="certain",
        ask_for=[
            "application logs of those seconds",
            "database and dependency logs of those seconds",
        ],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


RULE = Rule(
    id="nginx-upstream-timeout",
    title="nginx waited for the upstream in vain",
    level="high",
    description="The upstream did not connect or answer within nginx's time; the "
    "client got 504, unless the answer had begun.",
    falsepositives=["A long download that the client itself slowed down"],
    references=["https://nginx.org/en/docs/ngx_core_module.html#error_log"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=_query,
    positives=[
        Example(title="upstream timed out", events=[_line("upstream_timed_out")]),
        Example(title="connect timed out", events=[_line("connect_timed_out")]),
    ],
    negatives=[
        Example(title="connect refused", events=[_line("connect_refused")]),
        Example(
            title="another hop", events=[_line("upstream_timed_out") | {"hop": "cdn"}]
        ),
    ],
)
