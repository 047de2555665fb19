"""Rule: nginx ran out of connections or files."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["worker_connections", "too_many_open_files"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, ["reason"], tops=["path"]),
        summary=pl.format(
            "nginx ran into a limit {} ({}): it dropped connections or answered 500",
            plural(pl.col("count"), "time"),
            pl.col("reason").str.replace_all("_", " "),
        ),
        confidence="certain",
        ask_for=[
            "worker_connections, worker_rlimit_nofile and the number of clients then"
        ],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


RULE = Rule(
    id="nginx-saturated",
    title="nginx ran out of connections or open files",
    level="critical",
    description="New connections are dropped or get 500, whatever they ask for.",
    falsepositives=["A test of the limits"],
    references=["https://nginx.org/en/docs/ngx_core_module.html#worker_connections"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=_query,
    positives=[
        Example(title="worker connections", events=[_line("worker_connections")]),
        Example(title="too many open files", events=[_line("too_many_open_files")]),
    ],
    negatives=[
        Example(title="other", events=[_line("other")]),
        Example(
            title="another hop", events=[_line("worker_connections") | {"hop": "cdn"}]
        ),
    ],
)
