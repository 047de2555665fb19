"""Rule: gunicorn could not read requests."""

from functools import partial

import polars as pl

from forensic.complaints import reasons
from forensic.rule import Example, Rule, counting, plural

RULE = Rule(
    id="gunicorn-invalid-request",
    title="gunicorn refused requests that it could not read",
    level="low",
    description="gunicorn answered 400 itself and writes no access line for it; the "
    "application never saw the request.",
    falsepositives=["Scanners"],
    references=["https://docs.gunicorn.org/en/stable/faq.html"],
    tags=["app"],
    hop="app_server",
    needs=["app_server"],
    query=counting(
        partial(reasons, hop="app_server", names=["invalid_request"]),
        tops=["client_ip", "message"],
        summary=pl.format(
            "gunicorn refused {} it could not read: client {}; {}",
            plural(pl.col("count"), "request"),
            "client_ip_list",
            "message_list",
        ),
    ),
    positives=[
        Example(
            title="invalid request",
            events=[{"hop": "app_server", "reason": "invalid_request"}],
        ),
    ],
    negatives=[
        Example(
            title="error handling request",
            events=[{"hop": "app_server", "reason": "error_handling_request"}],
        ),
        Example(
            title="another hop", events=[{"hop": "cdn", "reason": "invalid_request"}]
        ),
    ],
)
