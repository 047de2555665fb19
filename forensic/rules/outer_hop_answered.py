"""Rule: errors that an outer hop answered and the web server never saw."""

import polars as pl

from forensic.rule import (
    Example,
    Frames,
    Rule,
    gather,
    hop_words,
    plural,
    report,
    request_places,
)

_OUTER = ["cdn", "waf", "load_balancer"]
_KEYS = ["answered_by", "cause", "status"]


def _query(frames: Frames) -> pl.LazyFrame:
    """Errors of outer hops in five minutes in which the web server logged others."""
    slot = pl.col("time").dt.truncate("5m").alias("slot")
    logged = frames.of("web_server").filter(pl.col("status").is_not_null())
    covered = logged.select(slot).unique()
    seen = pl.col("evidence").list.eval(pl.element().struct.field("hop"))
    errors = frames.requests.filter(
        pl.col("answered_by").cast(pl.String).is_in(_OUTER),
        pl.col("status") >= 400,
        ~seen.list.contains("web_server"),
    )
    timed = errors.with_columns(slot)
    inside = request_places(timed.join(covered, on="slot", how="semi"))
    return report(
        gather(frames, inside, _KEYS, tops=["path"]),
        summary=pl.format(
            "The {} answered {} with {} ({}); the web server's access log covers "
            "those moments and holds none of them. Paths: {}",
            hop_words("answered_by"),
            plural(pl.col("count"), "request"),
            "status",
            pl.col("cause").fill_null("unknown").str.replace_all("_", " "),
            "path_list",
        ),
        level=pl.when(pl.col("status") >= 500)
        .then(pl.lit("high"))
        .otherwise(pl.lit("medium")),
    )


def _request(**columns: object) -> dict[str, object]:
    request: dict[str, object] = {
        "time": "2025-02-06T05:32:07+00:00",
        "status": 503,
        "path": "/shop",
        "answered_by": "load_balancer",
        "cause": "no_target",
        "evidence": [
            {"hop": "load_balancer", "source": "a.log", "line": 1, "offset": 100}
        ],
    }
    return request | columns


def _access(time: str) -> dict[str, object]:
    return {"hop": "web_server", "status": 200, "path": "/", "time": time}


_COVER = [_access("2025-02-06T05:31:00+00:00"), _access("2025-02-06T05:33:00+00:00")]

RULE = Rule(
    id="outer-hop-answered",
    title="Errors that never reached the web server",
    level="medium",
    description="The outer hop logged an error of its own; the web server's log runs "
    "before and after it without that request.",
    falsepositives=["The access log of that location is switched off or filtered"],
    references=[
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"
    ],
    tags=["topology"],
    needs=["waf|load_balancer|cdn", "web_server"],
    query=_query,
    positives=[Example(title="no target", events=_COVER, requests=[_request()])],
    negatives=[
        Example(
            title="answered inside",
            events=_COVER,
            requests=[_request(answered_by="web_server")],
        ),
        Example(
            title="web log ended earlier",
            events=[_access("2025-02-06T05:21:00+00:00")],
            requests=[_request()],
        ),
        Example(
            title="seen by the web server",
            events=_COVER,
            requests=[
                _request(
                    evidence=[
                        {"hop": h, "source": "a.log", "line": 1, "offset": 100}
                        for h in ("load_balancer", "web_server")
                    ]
                )
            ],
        ),
    ],
)
