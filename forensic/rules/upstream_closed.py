"""Rule: the upstream hung up in the middle of a request."""

from functools import partial

import polars as pl

from forensic.complaints import (
    amid,
    by_error_log,
    by_own_record,
    complaints,
    said,
)
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="upstream-closed",
    title="The upstream closed the connection before it answered",
    level="high",
    description="The process that had the request ended or closed it: a worker "
    "timeout, a crash, a kill or a restart. The client got 502 (503 or "
    "500 from Apache), or a cut answer.",
    falsepositives=[
        "A restart of the application",
        "A keep-alive connection closed at the moment it was used again",
    ],
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
            names=["upstream_prematurely_closed", "recv_reset", "send_failed"],
            causes=["upstream_closed"],
        ),
        by=["server", "why", "upstream"],
        tops=["path", "client_ip", "message"],
        summary=pl.format(
            "{} closed {} of {} unanswered ({}){}",
            pl.col("upstream").fill_null("the upstream"),
            plural(pl.col("count"), "request"),
            amid(),
            "why",
            said("path", "client_ip", "message"),
        ),
        ask_for={
            "app_server|application": "log of the application server, same seconds",
            "host": "log of the kernel, same seconds",
        },
    ),
    positives=[
        by_error_log("upstream_prematurely_closed"),
        by_error_log("recv_reset"),
        by_own_record("upstream_closed"),
    ],
    negatives=[
        by_error_log("upstream_timed_out"),
        Example(
            title="another hop",
            events=[{"hop": "cdn", "reason": "upstream_prematurely_closed"}],
        ),
    ],
)
