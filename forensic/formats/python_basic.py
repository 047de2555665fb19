"""Python's `logging` without a format: `ERROR:app.views:message`.

There is no stamp: such lines tell what happened, not when, unless an envelope does.
"""

import polars as pl

from forensic.fields.columns import prefix
from forensic.fields.http_messages import http_messages
from forensic.format import Format

__all__ = ["FORMAT"]

_LEVEL = r"(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)"
_LOGGER = r"[A-Za-z_][A-Za-z0-9_.-]*"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of lines in the basic format."""
    head = prefix(lines, rf"(?P<level>{_LEVEL}):(?P<logger>{_LOGGER}):")
    http = http_messages(head["rest"].fill_null(""))
    known = pl.col("rest").is_not_null()
    return head.select(
        "logger",
        *(pl.when(known).then(pl.lit(http[name])).alias(name) for name in http.columns),
        level=pl.col("level").str.to_lowercase(),
        message="rest",
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
