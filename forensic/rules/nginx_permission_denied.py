"""Rule: nginx may not read its files."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["open_failed_13"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, tops=["path", "client_ip"]),
        summary=pl.format(
            "nginx may not read files of {}: the client got 403. Path {}; client {}",
            plural(pl.col("count"), "request"),
            "path_list",
            "client_ip_list",
        ),
        confidence="certain",
        ask_for=["owner and mode of the files, and when they last changed"],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


RULE = Rule(
    id="nginx-permission-denied",
    title="nginx may not read a file",
    level="high",
    description="The file system refused nginx: the client got 403. Typical after a "
    "deployment with other owners or modes.",
    falsepositives=["Files that nobody is meant to read, asked for by scanners"],
    references=["https://nginx.org/en/docs/ngx_core_module.html#error_log"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=_query,
    positives=[
        Example(title="open failed 13", events=[_line("open_failed_13")]),
    ],
    negatives=[
        Example(title="open failed 2", events=[_line("open_failed_2")]),
        Example(title="another hop", events=[_line("open_failed_13") | {"hop": "cdn"}]),
    ],
)
