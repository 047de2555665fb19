"""Werkzeug's server: `127.0.0.1 - - [06/Feb/2025 14:32:07] "GET / …" 200 -`.

Like a common access line, but its stamp has a space and no zone, and the request of a
4xx or 5xx stands between colour codes even in a file.
"""

import polars as pl

from forensic.fields.columns import clf_stamp, prefix, target, without_colour
from forensic.format import Format

__all__ = ["FORMAT"]

_HEAD = (
    r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f:]+(?:%[^ ]+)?|[^ \[\"]+) - - "
    r"\[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}\] "
)
_LINE = (
    r"(?P<client_ip>[^ ]+) - - \[(?P<stamp>[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}"
    r" [0-9:]{8})\] "
)
_REQUEST = (
    r'^"(?:(?P<method>[A-Za-z]+) (?P<target>.*?)(?: HTTP/(?P<http_version>[0-9.]+))?'
    r'|[^"]*)" (?P<status>[1-5][0-9]{2}) (?P<bytes_sent>[0-9]+|-)$'
)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Werkzeug's access lines and of its own messages."""
    head = prefix(lines, _LINE)
    text = without_colour(head["rest"])
    request = text.str.extract_groups(_REQUEST).struct.unnest()
    parsed = pl.col("rest").is_not_null()
    local_time = clf_stamp(pl.col("stamp"))
    return pl.concat([head, request], how="horizontal").select(
        "client_ip",
        "method",
        "http_version",
        local_time=local_time,
        status=pl.col("status").cast(pl.Int16, strict=False),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        message=text,
        flags=pl.when(parsed & local_time.is_null()).then(pl.lit(["bad_time"])),
        refused=pl.when(~parsed).then(pl.lit("no Werkzeug line")),
        **target(pl.col("target")),
    )


FORMAT = Format(
    name="werkzeug",
    title="Werkzeug development server",
    hop="app_server",
    reference="werkzeug/serving.py: WSGIRequestHandler.log",
    head=f"^{_HEAD}",
    parse=parse,
    multiline=True,
)
