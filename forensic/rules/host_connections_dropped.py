"""Rule: the kernel dropped connections."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["connections_dropped"]


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
        ask_for=["number of connections of the host at that time"],
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "host", "reason": reason, "path": "/report"}


RULE = Rule(
    id="host-connections-dropped",
    title="The kernel dropped new connections",
    level="high",
    description="The connection table is full or a flood is suspected: clients cannot"
    " connect, and no web log shows it.",
    falsepositives=["A load test"],
    references=["https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html"],
    tags=["host"],
    hop="host",
    needs=["host"],
    query=_query,
    positives=[
        Example(title="connections dropped", events=[_line("connections_dropped")]),
    ],
    negatives=[
        Example(title="boot", events=[_line("boot")]),
        Example(
            title="another hop", events=[_line("connections_dropped") | {"hop": "cdn"}]
        ),
    ],
)
