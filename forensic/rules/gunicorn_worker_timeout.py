"""Rule: a gunicorn worker was too slow and was killed for it."""

import polars as pl

from forensic.complaints import reasons
from forensic.rule import Example, Frames, Rule, gather, plural, report

_ENDED = r"(?m)^SystemExit\b"
_FRAME = r'File "[^"]+", line \d+, in \S+'
#: Code of libraries, in which nobody's request hangs by its own fault.
_FOREIGN = r"/(?:site|dist)-packages/|/lib/python\d|<frozen |in handle_abort"
_MOST = 3


def _query(frames: Frames) -> pl.LazyFrame:
    """Timeouts, with how many of the web server's lines stand beside one."""
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
    stuck = _stuck(frames)
    groups = gather(frames, timeouts).join(paired, how="cross").join(stuck, how="cross")
    return report(
        groups,
        summary=pl.format(
            "gunicorn killed {} that took longer than its --timeout{}{}",
            plural(pl.col("count"), "worker"),
            pl.format(", busy at {}", "places").fill_null(""),
            pl.when(pl.col("paired") > 0)
            .then(
                pl.format(
                    ". {} in the web server's error log at the same seconds: those"
                    " clients got an error",
                    plural(pl.col("paired"), "cut connection"),
                )
            )
            .otherwise(pl.lit("")),
        ),
        confidence="certain",
        ask_for=[
            "what these requests waited for: database, network, locks",
            "gunicorn's --timeout and the load balancer's idle timeout",
        ],
    )


def _stuck(frames: Frames) -> pl.LazyFrame:
    """One row: `places` of the application's own code in which the workers were."""
    ended = frames.telling.filter(
        pl.col("hop") == "app_server", pl.col("message").str.contains(_ENDED)
    )
    frame = pl.col("message").str.extract_all(_FRAME).list
    own = frame.eval(pl.element().filter(~pl.element().str.contains(_FOREIGN)))
    places = ended.select(place=own.list.last()).drop_nulls().unique().sort("place")
    names = pl.col("place").head(_MOST).str.join("; ")
    return places.select(places=pl.when(pl.len() > 0).then(names))


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
