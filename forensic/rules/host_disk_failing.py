"""Rule: the file system failed."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["disk_error"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "host", _REASONS)
    return report(
        gather(frames, rows, ["hostname"], tops=["message"]),
        summary=pl.format(
            "{} of the kernel on {}: {}",
            plural(pl.col("count"), "line"),
            pl.col("hostname").fill_null("the host"),
            "message_list",
        ),
        confidence="certain",
        ask_for=["SMART data or the volume's metrics"],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "host", "reason": reason, "path": "/report"}


RULE = Rule(
    id="host-disk-failing",
    title="The file system failed or became read-only",
    level="critical",
    description="Logs and data can no longer be written; what is missing afterwards "
    "is missing because of it.",
    falsepositives=["A medium that was pulled out on purpose"],
    references=["https://www.kernel.org/doc/html/latest/filesystems/ext4/index.html"],
    tags=["host"],
    hop="host",
    needs=["host"],
    query=_query,
    positives=[
        Example(title="disk error", events=[_line("disk_error")]),
    ],
    negatives=[
        Example(title="disk full", events=[_line("disk_full")]),
        Example(title="another hop", events=[_line("disk_error") | {"hop": "cdn"}]),
    ],
)
