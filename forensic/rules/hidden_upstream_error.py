"""Rule: the upstream failed, and the client got something else.

It failed for good, or at a first try only: nginx lists the status of each.
"""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, hop_words, plural, report

_FIRST = r'"upstream_status":"(5[0-9]{2})(?:, | : )'


def _query(frames: Frames) -> pl.LazyFrame:
    first = pl.col("extra").str.extract(_FIRST).cast(pl.Int16)
    failed = frames.telling.filter(
        pl.col("hop").is_in(["web_server", "load_balancer"])
    ).with_columns(upstream_status=pl.coalesce(first, "upstream_status"))
    hidden = failed.filter(
        pl.col("upstream_status") >= 500,
        pl.col("status") < 500,
        pl.col("status") != 499,
    )
    keys = ["hop", "upstream_status", "status"]
    return report(
        gather(frames, hidden, keys, tops=["path", "upstream"]),
        summary=pl.format(
            "The {} turned {} with {} of the upstream into {}: path {}; upstream {}",
            hop_words(),
            plural(pl.col("count"), "answer"),
            "upstream_status",
            "status",
            "path_list",
            "upstream_list",
        ),
        confidence="certain",
    )


def _line(
    status: int, upstream_status: int | None, extra: str | None = None
) -> dict[str, object]:
    return {
        "extra": extra,
        "hop": "web_server",
        "path": "/report",
        "status": status,
        "upstream_status": upstream_status,
    }


_TRIES = '{"upstream_status":"502, 200"}'

RULE = Rule(
    id="hidden-upstream-error",
    title="Server errors that the client did not see as such",
    level="medium",
    description="An error page, a fallback or another try turned the upstream's 5xx "
    "into another status; who counts the outer status misses the failure.",
    falsepositives=["A fallback that is meant to do this"],
    references=["https://nginx.org/en/docs/http/ngx_http_core_module.html#error_page"],
    tags=["availability"],
    needs=["web_server|load_balancer"],
    query=_query,
    positives=[
        Example(title="as 200", events=[_line(200, 500)]),
        Example(title="at first", events=[_line(200, 200, _TRIES)]),
    ],
    negatives=[
        Example(title="passed on", events=[_line(502, 502)]),
        Example(title="the client left", events=[_line(499, 504)]),
        Example(title="no upstream", events=[_line(200, None)]),
    ],
)
