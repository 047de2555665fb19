"""Rule: the upstream's name has no address."""

from functools import partial

import polars as pl

from forensic.complaints import by_error_log, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="upstream-name-unresolved",
    title="The web server could not resolve a name",
    level="high",
    description="Without an address there is nobody to ask; the client got 502.",
    falsepositives=["A short failure of the resolver"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver",
        "https://httpd.apache.org/docs/2.4/mod/mod_proxy.html",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(complaints, names=["resolve_failed"]),
        by=["server"],
        tops=["path", "host", "message"],
        summary=pl.format(
            "{} could not resolve a name {}{}",
            "server",
            plural(pl.col("count"), "time"),
            said("path", "host", "message"),
        ),
        ask_for=["the web server's resolver setting and the resolver's own log"],
    ),
    positives=[by_error_log("resolve_failed")],
    negatives=[
        by_error_log("connect_refused"),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "resolve_failed"}]
        ),
    ],
)
