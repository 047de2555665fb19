"""Rule: requests that took very long."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, hop_words, plural, report

#: Seconds after which people and proxies begin to give up.
_LONG = 10.0
_SOME = 5


def _query(frames: Frames) -> pl.LazyFrame:
    slow = frames.telling.filter(
        pl.col("hop").is_in(["load_balancer", "web_server"]),
        pl.col("duration") >= _LONG,
        # Caddy's error line repeats the duration of the record.
        pl.col("status").is_not_null(),
        ~pl.col("extra").fill_null("").str.contains(r'"type":"wss?"'),
    )
    longest = slow.group_by("hop").agg(
        median=pl.col("duration").median().round(1),
        most=pl.col("duration").max().round(1),
    )
    groups = gather(frames, slow, ["hop"], tops=["path", "status", "upstream"])
    return report(
        groups.filter(pl.col("count") >= _SOME).join(longest, on="hop"),
        summary=pl.format(
            "{} at the {} took ten seconds or more (median {}, longest {} s): path {}; "
            "status {}; upstream {}",
            plural(pl.col("count"), "request"),
            hop_words(),
            "median",
            "most",
            "path_list",
            "status_list",
            "upstream_list",
        ),
        confidence="certain",
        ask_for=["what these requests waited for: database, network, locks"],
    )


def _lines(count: int, **columns: object) -> list[dict[str, object]]:
    line = {"hop": "web_server", "path": "/report", "status": 200}
    return [line | columns for _ in range(count)]


RULE = Rule(
    id="slow-requests",
    title="Requests that took very long",
    level="medium",
    description="Slow requests hold workers; with enough of them everybody waits.",
    falsepositives=["Downloads, uploads and streams", "Long polling"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_log_module.html#var_request_time"
    ],
    tags=["latency"],
    needs=["web_server|load_balancer"],
    query=_query,
    positives=[Example(title="six", events=_lines(6, duration=29.9))],
    negatives=[
        Example(title="fast", events=_lines(9, duration=0.2)),
        Example(title="one", events=_lines(1, duration=61.0)),
        Example(
            title="web sockets",
            events=_lines(9, duration=600.0, extra='{"type":"wss"}'),
        ),
    ],
)
