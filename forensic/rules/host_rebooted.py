"""Rule: the host started or shut down."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["boot", "shutdown"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "host", _REASONS)
    return report(
        gather(frames, rows, ["reason", "hostname"], tops=["message"]),
        summary=pl.format(
            "{} of {} on {}: {}",
            plural(pl.col("count"), "line"),
            pl.col("reason").str.replace_all("_", " "),
            pl.col("hostname").fill_null("the host"),
            "message_list",
        ),
        confidence="certain",
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "host", "reason": reason, "path": "/report"}


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
    query=_query,
    positives=[
        Example(title="boot", events=[_line("boot")]),
        Example(title="shutdown", events=[_line("shutdown")]),
    ],
    negatives=[
        Example(title="service started", events=[_line("service_started")]),
        Example(title="another hop", events=[_line("boot") | {"hop": "cdn"}]),
    ],
)
