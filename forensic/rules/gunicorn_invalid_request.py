"""Rule: gunicorn could not read requests."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["invalid_request"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "app_server", _REASONS)
    return report(
        gather(frames, rows, tops=["client_ip", "message"]),
        summary=pl.format(
            "gunicorn refused {} it could not read: client {}; {}",
            plural(pl.col("count"), "request"),
            "client_ip_list",
            "message_list",
        ),
        confidence="certain",
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "app_server", "reason": reason, "path": "/report"}


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
    query=_query,
    positives=[
        Example(title="invalid request", events=[_line("invalid_request")]),
    ],
    negatives=[
        Example(
            title="error handling request", events=[_line("error_handling_request")]
        ),
        Example(
            title="another hop", events=[_line("invalid_request") | {"hop": "cdn"}]
        ),
    ],
)
