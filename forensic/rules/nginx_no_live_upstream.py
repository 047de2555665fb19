"""Rule: nginx has no upstream left to ask."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["no_live_upstreams", "upstream_disabled"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, ["reason", "upstream"], tops=["path"]),
        summary=pl.format(
            "{} of nginx about {} ({}): the answer was 502 without asking it. Path {}",
            plural(pl.col("count"), "line"),
            pl.col("upstream").fill_null("the upstream"),
            pl.col("reason").str.replace_all("_", " "),
            "path_list",
        ),
        confidence="certain",
        ask_for=["what made the upstream fail before the first of these lines"],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


RULE = Rule(
    id="nginx-no-live-upstream",
    title="nginx marked every upstream as down",
    level="high",
    description="After failures nginx leaves an upstream alone for a while; with none"
    " left it answers 502 at once, also where the upstream is well again.",
    falsepositives=["A planned restart of the only upstream"],
    references=["https://nginx.org/en/docs/ngx_core_module.html#error_log"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=_query,
    positives=[
        Example(title="no live upstreams", events=[_line("no_live_upstreams")]),
        Example(title="upstream disabled", events=[_line("upstream_disabled")]),
    ],
    negatives=[
        Example(title="connect refused", events=[_line("connect_refused")]),
        Example(
            title="another hop", events=[_line("no_live_upstreams") | {"hop": "cdn"}]
        ),
    ],
)
