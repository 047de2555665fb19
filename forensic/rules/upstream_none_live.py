"""Rule: every upstream was marked as down."""

from functools import partial

import polars as pl

from forensic.complaints import amid, by_error_log, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="upstream-none-live",
    title="The web server had no upstream to ask",
    level="high",
    description="After failures it leaves an upstream alone for a while (nginx 10 s,"
    " Apache 60 s); with none left it answers 502 or 503 at once, also "
    "where the upstream is well again.",
    falsepositives=["A planned restart of the only upstream"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server",
        "https://httpd.apache.org/docs/2.4/mod/mod_proxy.html#proxypass",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(
            complaints,
            names=["no_live_upstreams", "upstream_disabled", "upstream_busy"],
            causes=["no_target", "boot_failed"],
        ),
        by=["server", "why", "upstream"],
        tops=["path"],
        summary=pl.format(
            "{} of {} about {} ({}): requests were answered without asking it{}",
            plural(pl.col("count"), "line"),
            amid(),
            pl.col("upstream").fill_null("the upstream"),
            "why",
            said("path"),
        ),
        ask_for=["what made the upstream fail before the first of these lines"],
    ),
    positives=[
        by_error_log("no_live_upstreams"),
        by_error_log("upstream_disabled"),
    ],
    negatives=[
        by_error_log("connect_refused"),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "no_live_upstreams"}]
        ),
    ],
)
