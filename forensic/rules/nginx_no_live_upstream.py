"""Rule: nginx has no upstream left to ask."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

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
    query=counting(
        partial(
            reasons,
            hop="web_server",
            of="nginx",
            names=["no_live_upstreams", "upstream_disabled"],
        ),
        by=["why", "upstream"],
        tops=["path"],
        summary=pl.format(
            "{} of nginx about {} ({}): the answer was 502 without asking it. Path {}",
            plural(pl.col("count"), "line"),
            pl.col("upstream").fill_null("the upstream"),
            "why",
            "path_list",
        ),
        ask_for=["what made the upstream fail before the first of these lines"],
    ),
    positives=[
        Example(
            title="no live upstreams",
            events=[
                {"hop": "web_server", "reason": "no_live_upstreams", "path": "/report"}
            ],
        ),
        Example(
            title="upstream disabled",
            events=[
                {"hop": "web_server", "reason": "upstream_disabled", "path": "/report"}
            ],
        ),
    ],
    negatives=[
        Example(
            title="connect refused",
            events=[
                {"hop": "web_server", "reason": "connect_refused", "path": "/report"}
            ],
        ),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "no_live_upstreams"}]
        ),
    ],
)
