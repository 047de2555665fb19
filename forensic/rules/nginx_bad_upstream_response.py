"""Rule: nginx refused the upstream's answer."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

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
    query=counting(
        partial(
            reasons,
            hop="web_server",
            of="nginx",
            names=[
                "too_big_header",
                "invalid_header",
                "invalid_response",
                "no_valid_header",
            ],
        ),
        by=["why", "upstream"],
        tops=["path"],
        summary=pl.format(
            "nginx refused {} of {} ({}): path {}",
            plural(pl.col("count"), "answer"),
            pl.col("upstream").fill_null("the upstream"),
            "why",
            "path_list",
        ),
    ),
    positives=[
        Example(
            title="too big header",
            events=[
                {"hop": "web_server", "reason": "too_big_header", "path": "/report"}
            ],
        ),
        Example(
            title="invalid header",
            events=[
                {"hop": "web_server", "reason": "invalid_header", "path": "/report"}
            ],
        ),
    ],
    negatives=[
        Example(
            title="upstream timed out",
            events=[
                {"hop": "web_server", "reason": "upstream_timed_out", "path": "/report"}
            ],
        ),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "too_big_header"}]
        ),
    ],
)
