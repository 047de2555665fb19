"""Rule: the kernel killed processes for want of memory."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["oom_kill"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "host", _REASONS)
    return report(
        gather(frames, rows, ["hostname"], tops=["message"]),
        summary=pl.format(
            "{} of the kernel about killing for want of memory on {}: {}",
            plural(pl.col("count"), "line"),
            pl.col("hostname").fill_null("the host"),
            "message_list",
        ),
        confidence="certain",
        ask_for=["memory use of the host over that day"],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "host", "reason": reason, "path": "/report"}


RULE = Rule(
    id="host-out-of-memory",
    title="The kernel killed a process: out of memory",
    level="critical",
    description="The kernel ends the largest process; requests in it die unanswered.",
    falsepositives=["A limit of a container that is meant to stop runaways"],
    references=["https://www.kernel.org/doc/html/latest/admin-guide/mm/concepts.html"],
    tags=["host"],
    hop="host",
    needs=["host"],
    query=_query,
    positives=[
        Example(title="oom kill", events=[_line("oom_kill")]),
    ],
    negatives=[
        Example(title="segfault", events=[_line("segfault")]),
        Example(title="another hop", events=[_line("oom_kill") | {"hop": "cdn"}]),
    ],
)
