"""Rule: the upstream was too slow for the web server."""

from functools import partial

import polars as pl

from forensic.complaints import by_error_log, by_own_record, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="upstream-timeout",
    title="The web server waited for the upstream in vain",
    level="high",
    description="The upstream did not connect or answer in the time that the web "
    "server gives it; the client got 504 (502 or 503 from Apache), "
    "unless the answer had begun.",
    falsepositives=["A long download that the client itself slowed down"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout",
        "https://httpd.apache.org/docs/2.4/mod/mod_proxy.html#proxytimeout",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(
            complaints,
            names=["upstream_timed_out", "connect_timed_out"],
            causes=["upstream_timeout"],
        ),
        by=["server", "upstream"],
        tops=["path", "client_ip", "message"],
        summary=pl.format(
            "{} gave up waiting for {} {}{}",
            "server",
            pl.col("upstream").fill_null("the upstream"),
            plural(pl.col("count"), "time"),
            said("path", "client_ip", "message"),
        ),
        ask_for={
            "app_server|application": "application logs of those seconds",
            "postgresql|mysql_slow": "slow query log of the application's database, and"
            " the logs of other services that it asks, of those seconds",
        },
    ),
    positives=[
        by_error_log("upstream_timed_out"),
        by_error_log("connect_timed_out"),
        by_own_record("upstream_timeout"),
    ],
    negatives=[
        by_error_log("connect_refused"),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "upstream_timed_out"}]
        ),
    ],
)
