"""Tomcat's own log: `06-Feb-2025 14:32:07.123 SEVERE [main] Class.method text`.

Local time without a zone; what an exception says follows on further lines.
"""

import polars as pl

from forensic.fields.columns import by_value, json_extra, prefix
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{2}-[A-Z][a-z]{2}-[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}"
#: Of java.util.logging, and of what a site puts in its place.
_LEVEL = r"(?:SEVERE|WARNING|INFO|CONFIG|FINER|FINEST|FINE|ERROR|WARN|DEBUG|TRACE)"
#: The class of a message ▶ words that are certain of it.
_REASONS = {
    "exception": r"threw exception|Servlet\.service\(\) for servlet .* in context",
    "threads_exhausted": r"Maximum number of threads \([0-9]+\) created",
    "stuck_thread": r"may be stuck|has been active for \[[0-9,]+\] milliseconds",
    "start_failed": r"failed to start|failed due to previous errors"
    r"|Address already in use",
    "memory_limit": r"OutOfMemoryError",
    "lifecycle": r"^Server startup in |^Starting ProtocolHandler"
    r"|^Stopping service|^Destroying ProtocolHandler|^Pausing ProtocolHandler",
}


def _moment(texts: pl.Series) -> pl.DataFrame:
    return texts.str.to_datetime(
        "%d-%b-%Y %H:%M:%S%.f", time_unit="us", strict=False
    ).to_frame("local_time")


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Tomcat's lines."""
    head = prefix(
        lines,
        rf"(?P<stamp>{_STAMP}) (?P<level>{_LEVEL}) \[(?P<thread>[^\n]*?)\] "
        r"(?P<logger>[A-Za-z_$][A-Za-z0-9_.$-]*)(?: |$)",
    )
    known = pl.col("rest").is_not_null()
    moment = by_value(head["stamp"], _moment)["local_time"]
    reason = pl.coalesce(
        pl.when(pl.col("rest").str.contains(pattern)).then(pl.lit(name))
        for name, pattern in _REASONS.items()
    )
    return head.select(
        "logger",
        local_time=pl.lit(moment),
        level=pl.col("level").str.to_lowercase(),
        message="rest",
        reason=reason,
        extra=json_extra(thread=pl.col("thread")),
        flags=pl.when(known & pl.lit(moment).is_null()).then(pl.lit(["bad_time"])),
        refused=pl.when(~known).then(pl.lit("no line of Tomcat")),
    )


FORMAT = Format(
    name="tomcat",
    title="Tomcat log",
    hop="app_server",
    reference="https://tomcat.apache.org/tomcat-10.1-doc/logging.html",
    head=rf"^{_STAMP} {_LEVEL} \[",
    parse=parse,
    multiline=True,
    paths=r"(?i)catalina|tomcat|localhost\.",
)
