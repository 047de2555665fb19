"""Rule: what the application depends on failed."""

import polars as pl

from forensic.rule import Example, Frames, Rule, counting, plural

#: Words that only such failures have; the class of the error or the server's own text.
_FAILED = (
    r"(?i)\b(OperationalError|InterfaceError|QueuePool limit"
    r"|too many (?:clients|connections)|server has gone away"
    r"|could not connect to server|redis\S*\.(?:ConnectionError|TimeoutError)"
    r"|MaxRetryError|NewConnectionError|deadlock detected|lock wait timeout"
    r"|remaining connection slots are reserved|Communications link failure"
    r"|SQLTransientConnectionException|CannotGetJdbcConnectionException"
    r"|TimeoutError: ResourceRequest"
    r"|ActiveRecord::ConnectionTimeoutError"
    r"|could not obtain a (?:database )?connection)"
)
#: A pool's own words, which stand behind the class that the driver gives them.
_POOL = r"(?i)\b(Connection is not available, request timed out)"


def _rows(frames: Frames) -> pl.LazyFrame:
    return (
        frames.telling.filter(
            pl.col("hop").is_in(["application", "app_server"]),
            pl.col("level").is_in(["error", "critical", "fatal"]),
        )
        .with_columns(
            cause=pl.coalesce(
                pl.col("message").str.extract(pattern, 1)
                for pattern in (_POOL, _FAILED)
            )
        )
        .filter(pl.col("cause").is_not_null())
    )


def _line(**columns: object) -> dict[str, object]:
    line: dict[str, object] = {"hop": "application"}
    return line | columns


RULE = Rule(
    id="app-dependency-failed",
    title="A database or service that the application needs failed",
    level="high",
    description="The application's log names a database, cache or service that "
    "refused, timed out or ran out of connections.",
    falsepositives=["A message that only quotes such an error"],
    references=["https://docs.sqlalchemy.org/en/20/errors.html"],
    tags=["app"],
    hop="application",
    needs=["application|app_server"],
    query=counting(
        _rows,
        by=["cause"],
        tops=["path", "logger"],
        summary=pl.format(
            "{} with {}: path {}; logger {}",
            plural(pl.col("count"), "error"),
            "cause",
            "path_list",
            "logger_list",
        ),
        ask_for=["logs and metrics of that database or service"],
    ),
    positives=[
        Example(
            title="database",
            events=[
                _line(
                    level="error",
                    message="Traceback\nsqlalchemy.exc.OperationalError: timeout",
                )
            ],
        ),
        Example(
            title="a pool",
            events=[
                _line(
                    level="error",
                    message="HikariPool-1 - Connection is not available, request timed"
                    " out after 30000ms (total=10, active=10, idle=0, waiting=24)",
                )
            ],
        ),
    ],
    negatives=[
        Example(
            title="something else",
            events=[_line(level="error", message="ValueError: x")],
        ),
        Example(
            title="information",
            events=[_line(level="info", message="OperationalError")],
        ),
    ],
)
