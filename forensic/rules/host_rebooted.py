"""Rule: the host started or shut down."""

from functools import partial

import polars as pl

from forensic.complaints import reasons
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="host-rebooted",
    title="The host was started or shut down",
    level="high",
    description="Logs pause and clocks may step; what was in memory is lost.",
    falsepositives=["Planned maintenance"],
    references=["https://www.freedesktop.org/software/systemd/man/latest/bootup.html"],
    tags=["host"],
    hop="host",
    needs=["host"],
    query=counting(
        partial(reasons, hop="host", names=["boot", "shutdown"]),
        by=["why", "hostname"],
        tops=["message"],
        summary=pl.format(
            "{} of {} on {}: {}",
            plural(pl.col("count"), "line"),
            "why",
            pl.col("hostname").fill_null("the host"),
            "message_list",
        ),
    ),
    positives=[
        Example(title="boot", events=[{"hop": "host", "reason": "boot"}]),
        Example(title="shutdown", events=[{"hop": "host", "reason": "shutdown"}]),
    ],
    negatives=[
        Example(
            title="service started",
            events=[{"hop": "host", "reason": "service_started"}],
        ),
        Example(title="another hop", events=[{"hop": "cdn", "reason": "boot"}]),
    ],
)
