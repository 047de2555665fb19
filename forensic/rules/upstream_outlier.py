"""Rule: one target of several fails far more often than the others."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, report

_ENOUGH = 20
_TIMES = 5.0
_SHARE = 0.05


def _query(frames: Frames) -> pl.LazyFrame:
    asked = pl.col("upstream").is_not_null() & pl.col("status").is_not_null()
    failed = pl.col("status") >= 500
    keys = ["hop", "upstream"]
    targets = (
        frames.of("load_balancer", "web_server")
        .filter(asked)
        .group_by(keys)
        .agg(requests=pl.len().cast(pl.Int64), failures=failed.sum().cast(pl.Int64))
    )
    whole = targets.group_by("hop").agg(
        all_requests=pl.col("requests").sum(),
        all_failures=pl.col("failures").sum(),
        targets=pl.len(),
    )
    others = pl.col("all_requests") - pl.col("requests")
    share = pl.col("failures") / pl.col("requests")
    rest = (pl.col("all_failures") - pl.col("failures")) / pl.max_horizontal(others, 1)
    odd = (
        targets.join(whole, on="hop")
        .filter(
            pl.col("targets") > 1,
            pl.col("requests") >= _ENOUGH,
            others >= _ENOUGH,
            share >= _SHARE,
            share >= _TIMES * rest,
        )
        .with_columns(percent=(share * 100).round(1), usual=(rest * 100).round(1))
    )
    groups = gather(
        frames, frames.telling.filter(asked, failed), keys, tops=["status", "path"]
    )
    return report(
        groups.join(odd, on=keys),
        summary=pl.format(
            "{} failed {} of its {} requests ({}%), the other {} targets {}%: "
            "status {}; path {}",
            "upstream",
            "failures",
            "requests",
            "percent",
            pl.col("targets") - 1,
            "usual",
            "status_list",
            "path_list",
        ),
        ask_for=["logs of that target, and what is different about it"],
    )


def _answers(upstream: str, status: int, count: int) -> list[dict[str, object]]:
    row = {"hop": "load_balancer", "upstream": upstream, "status": status}
    return [dict(row)] * count


RULE = Rule(
    id="upstream-outlier",
    title="One target fails far more often than the others",
    level="high",
    description="Compares the share of 5xx of each target with that of its siblings.",
    falsepositives=["A target that serves other paths than its siblings"],
    references=[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html"
    ],
    tags=["availability"],
    needs=["load_balancer|web_server"],
    query=_query,
    positives=[
        Example(
            title="one of two",
            events=[
                *_answers("10.0.1.23:80", 502, 15),
                *_answers("10.0.1.23:80", 200, 15),
                *_answers("10.0.2.24:80", 200, 30),
            ],
        )
    ],
    negatives=[
        Example(
            title="both alike",
            events=[
                *_answers("10.0.1.23:80", 502, 30),
                *_answers("10.0.2.24:80", 502, 30),
            ],
        ),
        Example(title="only one", events=_answers("10.0.1.23:80", 502, 30)),
    ],
)
