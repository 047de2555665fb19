"""Rule: programs crashed."""

from functools import partial

import polars as pl

from forensic.complaints import reasons
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="host-crashed-program",
    title="A program crashed: segmentation fault",
    level="high",
    description="The kernel ended a program that touched memory that is not its own.",
    falsepositives=["Test programs"],
    references=["https://man7.org/linux/man-pages/man7/signal.7.html"],
    tags=["host"],
    hop="host",
    needs=["host"],
    query=counting(
        partial(reasons, hop="host", names=["segfault"]),
        by=["hostname"],
        tops=["message"],
        summary=pl.format(
            "{} of the kernel on {}: {}",
            plural(pl.col("count"), "line"),
            pl.col("hostname").fill_null("the host"),
            "message_list",
        ),
        ask_for=["core dumps of that time"],
    ),
    positives=[
        Example(title="segfault", events=[{"hop": "host", "reason": "segfault"}]),
    ],
    negatives=[
        Example(title="oom kill", events=[{"hop": "host", "reason": "oom_kill"}]),
        Example(title="another hop", events=[{"hop": "cdn", "reason": "segfault"}]),
    ],
)
