"""Rule: services failed or were restarted."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["unit_failed", "start_limit", "unit_restart"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "host", _REASONS)
    return report(
        gather(frames, rows, ["reason", "hostname"], tops=["message"]),
        summary=pl.format(
            "{} of systemd on {} ({}): {}",
            plural(pl.col("count"), "line"),
            pl.col("hostname").fill_null("the host"),
            pl.col("reason").str.replace_all("_", " "),
            "message_list",
        ),
        confidence="certain",
        ask_for=["the service's own log before the first of these lines"],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "host", "reason": reason, "path": "/report"}


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
    query=_query,
    positives=[
        Example(title="unit failed", events=[_line("unit_failed")]),
        Example(title="start limit", events=[_line("start_limit")]),
    ],
    negatives=[
        Example(title="service started", events=[_line("service_started")]),
        Example(title="another hop", events=[_line("unit_failed") | {"hop": "cdn"}]),
    ],
)
