"""nghttpx's error log: what became of its backends.

`2025-02-06T14:32:07.131+09:00 812 813 af870381 WARN (shrpx_x.cc:1532) [DCONN:0x7f…]
Backend connect failed; addr=192.0.2.31:9001: errno=111`
"""

import polars as pl

from forensic.fields.columns import iso_stamp, json_extra, offset_seconds
from forensic.fields.messages import first_class, with_errno
from forensic.format import Format

__all__ = ["FORMAT", "REASONS"]

_LINE = (
    r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(?:Z|[+-]\d\d:\d\d)) (\d+) \d+ "
    r"[0-9a-f]{8} (INFO|NOTICE|WARN|ERROR|FATAL) \(([a-z0-9_]+\.cc:\d+)\) (.*)$"
)
#: The class of a message ▶ words of the source; `connect_failed` has an errno, too.
REASONS = {
    "connect_timed_out": r"Connect time out; addr=",
    "connect_failed": r"connect failed; addr=|Could not connect to backend",
    "upstream_disabled": r"Could not connect \d+ times in a row",
    "resolve_failed": r"Resolving backend address .* failed",
    "lifecycle": r"Listening on |Worker process |Created worker |Loading config"
    r"|Shutting down|Reload",
    "other": r"",
}


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of its error lines."""
    names = ["stamp", "pid", "level", "place", "message"]
    groups = lines.str.extract_groups(_LINE).struct
    rows = groups.rename_fields(names).struct.unnest()
    message = pl.col("message")
    errno = message.str.extract(r"errno=(\d+)")
    offset = pl.col("stamp").str.extract(r"(Z|[+-]\d\d:\d\d)$")
    return rows.select(
        "message",
        local_time=iso_stamp(pl.col("stamp")),
        utc_offset=offset_seconds(offset),
        # Most failures of a backend it writes at INFO, which is not its default. A
        # log with levels would be one whose silence tells that nothing failed.
        extra=json_extra(severity=pl.col("level"), place=pl.col("place")),
        pid=pl.col("pid").cast(pl.Int64, strict=False),
        reason=with_errno(first_class(message, REASONS), errno),
        upstream=message.str.extract(r"addr=(\S+?)(?::? errno=\d+|:)?$"),
        refused=pl.when(message.is_null()).then(pl.lit("no line of nghttpx")),
    )


FORMAT = Format(
    name="nghttpx_error",
    title="nghttpx error log",
    hop="web_server",
    reference="https://nghttp2.org/documentation/nghttpx.1.html",
    head=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(?:Z|[+-]\d\d:\d\d) \d+ \d+"
    r" [0-9a-f]{8} [A-Z]+ \(",
    parse=parse,
    multiline=True,
    narrow=True,
    paths=r"(?i)nghttpx",
)
