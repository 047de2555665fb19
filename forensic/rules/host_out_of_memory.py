"""Rule: the kernel killed processes for want of memory."""

from functools import partial

import polars as pl

from forensic.complaints import reasons
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="host-out-of-memory",
    title="The kernel killed a process: out of memory",
    level="critical",
    description="The kernel ends the largest process; requests in it die unanswered.",
    falsepositives=["A limit of a container that is meant to stop runaways"],
    references=["https://www.kernel.org/doc/html/latest/admin-guide/mm/concepts.html"],
    tags=["host"],
    hop="host",
    needs=["host"],
    query=counting(
        partial(reasons, hop="host", names=["oom_kill"]),
        by=["hostname"],
        tops=["message"],
        summary=pl.format(
            "{} of the kernel about killing for want of memory on {}: {}",
            plural(pl.col("count"), "line"),
            pl.col("hostname").fill_null("the host"),
            "message_list",
        ),
        ask_for=["memory use of the host over that day"],
    ),
    positives=[
        Example(title="oom kill", events=[{"hop": "host", "reason": "oom_kill"}]),
    ],
    negatives=[
        Example(title="segfault", events=[{"hop": "host", "reason": "segfault"}]),
        Example(title="another hop", events=[{"hop": "cdn", "reason": "oom_kill"}]),
    ],
)
