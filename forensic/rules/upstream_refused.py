"""Rule: the web server could not connect to the upstream."""

from functools import partial

import polars as pl

from forensic.complaints import by_error_log, by_own_record, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="upstream-refused",
    title="The web server could not connect to the upstream",
    level="high",
    description="Nobody listened, the socket was missing or closed to the web "
    "server, or its queue was full; the client got 502 (503 from "
    "Apache).",
    falsepositives=["A restart of the application that took a moment"],
    references=[
        "https://nginx.org/en/docs/ngx_core_module.html#error_log",
        "https://httpd.apache.org/docs/2.4/mod/mod_proxy.html",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(
            complaints,
            names=[
                "connect_refused",
                "connect_no_socket",
                "connect_backlog_full",
                "connect_denied",
                "connect_reset",
                "connect_unreachable",
                "connect_failed",
            ],
            causes=["upstream_refused"],
        ),
        by=["server", "why", "upstream"],
        tops=["path"],
        summary=pl.format(
            "{} could not connect to {} {} ({}){}",
            "server",
            pl.col("upstream").fill_null("the upstream"),
            plural(pl.col("count"), "time"),
            "why",
            said("path"),
        ),
        ask_for={
            "app_server|application": "log of the application server for that time",
            "host": "log of systemd for that time",
        },
    ),
    positives=[
        by_error_log("connect_refused"),
        by_error_log("connect_no_socket"),
        by_own_record("upstream_refused"),
    ],
    negatives=[
        by_error_log("upstream_timed_out"),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "connect_refused"}]
        ),
    ],
)
