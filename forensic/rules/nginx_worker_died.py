"""Rule: nginx workers died."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["worker_exited", "out_of_memory"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, ["reason"], tops=["message"]),
        summary=pl.format(
            "{} of nginx ({}): {}",
            plural(pl.col("count"), "line"),
            pl.col("reason").str.replace_all("_", " "),
            "message_list",
        ),
        confidence="certain",
        ask_for=["kernel log of that second"],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


RULE = Rule(
    id="nginx-worker-died",
    title="A worker process of nginx died",
    level="high",
    description="Requests in flight were lost without a line in the access log.",
    falsepositives=["A worker stopped by hand"],
    references=["https://nginx.org/en/docs/ngx_core_module.html#error_log"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=_query,
    positives=[
        Example(title="worker exited", events=[_line("worker_exited")]),
        Example(title="out of memory", events=[_line("out_of_memory")]),
    ],
    negatives=[
        Example(title="lifecycle", events=[_line("lifecycle")]),
        Example(title="another hop", events=[_line("worker_exited") | {"hop": "cdn"}]),
    ],
)
