"""Rule: exceptions that nobody caught."""

import polars as pl

from forensic.hops.refusals import THROWN_REFUSALS
from forensic.rule import Example, Frames, Rule, counting, plural

_ERROR = r"(?m)^[A-Za-z_][\w.]*(?::|\r?$)"
_ENDED = r"(?m)^SystemExit\b"
_NAME = r"^([\w.]+)"
_PLACE = r'File "[^"]+", line \d+, in \S+'
_TRACED = pl.col("message").str.contains(
    "Traceback (most recent call last):", literal=True
)
#: A stack of Java or JavaScript below an error, whatever logger wrote it.
_STACKED = pl.col("message").str.contains(r"\n\s+at [\w.$<>/]+ ?\([^)\n]*\)")
#: Monolog puts it into the context.
_STACKED |= pl.col("message").str.contains('"exception":"[object] (', literal=True)
#: Java, PHP and JavaScript: the last class that is named, the first place.
_CLASS = (
    r"(?m)(?:^\s*|Caused by: |xception(?: is)?:? |Uncaught )"
    r"[A-Za-z_][\w.$\\]*(?:Exception|Error)\b"
)
_LAST = r"([\w.$\\]+)$"
_FRAMES = [
    r"(?m)^\s*at (\S+(?: \[as \w+\])? ?\([^)\n]+\)|/\S+:\d+:\d+)",
    r" in (/\S+\.php:\d+)",
    # chi's, of the function that threw.
    r"(?m)^ -> +(/\S+\.go:\d+)",
]
#: Go's names no class.
_PANIC = r"^ ?panic: ([^\n]{1,80})"
#: What frameworks throw to answer with 4xx is no failure.
_REFUSAL = "|".join(f"(?:{kind.phrase})" for kind in THROWN_REFUSALS)
_TRACEBACK = """Exception on /boom [GET]
Traceback (most recent call last):
  File "/srv/app.py", line 3, in boom
    return x()
KeyError: 1"""


def _rows(frames: Frames) -> pl.LazyFrame:
    return frames.telling.filter(
        pl.col("hop").is_in(["application", "app_server"]),
        _TRACED | _STACKED | (pl.col("reason") == "exception").fill_null(value=False),
        ~pl.col("message").str.contains(_REFUSAL),
        # gunicorn raises it in a worker that it ends, and says so itself.
        (pl.col("hop") != "app_server") | ~pl.col("message").str.contains(_ENDED),
    ).with_columns(
        error=pl.when(_TRACED)
        .then(pl.col("message").str.extract_all(_ERROR).list.last().str.extract(_NAME))
        .otherwise(
            pl.coalesce(
                pl.col("message")
                .str.extract_all(_CLASS)
                .list.last()
                .str.extract(_LAST),
                pl.col("message").str.extract(_PANIC),
            )
        ),
        place=pl.when(_TRACED)
        .then(pl.col("message").str.extract_all(_PLACE).list.last())
        .otherwise(
            pl.coalesce(pl.col("message").str.extract(frame) for frame in _FRAMES)
        ),
    )


def _line(**columns: object) -> dict[str, object]:
    line: dict[str, object] = {"hop": "application", "level": "error"}
    return line | columns


RULE = Rule(
    id="app-exception",
    title="The application raised exceptions",
    level="high",
    description="A traceback names the exception's class; the same class and place "
    "counts as one finding.",
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
        ),
        Example(
            title="a JavaScript error",
            events=[
                _line(
                    message="request errored\nTypeError: x is undefined\n"
                    "    at Layer.handle [as handle_request] (/app/l.js:95:5)",
                    reason="exception",
                )
            ],
        ),
        Example(
            title="a Java exception",
            events=[
                _line(
                    message="Servlet.service() for servlet [a] threw exception\n"
                    "\tjava.lang.NullPointerException\n\t\tat a.B.load(B.java:8)",
                    reason="exception",
                    hop="app_server",
                )
            ],
        ),
        Example(
            title="one in the log of a framework",
            events=[
                _line(
                    message="Servlet.service() threw exception with root cause\n\n"
                    "java.sql.SQLTransientConnectionException: no connection\n"
                    "\tat com.zaxxer.hikari.pool.HikariPool.get(HikariPool.java:179)",
                )
            ],
        ),
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
            title="one by which a framework refuses",
            events=[
                _line(
                    message='Unauthenticated. {"exception":"[object] ('
                    'Illuminate\\\\Auth\\\\AuthenticationException(code: 0))"}'
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
