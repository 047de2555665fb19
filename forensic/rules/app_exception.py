"""Rule: exceptions that nobody caught."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, plural

_ERROR = r"(?m)^[A-Za-z_][\w.]*(?::|\r?$)"
_ENDED = r"(?m)^SystemExit\b"
_NAME = r"^([\w.]+)"
_PLACE = r'File "[^"]+", line \d+, in \S+'
_TRACEBACK = """Exception on /boom [GET]
Traceback (most recent call last):
  File "/srv/app.py", line 3, in boom
    return x()
KeyError: 1"""


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("hop").cast(pl.String).is_in(["application", "app_server"]),
        pl.col("message").str.contains(
            "Traceback (most recent call last):", literal=True
        ),
        # gunicorn raises it in a worker that it ends, and says so itself.
        (pl.col("hop") != "app_server") | ~pl.col("message").str.contains(_ENDED),
    ).with_columns(
        error=pl.col("message").str.extract_all(_ERROR).list.last().str.extract(_NAME),
        place=pl.col("message").str.extract_all(_PLACE).list.last(),
    )


def _line(**columns: object) -> dict[str, object]:
    line: dict[str, object] = {"hop": "application", "level": "error"}
    return line | columns


RULE = Rule(
    id="app-exception",
    title="The application raised exceptions",
    level="high",
    description="A traceback ends with the exception's class; the same class and "
    "place counts as one finding.",
    falsepositives=["Exceptions that are logged and handled"],
    references=["https://docs.python.org/3/library/traceback.html"],
    tags=["app"],
    hop="application",
    needs=["application|app_server"],
    query=counting(
        _rows,
        by=["error", "place"],
        tops=["path", "logger"],
        summary=pl.format(
            "{} with {} at {}: path {}; logger {}",
            plural(pl.col("count"), "traceback"),
            pl.col("error").fill_null("an unknown exception"),
            pl.col("place").fill_null("an unknown place"),
            "path_list",
            "logger_list",
        ),
    ),
    positives=[
        Example(
            title="a traceback",
            events=[_line(message=_TRACEBACK)],
        )
    ],
    negatives=[
        Example(title="no traceback", events=[_line(message="KeyError")]),
        Example(
            title="a worker that was ended",
            events=[
                _line(
                    message="Error handling request /slow\n"
                    "Traceback (most recent call last):\n"
                    '  File "base.py", line 204, in handle_abort\n'
                    "SystemExit: 1",
                    hop="app_server",
                )
            ],
        ),
        Example(
            title="the web server",
            events=[
                _line(hop="web_server", message="Traceback (most recent call last):")
            ],
        ),
    ],
)
