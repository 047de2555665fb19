"""Rule: the upstream's answer could not be passed on."""

from functools import partial

import polars as pl

from forensic.complaints import by_error_log, by_own_record, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="upstream-bad-response",
    title="The upstream answered something that the web server cannot pass on",
    level="high",
    description="Headers over the buffer (many or large cookies), broken headers or "
    "no HTTP at all: the client got 502, or 500 from a script.",
    falsepositives=["A port that speaks another protocol and was asked by mistake"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffer_size",
        "https://httpd.apache.org/docs/2.4/mod/mod_proxy_http.html",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(
            complaints,
            names=[
                "too_big_header",
                "invalid_header",
                "invalid_response",
                "no_valid_header",
            ],
            causes=["bad_gateway"],
        ),
        by=["server", "why", "upstream"],
        tops=["path", "message"],
        summary=pl.format(
            "{} refused {} of {} ({}){}",
            "server",
            plural(pl.col("count"), "answer"),
            pl.col("upstream").fill_null("the upstream"),
            "why",
            said("path", "message"),
        ),
    ),
    positives=[
        by_error_log("too_big_header"),
        by_error_log("invalid_header"),
        by_own_record("bad_gateway"),
    ],
    negatives=[
        by_error_log("upstream_timed_out"),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "too_big_header"}]
        ),
    ],
)
