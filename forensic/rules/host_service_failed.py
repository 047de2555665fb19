"""Rule: services failed or were restarted."""

from functools import partial

import polars as pl

from forensic.complaints import reasons
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="host-service-failed",
    title="A service failed or was restarted by systemd",
    level="high",
    description="While a service is down, whoever stands in front answers for it.",
    falsepositives=["One-shot jobs that fail without harm"],
    references=[
        "https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html"
    ],
    tags=["host"],
    hop="host",
    needs=["host"],
    query=counting(
        partial(
            reasons, hop="host", names=["unit_failed", "start_limit", "unit_restart"]
        ),
        by=["why", "hostname"],
        tops=["message"],
        summary=pl.format(
            "{} of systemd on {} ({}): {}",
            plural(pl.col("count"), "line"),
            pl.col("hostname").fill_null("the host"),
            "why",
            "message_list",
        ),
        ask_for=["the service's own log before the first of these lines"],
    ),
    positives=[
        Example(title="unit failed", events=[{"hop": "host", "reason": "unit_failed"}]),
        Example(title="start limit", events=[{"hop": "host", "reason": "start_limit"}]),
    ],
    negatives=[
        Example(
            title="service started",
            events=[{"hop": "host", "reason": "service_started"}],
        ),
        Example(title="another hop", events=[{"hop": "cdn", "reason": "unit_failed"}]),
    ],
)
