r"""ModSecurity's index of an audit log that has a file for each request.

With `SecAuditLogType Concurrent` the log itself holds a line a record: the access line
of the request with its id, then the file that has the record, where it lies in it, and
its hash. The rules stand in that file alone.
"""

import polars as pl

from forensic.fields.columns import (
    clf_stamp,
    dash_to_null,
    groups,
    http_status,
    json_extra,
    offset_seconds,
    request_line,
    target,
)
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"\[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\]"
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_LINE = (
    rf"^(\S+) (\S+) \S+ (\S+) {_STAMP} {_QUOTED} (\d{{3}}) (\d+|-) {_QUOTED} {_QUOTED}"
    r' ([A-Za-z0-9@_.-]+)(?: "[^"]*")? (/[^ "]+) (\d+) (\d+) md5:([0-9a-f]{32}|-)? *$'
)
_NAMES = ["host", "client_ip", "user", "stamp", "request", "status", "bytes_sent"]
_NAMES += ["referrer", "user_agent", "request_id", "file", "at", "size", "md5"]


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of index lines."""
    line = request_line(pl.col("request"))
    address = target(line["target"])
    host = dash_to_null(pl.col("host").str.replace(r":\d+$", ""))
    stamp = pl.col("stamp")
    return groups(lines, _LINE, _NAMES).select(
        "request_id",
        local_time=clf_stamp(stamp),
        utc_offset=offset_seconds(stamp.str.slice(21)),
        client_ip="client_ip",
        user=dash_to_null(pl.col("user")),
        method=line["method"],
        http_version=line["http_version"],
        status=http_status(pl.col("status")),
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        referrer=dash_to_null(pl.col("referrer")),
        user_agent=dash_to_null(pl.col("user_agent")),
        extra=json_extra(file=pl.col("file"), md5=pl.col("md5")),
        refused=pl.when(stamp.is_null()).then(
            pl.lit("no line of an audit log's index")
        ),
        **address | {"host": pl.coalesce(address["host"], host)},
    )


FORMAT = Format(
    name="modsec_index",
    title="ModSecurity audit log's index",
    hop="web_server",
    reference="https://github.com/owasp-modsecurity/ModSecurity/wiki/ModSecurity-2-Data-Formats",
    head=rf'^\S+ \S+ \S+ \S+ {_STAMP} "',
    parse=parse,
    narrow=True,
    sure=True,
    paths=r"(?i)modsec|audit",
    stamps_start=True,
)
