"""Rule: gunicorn could not load the application."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["boot_failed"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "app_server", _REASONS)
    return report(
        gather(frames, rows, tops=["message"]),
        summary=pl.format(
            "gunicorn could not start the application: {}: {}",
            plural(pl.col("count"), "line"),
            "message_list",
        ),
        confidence="certain",
        ask_for=["the traceback above these lines and what was deployed before"],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "app_server", "reason": reason, "path": "/report"}


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
    query=_query,
    positives=[
        Example(title="boot failed", events=[_line("boot_failed")]),
    ],
    negatives=[
        Example(title="booting worker", events=[_line("booting_worker")]),
        Example(title="another hop", events=[_line("boot_failed") | {"hop": "cdn"}]),
    ],
)
