"""Rule: nginx was restarted or reloaded."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report

_REASONS = ["signal", "reopening_logs"]


def _query(frames: Frames) -> pl.LazyFrame:
    rows = reasons(frames, "web_server", _REASONS)
    return report(
        gather(frames, rows, ["reason"], tops=["message"]),
        summary=pl.format(
            "{} of nginx ({}): {}",
            plural(pl.col("count"), "line"),
            pl.col("reason").str.replace_all("_", " "),
            "message_list",
        ),
        confidence="certain",
    )


def _line(reason: str) -> dict[str, object]:
    return {"hop": "web_server", "reason": reason, "path": "/report"}


RULE = Rule(
    id="nginx-restarted",
    title="nginx was started, stopped or reloaded",
    level="informational",
    description="A signal to nginx: a new configuration or a rotation of its logs. "
    "What changed in behaviour right after it probably came with it.",
    falsepositives=["The daily rotation of logs"],
    references=["https://nginx.org/en/docs/control.html"],
    tags=["nginx"],
    hop="web_server",
    needs=["nginx_error"],
    query=_query,
    positives=[
        Example(title="signal", events=[_line("signal")]),
        Example(title="reopening logs", events=[_line("reopening_logs")]),
    ],
    negatives=[
        Example(title="other", events=[_line("other")]),
        Example(title="another hop", events=[_line("signal") | {"hop": "cdn"}]),
    ],
)
