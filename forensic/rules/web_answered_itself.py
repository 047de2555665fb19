"""Rule: errors that nginx made itself, without asking the application."""

import polars as pl

from forensic.rule import Example, Frames, Rule, gather, plural, report

#: A client that left, or was left, is the matter of other rules.
_OTHERS = [408, 444, 499]


def _query(frames: Frames) -> pl.LazyFrame:
    """Errors without an upstream, in logs that name the upstream elsewhere."""
    answer = (
        (pl.col("hop") == "web_server")
        & pl.col("status").is_not_null()
        & pl.col("level").is_null()
    )
    sent_on = pl.col("upstream").is_not_null()
    named = frames.of("web_server").filter(answer, sent_on)
    own = frames.telling.filter(
        answer,
        pl.col("status") >= 400,
        ~pl.col("status").is_in(_OTHERS),
        pl.col("upstream").is_null(),
        pl.col("upstream_status").is_null(),
    ).join(named.select("source").unique(), on="source", how="semi")
    grave = pl.col("status").is_in([403]) | (pl.col("status") >= 500)
    return report(
        gather(frames, own, ["status"], tops=["path", "client_ip"]),
        summary=pl.format(
            "The web server answered {} with {} itself: the log names no upstream for "
            "them, though it does for others. Path {}; client {}",
            plural(pl.col("count"), "request"),
            "status",
            "path_list",
            "client_ip_list",
        ),
        level=pl.when(grave).then(pl.lit("medium")).otherwise(pl.lit("low")),
        ask_for=[
            "web server configuration of these locations: return, deny, limit, root"
        ],
    )


def _line(status: int, upstream: str | None) -> dict[str, object]:
    return {
        "hop": "web_server",
        "path": "/app/admin",
        "status": status,
        "upstream": upstream,
    }


RULE = Rule(
    id="web-answered-itself",
    title="The web server made the error itself",
    level="low",
    description="nginx writes nothing to its error log for `return 403` and many other "
    "errors; an access log with upstream fields tells all the same.",
    falsepositives=["Answers from nginx's cache"],
    references=[
        "https://nginx.org/en/docs/http/ngx_http_upstream_module.html#variables"
    ],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=_query,
    positives=[
        Example(
            title="a return in the configuration",
            events=[_line(200, "10.0.2.5:8000"), _line(403, None)],
        )
    ],
    negatives=[
        Example(title="upstream never logged", events=[_line(403, None)]),
        Example(
            title="the upstream said it",
            events=[_line(200, "10.0.2.5:8000"), _line(403, "10.0.2.5:8000")],
        ),
        Example(
            title="the client left",
            events=[_line(200, "10.0.2.5:8000"), _line(499, None)],
        ),
    ],
)
