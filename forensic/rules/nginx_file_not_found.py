"""Rule: nginx looked for files that are not there."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["open_failed_2", "open_failed_20", "index_not_found"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, tops=["path", "referrer", "client_ip"]),
        summary=pl.format(
            "nginx found no file for {}: path {}; linked from {}; client {}",
            plural(pl.col("count"), "request"),
            "path_list",
            "referrer_list",
            "client_ip_list",
        ),
        confidence="certain",
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


RULE = Rule(
    id="nginx-file-not-found",
    title="nginx did not find files",
    level="low",
    description="nginx answered 404 from the file system, without asking the "
    "application. Honest pages that want a missing file show a broken "
    "deployment.",
    falsepositives=["Scanners that try well-known names"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_core_module.html#log_not_found"
    ],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=_query,
    positives=[
        Example(title="open failed 2", events=[_line("open_failed_2")]),
        Example(title="open failed 20", events=[_line("open_failed_20")]),
    ],
    negatives=[
        Example(title="open failed 13", events=[_line("open_failed_13")]),
        Example(title="another hop", events=[_line("open_failed_2") | {"hop": "cdn"}]),
    ],
)
