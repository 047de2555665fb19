"""Rule: Windows tells that IIS's worker processes died, or a pool was disabled."""

from functools import partial

import polars as pl

from forensic.complaints import reasons
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="iis-pool-failed",
    title="A worker process of IIS died, or its application pool was disabled",
    level="high",
    description="A pool whose workers die several times is disabled (rapid-fail "
    "protection); from then on HTTP.SYS answers every request for it with 503.",
    falsepositives=["A pool that somebody stopped by hand"],
    references=[
        "https://learn.microsoft.com/iis/configuration/system.applicationhost/applicationpools/add/failure"
    ],
    tags=["host"],
    hop="host",
    needs=["host"],
    query=counting(
        partial(
            reasons,
            hop="host",
            names=["app_pool_disabled", "worker_crashed", "worker_unresponsive"],
        ),
        by=["why", "hostname"],
        tops=["message"],
        summary=pl.format(
            "{} of Windows on {} ({}): {}",
            plural(pl.col("count"), "event"),
            pl.col("hostname").fill_null("the host"),
            "why",
            "message_list",
        ),
        ask_for=[
            "the Application log of that time: .NET Runtime and Application Error"
        ],
    ),
    positives=[
        Example(title=reason, events=[{"hop": "host", "reason": reason}])
        for reason in ("app_pool_disabled", "worker_crashed", "worker_unresponsive")
    ],
    negatives=[
        Example(
            title="recycled in time",
            events=[{"hop": "host", "reason": "worker_recycled"}],
        ),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "worker_crashed"}]
        ),
    ],
)
