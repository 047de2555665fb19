"""Rule: minutes in which a hop answers far more server errors than usual."""

import polars as pl

from forensic.census import MINUTE, moment
from forensic.rule import Example, Frames, Rule, gather, hop_words, plural, report
from forensic.schema import EVENT

#: A burst has this many server errors in one minute, and this share of its requests.
_MANY = 10
_SHARE = 0.2
#: Whose errors are counted.
_HOPS = ["cdn", "load_balancer", "web_server"]


def _bad_minutes(frames: Frames, failed: pl.LazyFrame) -> pl.LazyFrame:
    """The minutes of each hop with many failures among not too many requests."""
    keys = ["hop", "minute"]
    counted = failed.group_by(keys).agg(failures=pl.len().cast(pl.Int64))
    many = counted.filter(
        pl.col("minute").is_not_null(), pl.col("failures") >= _MANY
    ).collect(engine="streaming")
    whole = (
        frames.counts.lazy()
        .filter(pl.col("hop").is_in(_HOPS))  # not what a browser saved
        .with_columns(
            pl.col("hop").cast(EVENT["hop"]), minute=moment(pl.col("minute") * MINUTE)
        )
        .group_by(keys)
        .agg(requests=pl.col("statuses").sum())
    )
    return (
        many.lazy()
        .join(whole, on=keys)
        .filter(pl.col("failures") >= _SHARE * pl.col("requests"))
    )


def _query(frames: Frames) -> pl.LazyFrame:
    failed = frames.telling.filter(
        pl.col("hop").is_in(_HOPS),
        pl.col("status").is_between(500, 599),
    ).with_columns(minute=pl.col("time").dt.truncate("1m"))
    bad = _bad_minutes(frames, failed)
    peak = bad.group_by("hop").agg(
        minutes=pl.len(),
        requests=pl.col("requests").sum(),
        onset=pl.col("minute").min(),
    )
    burst = failed.join(bad.select("hop", "minute"), on=["hop", "minute"])
    groups = gather(frames, burst, ["hop"], tops=["status", "path", "upstream"])
    return report(
        groups.join(peak, on="hop"),
        summary=pl.format(
            "{} from {} on in which the {} answered {} of {} with a server "
            "error: status {}; path {}; upstream {}",
            plural(pl.col("minutes"), "minute"),
            pl.col("onset").dt.strftime("%Y-%m-%dT%H:%MZ"),
            hop_words(),
            "count",
            plural(pl.col("requests"), "request"),
            "status_list",
            "path_list",
            "upstream_list",
        ),
        confidence="certain",
        ask_for=["what changed in the minutes before: deployments, configuration"],
    )


def _lines(failed: int, fine: int) -> list[dict[str, object]]:
    time = "2025-02-06T05:33:00+00:00"
    row: dict[str, object] = {"hop": "web_server", "path": "/", "time": time}
    return [row | {"status": 502}] * failed + [row | {"status": 200}] * fine


RULE = Rule(
    id="server-error-burst",
    title="A burst of server errors",
    level="high",
    description="When the errors began, how long they went on and whom they hit.",
    falsepositives=["A load test", "Planned maintenance"],
    references=["https://www.rfc-editor.org/rfc/rfc9110#name-server-error-5xx"],
    tags=["availability"],
    needs=["web_server|load_balancer|cdn"],
    query=_query,
    positives=[Example(title="half fail", events=_lines(12, 12))],
    negatives=[
        Example(title="a few", events=_lines(3, 0)),
        Example(title="many, of very many", events=_lines(12, 200)),
    ],
)
