"""Rule: gunicorn starts workers over and over."""

import polars as pl

from forensic.complaints import reasons
from forensic.rule import Example, Frames, Rule, gather, report

#: Boots in ten minutes. A start of a large server boots up to 2 × cores + 1 at once,
#: so boots only count in minutes that follow on earlier ones.
_MANY = 10
_WINDOW = "10m"
_MINUTES = 3


def _query(frames: Frames) -> pl.LazyFrame:
    boots = reasons(frames, "app_server", ["booting_worker"]).with_columns(
        window=pl.col("time").dt.truncate(_WINDOW)
    )
    busy = boots.group_by("window").agg(
        boots=pl.len(), minutes=pl.col("time").dt.truncate("1m").n_unique()
    )
    restless = busy.filter(pl.col("boots") >= _MANY, pl.col("minutes") >= _MINUTES)
    peak = restless.select(windows=pl.len(), most=pl.col("boots").max())
    churn = gather(frames, boots.join(restless.select("window"), on="window"))
    return report(
        churn.join(peak, how="cross"),
        summary=pl.format(
            "gunicorn booted {} workers in {} spans of ten minutes, up to {} in one",
            "count",
            "windows",
            "most",
        ),
        ask_for=["why the workers before them ended: lines just above these"],
    )


def _boots(count: int, seconds: int) -> list[dict[str, object]]:
    moments = [number * seconds for number in range(count)]
    return [
        {
            "hop": "app_server",
            "reason": "booting_worker",
            "time": f"2025-02-06T05:{30 + m // 60:02}:{m % 60:02}+00:00",
        }
        for m in moments
    ]


RULE = Rule(
    id="gunicorn-worker-churn",
    title="gunicorn keeps starting workers",
    level="medium",
    description="Workers end and are replaced all the time: crashes, timeouts, or a "
    "max_requests that is too low. Each start costs capacity.",
    falsepositives=["A low max_requests that is set on purpose"],
    references=["https://docs.gunicorn.org/en/stable/settings.html#max-requests"],
    tags=["app"],
    hop="app_server",
    needs=["app_server"],
    query=_query,
    positives=[Example(title="every half minute", events=_boots(16, 30))],
    negatives=[
        Example(title="a large server starts", events=_boots(33, 1)),
        Example(title="a few", events=_boots(3, 120)),
    ],
)
