"""Rule: gunicorn could not load the application."""

from functools import partial

import polars as pl

from forensic.complaints import reasons
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="gunicorn-boot-failed",
    title="The application failed to start",
    level="critical",
    description="Workers die while they load the application, so nobody answers: "
    "nginx gives 502.",
    falsepositives=["A deployment that was rolled back at once"],
    references=["https://docs.gunicorn.org/en/stable/faq.html"],
    tags=["app"],
    hop="app_server",
    needs=["app_server"],
    query=counting(
        partial(reasons, hop="app_server", names=["boot_failed"]),
        tops=["message"],
        summary=pl.format(
            "gunicorn could not start the application: {}: {}",
            plural(pl.col("count"), "line"),
            "message_list",
        ),
        ask_for=["the traceback above these lines and what was deployed before"],
    ),
    positives=[
        Example(
            title="boot failed", events=[{"hop": "app_server", "reason": "boot_failed"}]
        ),
    ],
    negatives=[
        Example(
            title="booting worker",
            events=[{"hop": "app_server", "reason": "booting_worker"}],
        ),
        Example(title="another hop", events=[{"hop": "cdn", "reason": "boot_failed"}]),
    ],
)
