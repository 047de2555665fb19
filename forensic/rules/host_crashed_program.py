"""Rule: programs crashed."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["segfault"]


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
        ask_for=["core dumps of that time"],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "host", "reason": reason, "path": "/report"}


RULE = Rule(
    id="host-crashed-program",
    title="A program crashed: segmentation fault",
    level="high",
    description="The kernel ended a program that touched memory that is not its own.",
    falsepositives=["Test programs"],
    references=["https://man7.org/linux/man-pages/man7/signal.7.html"],
    tags=["host"],
    hop="host",
    needs=["host"],
    query=_query,
    positives=[
        Example(title="segfault", events=[_line("segfault")]),
    ],
    negatives=[
        Example(title="oom kill", events=[_line("oom_kill")]),
        Example(title="another hop", events=[_line("segfault") | {"hop": "cdn"}]),
    ],
)
