"""Rule: the load balancer's login failed."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("hop") == "load_balancer",
        pl.col("upstream_status").is_null(),
        pl.col("reason").str.starts_with("Auth")
        | (pl.col("status") == 561)
        | ((pl.col("status") == 401) & pl.col("action").str.ends_with("authenticate")),
    )


def _line(**columns: object) -> dict[str, object]:
    line: dict[str, object] = {"hop": "load_balancer", "status": 200, "path": "/shop"}
    return line | columns


RULE = Rule(
    id="lb-auth-failed",
    title="Authentication at the load balancer failed",
    level="high",
    description="A listener rule authenticates users; it or the identity provider "
    "failed (401, 500 or 561).",
    falsepositives=["Users who leave the login open too long"],
    references=[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html"
    ],
    tags=["lb"],
    hop="load_balancer",
    needs=["load_balancer"],
    query=counting(
        _rows,
        by=["status", "reason"],
        tops=["path", "client_ip"],
        summary=pl.format(
            "The load balancer's login failed for {} with {} ({}): path {}; client {}",
            plural(pl.col("count"), "request"),
            pl.col("status").cast(pl.String).fill_null("no status"),
            pl.col("reason").fill_null("no reason logged"),
            "path_list",
            "client_ip_list",
        ),
        ask_for=["logs of the identity provider"],
    ),
    positives=[
        Example(
            title="token endpoint",
            events=[_line(status=500, reason="AuthTokenEpRequestTimeout")],
        ),
        Example(title="provider", events=[_line(status=561)]),
    ],
    negatives=[
        Example(title="target's own", events=[_line(status=401, upstream_status=401)]),
        Example(title="fine", events=[_line(status=200)]),
    ],
)
