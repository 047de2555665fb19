"""Rule: gunicorn workers were killed; by the kernel, by gunicorn or by a person."""

import polars as pl

from forensic.complaints import reasons
from forensic.rule import Example, Frames, Rule, gather, plural, report

_TWINS = {"oom_kill": "host", "worker_timeout": "app_server"}


def _near(frames: Frames, kind: str, back: int) -> pl.LazyFrame:
    """Minutes in which such a line stands, or the next minutes after it."""
    rows = reasons(frames, _TWINS[kind], [kind]).select("time")
    minutes = rows.select(
        minute=pl.concat_list(
            pl.col("time").dt.truncate("1m").dt.offset_by(f"{shift}m")
            for shift in range(back + 1)
        )
    )
    known = minutes.explode("minute").filter(pl.col("minute").is_not_null())
    return known.unique().with_columns(pl.lit(value=True).alias(kind))


def _query(frames: Frames) -> pl.LazyFrame:
    killed = reasons(frames, "app_server", ["worker_sigkill"]).with_columns(
        minute=pl.col("time").dt.truncate("1m")
    )
    for kind in _TWINS:
        killed = killed.join(_near(frames, kind, 1), on="minute", how="left")
    why = (
        pl.when(pl.col("oom_kill"))
        .then(pl.lit("the kernel killed for want of memory in the same minute"))
        .when(pl.col("worker_timeout"))
        .then(pl.lit("after a worker timeout, so memory is not the reason"))
        .otherwise(pl.lit("no line of the kernel or of a timeout explains it"))
    )
    return report(
        gather(frames, killed.with_columns(why=why), ["why"]),
        summary=pl.format(
            "{} of gunicorn got SIGKILL: {}", plural(pl.col("count"), "worker"), "why"
        ),
        # The timeout is a finding of its own.
        level=pl.when(pl.col("why").str.starts_with("after a worker timeout")).then(
            pl.lit("informational")
        ),
        confidence=pl.when(pl.col("why").str.starts_with("no line"))
        .then(pl.lit("weak"))
        .otherwise(pl.lit("strong")),
        ask_for=pl.when(pl.col("why").str.starts_with("no line"))
        .then(pl.lit(["kernel log (dmesg, journalctl -k) of those minutes"]))
        .otherwise(pl.lit([], pl.List(pl.String))),
    )


def _line(reason: str, hop: str = "app_server", second: int = 10) -> dict[str, object]:
    time = f"2025-02-06T05:33:{second:02}+00:00"
    return {"hop": hop, "reason": reason, "time": time}


RULE = Rule(
    id="gunicorn-worker-killed",
    title="gunicorn workers were killed",
    level="high",
    description="gunicorn asks 'Perhaps out of memory?' of every SIGKILL, also where "
    "it killed a slow worker itself; the kernel's log tells.",
    falsepositives=["kill -9 by a person or a deployment script"],
    references=["https://docs.gunicorn.org/en/stable/faq.html"],
    tags=["app"],
    hop="app_server",
    needs=["app_server"],
    query=_query,
    positives=[
        Example(title="alone", events=[_line("worker_sigkill")]),
        Example(
            title="by the kernel",
            events=[_line("oom_kill", "host", 9), _line("worker_sigkill")],
        ),
    ],
    negatives=[
        Example(title="another signal", events=[_line("worker_signal")]),
        Example(title="the kernel alone", events=[_line("oom_kill", "host")]),
    ],
)
