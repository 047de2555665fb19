"""Python's `logging` without a format: `ERROR:app.views:message`.

There is no stamp: such lines tell what happened, not when, unless an envelope does, or
the line of a server's own access log, which has one.
"""

import polars as pl

from forensic.fields.columns import clf_stamp, offset_seconds, prefix
from forensic.fields.http_messages import http_messages
from forensic.format import Format

__all__ = ["FORMAT"]

_LEVEL = r"(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)"
_LOGGER = r"[A-Za-z_][A-Za-z0-9_.-]*"
#: Loggers of servers: nothing that a client sends stands before their stamp.
_ACCESS = r"^(?:aiohttp|gunicorn|hypercorn|uvicorn)\.access$|^werkzeug$"
_STAMP = (
    r"^[0-9A-Fa-f.:]{2,45}(?: -){0,2} "
    r"\[([0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}[: ][0-9:]{8})( [+-][0-9]{4})?\] \""
)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of lines in the basic format."""
    head = prefix(lines, rf"(?P<level>{_LEVEL}):(?P<logger>{_LOGGER}):")
    http = http_messages(head["rest"].fill_null(""))
    known = pl.col("rest").is_not_null()
    own = pl.when(pl.col("logger").str.contains(_ACCESS)).then("rest")
    zone = own.str.extract(_STAMP, 2).str.strip_prefix(" ")
    return head.select(
        "logger",
        *(pl.when(known).then(pl.lit(http[name])).alias(name) for name in http.columns),
        level=pl.col("level").str.to_lowercase(),
        message="rest",
        local_time=clf_stamp(own.str.extract(_STAMP, 1)),
        utc_offset=offset_seconds(zone),
        refused=pl.when(~known).then(pl.lit("no line of Python's basic format")),
    )


FORMAT = Format(
    name="python_basic",
    title="Python logging without a format",
    hop="application",
    reference="https://docs.python.org/3/library/logging.html: BASIC_FORMAT",
    head=rf"^{_LEVEL}:{_LOGGER}:",
    parse=parse,
    multiline=True,
)
