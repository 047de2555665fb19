"""Rule: the web server runs in circles."""

from functools import partial

import polars as pl

from forensic.complaints import by_error_log, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="web-rewrite-cycle",
    title="The web server's rewrites go in circles",
    level="high",
    description="Rewrites or internal redirects lead back to themselves; the web "
    "server stops after ten and answers 500.",
    falsepositives=["none is known"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_rewrite_module.html",
        "https://httpd.apache.org/docs/2.4/mod/core.html#limitinternalrecursion",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(complaints, names=["redirection_cycle"]),
        by=["server"],
        tops=["path", "client_ip", "message"],
        summary=pl.format(
            "{} ran in circles for {}, which got 500{}",
            "server",
            plural(pl.col("count"), "request"),
            said("path", "client_ip", "message"),
        ),
        ask_for=["configuration of that location: rewrites, .htaccess, error pages"],
    ),
    positives=[by_error_log("redirection_cycle")],
    negatives=[
        by_error_log("other"),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "redirection_cycle"}]
        ),
    ],
)
