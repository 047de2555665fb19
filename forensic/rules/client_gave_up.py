"""Rule: clients left before they had their answer."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, hop_words, plural

_FEW = 5


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        ((pl.col("hop") == "web_server") & (pl.col("status") == 499))
        | ((pl.col("hop") == "load_balancer") & (pl.col("status") == 460))
    ).with_columns(seconds=pl.col("duration").round(0).cast(pl.Int64))


def _line(**columns: object) -> dict[str, object]:
    line: dict[str, object] = {"hop": "web_server", "path": "/report"}
    return line | columns


RULE = Rule(
    id="client-gave-up",
    title="Clients gave up waiting",
    level="medium",
    description="The client, or a proxy with a shorter patience, closed the "
    "connection first: 499 at nginx, 460 at the load balancer. One and "
    "the same duration many times is somebody's timeout.",
    falsepositives=["Users who close the page", "Downloads that are stopped"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_core_module.html#reset_timedout_connection"
    ],
    tags=["latency"],
    hop=None,
    needs=["web_server|load_balancer"],
    query=counting(
        _rows,
        by=["hop", "status"],
        tops=["path", "seconds", "client_ip"],
        summary=pl.format(
            "{} ended with {} at the {}{}: path {}; client {}",
            plural(pl.col("count"), "request"),
            "status",
            hop_words(),
            pl.when(pl.col("seconds_count") > 0)
            .then(pl.format(", after seconds {}", "seconds_list"))
            .otherwise(pl.lit("")),
            "path_list",
            "client_ip_list",
        ),
        # Somebody always closes a page.
        level=pl.when(pl.col("count") < _FEW).then(pl.lit("low")),
    ),
    positives=[
        Example(title="at nginx", events=[_line(status=499, duration=29.9)]),
        Example(
            title="at the load balancer",
            events=[_line(status=460, hop="load_balancer")],
        ),
    ],
    negatives=[
        Example(title="fine", events=[_line(status=200)]),
        Example(title="slow", events=[_line(status=504, duration=60.0)]),
    ],
)
