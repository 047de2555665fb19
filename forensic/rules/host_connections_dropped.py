"""Rule: the kernel dropped connections."""

from functools import partial

import polars as pl

from forensic.complaints import reasons
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="host-connections-dropped",
    title="The kernel dropped new connections",
    level="high",
    description="The connection table is full or a flood is suspected: clients cannot"
    " connect, and no web log shows it.",
    falsepositives=["A load test"],
    references=["https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html"],
    tags=["host"],
    hop="host",
    needs=["host"],
    query=counting(
        partial(reasons, hop="host", names=["connections_dropped"]),
        by=["hostname"],
        tops=["message"],
        summary=pl.format(
            "{} of the kernel on {}: {}",
            plural(pl.col("count"), "line"),
            pl.col("hostname").fill_null("the host"),
            "message_list",
        ),
        ask_for=["number of connections of the host at that time"],
    ),
    positives=[
        Example(
            title="connections dropped",
            events=[{"hop": "host", "reason": "connections_dropped"}],
        ),
    ],
    negatives=[
        Example(title="boot", events=[{"hop": "host", "reason": "boot"}]),
        Example(
            title="another hop",
            events=[{"hop": "cdn", "reason": "connections_dropped"}],
        ),
    ],
)
