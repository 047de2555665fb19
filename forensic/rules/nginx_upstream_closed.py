"""Rule: the upstream hung up in the middle of a request."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["upstream_prematurely_closed", "recv_reset", "send_failed"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, ["reason", "upstream"], tops=["path", "client_ip"]),
        summary=pl.format(
            "{} closed {} unanswered ({}): path {}; client {}",
            pl.col("upstream").fill_null("the upstream"),
            plural(pl.col("count"), "request"),
            pl.col("reason").str.replace_all("_", " "),
            "path_list",
            "client_ip_list",
        ),
        confidence="certain",
        ask_for=["the application server's log and the kernel log of the same seconds"],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


RULE = Rule(
    id="nginx-upstream-closed",
    title="The upstream closed the connection before it answered",
    level="high",
    description="The process that had the request ended or closed it: a worker "
    "timeout, a crash, a kill or a restart. The client got 502, or a cut "
    "answer.",
    falsepositives=[
        "A restart of the application",
        "A keep-alive connection closed at the moment it was used again",
    ],
    references=["https://nginx.org/en/docs/ngx_core_module.html#error_log"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=_query,
    positives=[
        Example(
            title="upstream prematurely closed",
            events=[_line("upstream_prematurely_closed")],
        ),
        Example(title="recv reset", events=[_line("recv_reset")]),
    ],
    negatives=[
        Example(title="upstream timed out", events=[_line("upstream_timed_out")]),
        Example(
            title="another hop",
            events=[_line("upstream_prematurely_closed") | {"hop": "cdn"}],
        ),
    ],
)
