"""Rule: a gunicorn worker was too slow and was killed for it."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, reasons, report


def _query(frames: Frames) -> pl.LazyFrame:
    """Timeouts, with how many nginx lines stand within two seconds of one."""
    timeouts = reasons(frames, "app_server", ["worker_timeout"])
    closed = reasons(
        frames, "web_server", ["upstream_prematurely_closed", "recv_reset"]
    ).select(moment=pl.col("time").dt.truncate("1s"))
    seconds = timeouts.select(
        moment=pl.concat_list(
            pl.col("time").dt.truncate("1s").dt.offset_by(f"{shift}s")
            for shift in range(-1, 3)
        )
    )
    seconds = seconds.explode("moment").filter(pl.col("moment").is_not_null()).unique()
    paired = closed.join(seconds, on="moment").select(paired=pl.len())
    groups = gather(frames, timeouts).join(paired, how="cross")
    return report(
        groups,
        summary=pl.format(
            "gunicorn killed {} that took longer than its --timeout. {} in nginx's "
            "error log at the same seconds: those clients got 502",
            plural(pl.col("count"), "worker"),
            plural(pl.col("paired"), "cut connection"),
        ),
        confidence="certain",
        ask_for=[
            "what the requests waited for: database, network, locks",
            "gunicorn's --timeout and the load balancer's idle timeout",
        ],
    )


def _line(reason: str, hop: str = "app_server", second: int = 10) -> dict[str, object]:
    time = f"2025-02-06T05:33:{second:02}+00:00"
    return {"hop": hop, "reason": reason, "time": time}


RULE = Rule(
    id="gunicorn-worker-timeout",
    title="gunicorn killed workers that were too slow",
    level="critical",
    description="A request held its worker longer than --timeout; the worker was ended "
    "and the connection cut, so nginx answered 502.",
    falsepositives=["A machine that was suspended for a moment"],
    references=["https://docs.gunicorn.org/en/stable/settings.html#timeout"],
    tags=["app"],
    hop="app_server",
    needs=["app_server"],
    query=_query,
    positives=[
        Example(title="alone", events=[_line("worker_timeout")]),
        Example(
            title="with nginx",
            events=[
                _line("worker_timeout"),
                _line("upstream_prematurely_closed", "web_server"),
            ],
        ),
    ],
    negatives=[
        Example(title="an orderly exit", events=[_line("worker_exited")]),
        Example(
            title="nginx alone",
            events=[_line("upstream_prematurely_closed", "web_server")],
        ),
    ],
)
