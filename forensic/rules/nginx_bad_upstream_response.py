"""Rule: nginx refused the upstream's answer."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["too_big_header", "invalid_header", "invalid_response", "no_valid_header"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, ["reason", "upstream"], tops=["path"]),
        summary=pl.format(
            "nginx refused {} of {} ({}): path {}",
            plural(pl.col("count"), "answer"),
            pl.col("upstream").fill_null("the upstream"),
            pl.col("reason").str.replace_all("_", " "),
            "path_list",
        ),
        confidence="certain",
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


RULE = Rule(
    id="nginx-bad-upstream-response",
    title="The upstream answered something that nginx cannot pass on",
    level="high",
    description="Headers over the buffer (many or large cookies), broken headers or "
    "no HTTP at all: the client got 502.",
    falsepositives=["A port that speaks another protocol and was asked by mistake"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffer_size"
    ],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=_query,
    positives=[
        Example(title="too big header", events=[_line("too_big_header")]),
        Example(title="invalid header", events=[_line("invalid_header")]),
    ],
    negatives=[
        Example(title="upstream timed out", events=[_line("upstream_timed_out")]),
        Example(title="another hop", events=[_line("too_big_header") | {"hop": "cdn"}]),
    ],
)
