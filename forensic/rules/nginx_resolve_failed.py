"""Rule: nginx could not resolve the upstream's name."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["resolve_failed"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, tops=["path", "host"]),
        summary=pl.format(
            "nginx could not resolve a name {}: path {}; host {}",
            plural(pl.col("count"), "time"),
            "path_list",
            "host_list",
        ),
        confidence="certain",
        ask_for=["nginx's resolver setting and the resolver's own log"],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


RULE = Rule(
    id="nginx-resolve-failed",
    title="nginx could not resolve a name",
    level="high",
    description="Without an address there is nobody to ask; the client got 502.",
    falsepositives=["A short failure of the resolver"],
    references=["https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=_query,
    positives=[
        Example(title="resolve failed", events=[_line("resolve_failed")]),
    ],
    negatives=[
        Example(title="connect refused", events=[_line("connect_refused")]),
        Example(title="another hop", events=[_line("resolve_failed") | {"hop": "cdn"}]),
    ],
)
