"""Rule: the web server hung up without an answer."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("hop") == "web_server", pl.col("status").is_in([0, 408, 444])
    )


def _line(**columns: object) -> dict[str, object]:
    line: dict[str, object] = {"hop": "web_server", "path": "/"}
    return line | columns


RULE = Rule(
    id="web-closed-connection",
    title="The web server closed connections without an answer",
    level="low",
    description="Status 444 is nginx's own for a configured hang-up, 408 for a client"
    " that was too slow, 000 for nothing sent.",
    falsepositives=["Hanging up on scanners is configured on purpose"],
    references=["https://nginx.org/en/docs/http/ngx_http_rewrite_module.html#return"],
    tags=["web"],
    hop="web_server",
    needs=["web_server"],
    query=counting(
        _rows,
        by=["status"],
        tops=["path", "client_ip", "user_agent"],
        summary=pl.format(
            "The web server closed {} with {}: path {}; client {}; agent {}",
            plural(pl.col("count"), "request"),
            "status",
            "path_list",
            "client_ip_list",
            "user_agent_list",
        ),
    ),
    positives=[
        Example(title="hang-up", events=[_line(status=444)]),
        Example(title="slow client", events=[_line(status=408)]),
    ],
    negatives=[Example(title="fine", events=[_line(status=200)])],
)
