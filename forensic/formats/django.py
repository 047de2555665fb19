"""Django's development server: `[06/Feb/2025 14:32:07] "GET / HTTP/1.1" 200 2`.

Its `django.request` lines (`Not Found: /p`, `Internal Server Error: /p`) carry neither
stamp nor level, only the words of the status; a traceback follows. Sites often log with
the same stamp: `[06/Feb/2025 14:32:07] WARNING [django.request:241] Forbidden: /p`.
Those are the application's words, whatever serves it.
"""

import polars as pl

from forensic.fields.columns import (
    clf_stamp,
    prefix,
    target,
    without_colour,
)
from forensic.fields.http_messages import http_messages
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}"
_WORDS = (
    r"(?:Bad Request|Unauthorized|Forbidden|Not Found|Method Not Allowed"
    r"|Internal Server Error|Service Unavailable|Gone)(?: \([^)]*\))?: /"
)
_REQUEST = (
    r'^"(?P<method>[A-Z]+) (?P<target>.*?)(?: HTTP/(?P<http_version>[0-9.]+))?"'
    r" (?P<status>[1-5][0-9]{2}) (?P<bytes_sent>[0-9]+)$"
)
#: The formatter that sites copy from each other.
_LOGGED = (
    r"^(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL) "
    r"(?:\[(?P<logger>[A-Za-z_][\w.]*)(?::[0-9]+)?\] )?(?P<text>[\s\S]*)$"
)


def _logged(lines: pl.Series) -> pl.DataFrame:
    """The columns of `[stamp] LEVEL [logger:line] message`."""
    head = prefix(without_colour(lines), rf"\[(?P<stamp>{_STAMP})\] ")
    said = head["rest"].str.extract_groups(_LOGGED).struct.unnest()
    known = pl.col("level").is_not_null()
    local_time = clf_stamp(pl.col("stamp"))
    told = http_messages(said["text"])
    own = [name for name in told.columns if name != "duration"]
    frame = pl.concat([head, said, told.select(own)], how="horizontal")
    served = pl.col("logger").fill_null("").str.starts_with("django.server")
    return frame.select(
        *(pl.when(known).then(name).alias(name) for name in own),
        "logger",
        level=pl.col("level").str.to_lowercase(),
        hop=pl.when(known & ~served).then(pl.lit("application")),
        local_time=local_time,
        message="text",
        flags=pl.when(known & local_time.is_null()).then(pl.lit(["bad_time"])),
        refused=pl.when(~known).then(pl.lit("no Django line")),
    )


def _access(lines: pl.Series) -> pl.DataFrame:
    """The columns of `[stamp] "request" status bytes`, and of other stamped lines."""
    head = prefix(without_colour(lines), rf"\[(?P<stamp>{_STAMP})\] ")
    request = head["rest"].str.extract_groups(_REQUEST).struct.unnest()
    parsed = pl.col("rest").is_not_null()
    local_time = clf_stamp(pl.col("stamp"))
    return pl.concat([head, request], how="horizontal").select(
        "method",
        "http_version",
        local_time=local_time,
        status=pl.col("status").cast(pl.Int16, strict=False),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        message="rest",
        flags=pl.when(parsed & local_time.is_null()).then(pl.lit(["bad_time"])),
        refused=pl.when(~parsed).then(pl.lit("no Django line")),
        **target(pl.col("target")),
    )


def _words(lines: pl.Series) -> pl.DataFrame:
    """The columns of `Not Found: /p`."""
    text = without_colour(lines)
    known = text.str.contains(f"^{_WORDS}")
    return http_messages(text).select(
        pl.when(known).then(pl.col("path", "query", "status")),
        message=text,
        logger=pl.when(known).then(pl.lit("django.request")),
        refused=pl.when(~known).then(pl.lit("no Django line")),
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of what `manage.py runserver` writes."""
    return first_that_parses(lines, [_logged, _access, _words])


FORMAT = Format(
    name="django",
    title="Django development server",
    hop="app_server",
    reference="django/core/servers/basehttp.py, django/utils/log.py: log_response",
    head=rf"^(?:\x1b\[[0-9;]*m)*(?:\[{_STAMP}\] |{_WORDS})",
    parse=parse,
    multiline=True,
)
