"""gunicorn's error log: `[2025-02-06 14:32:07 +0900] [812] [INFO] Booting worker …`.

The stamp has an offset, which makes it the best clock reference inside a syslog line.
What stands between two such lines is a traceback or the application's own output.
"""

import polars as pl

from forensic.columns import by_value, moments, only_where, prefix, target
from forensic.format import Format
from forensic.messages import first_class

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}"
_HEAD = rf"\[{_STAMP}\] \[[0-9]{{1,10}}\] \[[A-Z]+\]"
_LINE = rf"\[(?P<stamp>{_STAMP})\] \[(?P<pid>[0-9]{{1,10}})\] \[(?P<level>[A-Z]+)\] ?"


#: The class of a message ▶ how the message begins.
_REASONS = {
    "worker_timeout": r"^WORKER TIMEOUT",
    "worker_sigkill": r"^Worker \(pid:\d+\) was sent SIGKILL",
    "worker_signal": r"^Worker \(pid:\d+\) was (?:sent|terminated)",
    "boot_failed": r"^Reason: |^(?:Worker|App) failed to (?:boot|load)"
    r"|^Worker \(pid:\d+\) exited with code [34]\b|^Exception in worker process",
    "worker_exited": r"^Worker \(pid:\d+\) exited|^Worker exiting",
    "error_handling_request": r"^Error handling request",
    "invalid_request": r"^Invalid request from ip=",
    "client_closed": r"^Ignoring (?:EPIPE|connection )"
    r"|^Socket error processing request|^Exception while reading client request",
    "booting_worker": r"^Booting worker",
    "starting": r"^(?:Starting gunicorn|Listening at:|Using worker:|Arbiter booted)",
    "handling_signal": r"^Handling signal:",
    "shutting_down": r"^Shutting down:",
    "bind_failed": r"^(?:Connection in use:|Can't connect to)",
}
#: Only messages that begin so have a class.
_CLASSED = (
    r"^(?:WORKER|Worker|Reason|App|Exception|Error|Invalid|Ignoring|Socket|Booting"
    r"|Starting|Listening|Using|Arbiter|Handling|Shutting|Connection|Can't|[A-Z]+ /)"
)
#: An access line behind the header is gunicorn_access's.
_ACCESS = r"^[^ ]* [^ ]+ [^ ]+ \[[0-9]{2}/[A-Z][a-z]{2}/"
_REQUEST = r"(?:Error handling request )?(?:(?P<method>[A-Z]{3,10}) )?"
_TARGET = r"^((?:/|https?://)[^ ]*)$"


def _facts(messages: pl.Series) -> pl.DataFrame:
    """`reason`, `client_ip` and the request of the messages that may have them."""
    request = prefix(messages, _REQUEST)
    named = pl.col("method").is_not_null() | messages.str.starts_with("Error handling ")
    url = target(pl.when(named).then(pl.col("rest").str.extract(_TARGET, 1)))
    ip = messages.str.extract(r"^Invalid request from ip=([0-9A-Fa-f:.]+): ", 1)
    return request.select(
        pl.when(url["path"].is_not_null()).then("method").alias("method"),
        reason=first_class(pl.lit(messages), _REASONS),
        client_ip=pl.lit(ip),
        **url,
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of gunicorn's own messages."""
    head = prefix(lines, _LINE)
    message = head["rest"]
    stamps = moments(head["stamp"])
    access = message.str.contains(_ACCESS)
    facts = only_where(message.str.contains(_CLASSED), message, _facts)
    return pl.concat([head, stamps.drop("zone"), facts], how="horizontal").select(
        "local_time",
        "utc_offset",
        *facts.columns,
        pid=pl.col("pid").cast(pl.Int64),
        level=by_value(
            head["level"], lambda v: pl.DataFrame({"v": v.str.to_lowercase()})
        )["v"],
        message="rest",
        flags=pl.when(
            pl.col("rest").is_not_null() & pl.col("local_time").is_null()
        ).then(pl.lit(["bad_time"])),
        refused=pl.when(pl.col("rest").is_null())
        .then(pl.lit("no gunicorn header"))
        .when(access)
        .then(pl.lit("an access line")),
    )


FORMAT = Format(
    name="gunicorn_error",
    title="gunicorn error log",
    hop="app_server",
    reference="gunicorn/glogging.py: Logger.error_fmt, Logger.datefmt",
    head=f"^{_HEAD}",
    parse=parse,
    multiline=True,
    paths=r"(?i)gunicorn",
)
