"""celery: `[2025-02-06 14:32:07,216: ERROR/ForkPoolWorker-1] Task x[uuid] …`."""

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2},[0-9]{3}"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of celery's lines."""
    head = prefix(
        lines,
        rf"\[(?P<stamp>{_STAMP}): (?P<level>[A-Z]+)/(?P<process>[^\]]+)\] ?"
        r"(?:(?P<logger>[A-Za-z_][A-Za-z0-9_.]*)\[(?P<task>[0-9a-f-]{36})\]: )?",
    )
    stamps = moments(head["stamp"])
    parsed = pl.col("rest").is_not_null()
    failed = pl.col("rest").str.contains(r"^Task .* raised unexpected: ")
    return head.select(
        "process",
        "logger",
        local_time=stamps["local_time"],
        level=pl.col("level").str.to_lowercase(),
        message="rest",
        reason=pl.when(failed).then(pl.lit("exception")),
        extra=json_extra(task=pl.col("task")),
        flags=pl.when(parsed & stamps["local_time"].is_null()).then(
            pl.lit(["bad_time"])
        ),
        refused=pl.when(~parsed).then(pl.lit("no celery header")),
    )


FORMAT = Format(
    name="celery",
    title="celery worker log",
    hop="application",
    reference="celery/app/defaults.py: DEFAULT_PROCESS_LOG_FMT, DEFAULT_TASK_LOG_FMT",
    head=rf"^\[{_STAMP}: [A-Z]+/[^\]]+\]",
    parse=parse,
    multiline=True,
    paths=r"(?i)celery",
)
