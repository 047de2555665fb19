"""Rule: nginx was restarted, reloaded, or its logs were rotated."""

from functools import partial

import polars as pl

from forensic.rule import Example, Rule, counting, plural, reasons

RULE = Rule(
    id="nginx-restarted",
    title="nginx was started, stopped, reloaded or told to reopen its logs",
    level="informational",
    description="A signal to nginx: a new configuration or a rotation of its logs. "
    "What changed in behaviour right after it probably came with it.",
    falsepositives=["The daily rotation of logs"],
    references=["https://nginx.org/en/docs/control.html"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=counting(
        partial(
            reasons, hop="web_server", of="nginx", names=["signal", "reopening_logs"]
        ),
        by=["why"],
        tops=["message"],
        summary=pl.format(
            "{} of nginx ({}): {}",
            plural(pl.col("count"), "line"),
            "why",
            "message_list",
        ),
    ),
    positives=[
        Example(title="signal", events=[{"hop": "web_server", "reason": "signal"}]),
        Example(
            title="reopening logs",
            events=[{"hop": "web_server", "reason": "reopening_logs"}],
        ),
    ],
    negatives=[
        Example(title="other", events=[{"hop": "web_server", "reason": "other"}]),
        Example(title="another hop", events=[{"hop": "cdn", "reason": "signal"}]),
    ],
)
