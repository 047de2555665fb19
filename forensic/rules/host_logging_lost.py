"""Rule: messages were dropped."""

from functools import partial

import polars as pl

from forensic.complaints import reasons
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="host-logging-lost",
    title="The host's logging dropped messages",
    level="medium",
    description="What is not in the log may have happened all the same.",
    falsepositives=["A chatty program that is limited on purpose"],
    references=[
        "https://www.freedesktop.org/software/systemd/man/latest/journald.conf.html"
    ],
    tags=["host"],
    hop="host",
    needs=["host"],
    query=counting(
        partial(reasons, hop="host", names=["logging_lost"]),
        by=["hostname"],
        tops=["message"],
        summary=pl.format(
            "{} about lost messages on {}: {}. Silence around them proves nothing",
            plural(pl.col("count"), "line"),
            pl.col("hostname").fill_null("the host"),
            "message_list",
        ),
    ),
    positives=[
        Example(
            title="logging lost", events=[{"hop": "host", "reason": "logging_lost"}]
        ),
    ],
    negatives=[
        Example(
            title="logging restarted",
            events=[{"hop": "host", "reason": "logging_restarted"}],
        ),
        Example(title="another hop", events=[{"hop": "cdn", "reason": "logging_lost"}]),
    ],
)
