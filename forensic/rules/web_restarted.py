"""Rule: the web server was restarted, reloaded, or its logs were rotated."""

from functools import partial

import polars as pl

from forensic.complaints import amid, by_error_log, complaints, said
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="web-restarted",
    title="The web server was started, stopped, reloaded or told to reopen its logs",
    level="informational",
    description="A new configuration or a rotation of its logs. What changed in "
    "behaviour right after it probably came with it.",
    falsepositives=["The daily rotation of logs"],
    references=[
        "https://nginx.org/en/docs/control.html",
        "https://httpd.apache.org/docs/2.4/stopping.html",
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        partial(complaints, names=["signal", "reopening_logs"]),
        by=["server", "why"],
        tops=["message"],
        summary=pl.format(
            "{} of {} ({}){}",
            plural(pl.col("count"), "line"),
            amid(),
            "why",
            said("message"),
        ),
    ),
    positives=[
        by_error_log("signal"),
        by_error_log("reopening_logs"),
    ],
    negatives=[
        by_error_log("other"),
        Example(title="another hop", events=[{"hop": "cdn", "reason": "signal"}]),
    ],
)
