"""Rule: the application itself said no."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, hop_words, plural


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("hop").is_in(["application", "app_server"]),
        pl.col("status").is_in([401, 403])
        | pl.col("message").str.contains(r"^Forbidden \("),
    )


def _line(**columns: object) -> dict[str, object]:
    line: dict[str, object] = {"hop": "application", "path": "/login"}
    return line | columns


RULE = Rule(
    id="app-refused",
    title="The application refused requests itself",
    level="medium",
    description="The application's own log has the 401 or 403, or its reason: no hop "
    "in front made it.",
    falsepositives=["Users without the right"],
    references=["https://docs.djangoproject.com/en/stable/ref/csrf/"],
    tags=["app"],
    hop="application",
    needs=["application|app_server"],
    query=counting(
        _rows,
        by=["hop", "status"],
        tops=["path", "message", "client_ip"],
        summary=pl.format(
            "The {} refused {} with {}: path {}; {}",
            hop_words(),
            plural(pl.col("count"), "request"),
            pl.col("status").cast(pl.String).fill_null("no status logged"),
            "path_list",
            "message_list",
        ),
        ask_for=["the application's rules of access for that path"],
    ),
    positives=[
        Example(title="status", events=[_line(status=403)]),
        Example(
            title="CSRF",
            events=[_line(message="Forbidden (CSRF cookie not set.): /login")],
        ),
    ],
    negatives=[
        Example(title="fine", events=[_line(status=200)]),
        Example(title="nginx", events=[_line(status=403, hop="web_server")]),
    ],
)
