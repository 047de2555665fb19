"""Rule: the web server could not connect to the upstream."""

from functools import partial

import polars as pl

from forensic.complaints import answered, complaints, said
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
        Example(
            title="connect refused",
            events=[
                {"hop": "web_server", "reason": "connect_refused", "path": "/report"}
            ],
        ),
        Example(
            title="connect no socket",
            events=[
                {"hop": "web_server", "reason": "connect_no_socket", "path": "/report"}
            ],
        ),
        Example(
            title="told by the access log",
            events=[
                {
                    "hop": "web_server",
                    "format": "iis",
                    "status": 502,
                    "reason": "502.3",
                    "path": "/report",
                }
            ],
            requests=[answered("upstream_refused", hop="web_server")],
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
            title="another hop", events=[{"hop": "cdn", "reason": "connect_refused"}]
        ),
    ],
)
