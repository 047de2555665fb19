"""Flask's own log: `[2025-02-06 14:32:07,216] WARNING in views: text`.

An unhandled exception is `ERROR in app: Exception on /path [GET]` and a traceback on
the lines below; what `abort(403)` answers leaves no line at all.
"""

import polars as pl

from forensic.fields.columns import moments, prefix
from forensic.fields.http_messages import http_messages
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2},[0-9]{3}"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Flask's lines."""
    head = prefix(
        lines, rf"\[(?P<stamp>{_STAMP})\] (?P<level>[A-Z]+) in (?P<logger>[^ :]+): ?"
    )
    stamps = moments(head["stamp"])
    parsed = pl.col("rest").is_not_null()
    bad_time = parsed & pl.col("local_time").is_null()
    return pl.concat(
        [head, stamps, http_messages(head["rest"])], how="horizontal"
    ).select(
        pl.exclude("stamp", "rest", "zone", "level", "utc_offset"),
        utc_offset="utc_offset",
        level=pl.col("level").str.to_lowercase(),
        message="rest",
        flags=pl.when(bad_time).then(pl.lit(["bad_time"])),
        refused=pl.when(~parsed).then(pl.lit("no Flask header")),
    )


FORMAT = Format(
    name="flask",
    title="Flask application log",
    hop="application",
    reference="flask/logging.py: default_handler",
    head=rf"^\[{_STAMP}\] [A-Z]+ in [^ :]+:",
    parse=parse,
    multiline=True,
)
