"""Rule: messages were dropped."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["logging_lost"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "host", _REASONS)
    return report(
        gather(frames, rows, ["hostname"], tops=["message"]),
        summary=pl.format(
            "{} about lost messages on {}: {}. Silence around them proves nothing",
            plural(pl.col("count"), "line"),
            pl.col("hostname").fill_null("the host"),
            "message_list",
        ),
        confidence="certain",
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "host", "reason": reason, "path": "/report"}


RULE = Rule(
    id="host-logging-lost",
    title="The host's logging dropped messages",
    level="medium",
    description="What is not in the log may have happened all the same.",
    falsepositives=["A chatty program that is limited on purpose"],
    references=[
        "https://www.freedesktop.org/software/systemd/man/latest/journald.conf.html"
    ],
    tags=["host"],
    hop="host",
    needs=["host"],
    query=_query,
    positives=[
        Example(title="logging lost", events=[_line("logging_lost")]),
    ],
    negatives=[
        Example(title="logging restarted", events=[_line("logging_restarted")]),
        Example(title="another hop", events=[_line("logging_lost") | {"hop": "cdn"}]),
    ],
)
