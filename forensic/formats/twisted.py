"""Twisted's log: `2025-02-06 14:32:07+0900 [-] Site starting on 8080`.

Scrapyd and Buildbot are servers that write it. The system in brackets may be one of
their connections (`[HTTPChannel,6,192.0.2.10]`). The record of a request has its client
in quotes, and a stamp of its own, up to a second before that of the line.
"""

import polars as pl

from forensic.fields.columns import moments, prefix, target
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{4}"
_SYSTEM = r"[^\[\]\n]{1,200}"
_TEXT = r'(?:[^"\\]|\\.)*'
_ACCESS = (
    r'^"(?P<client>[0-9A-Fa-f.:]{2,45})" - [^ "]{1,80} \[[^\]"]{1,40}\] '
    r'"(?P<method>[A-Z]{3,16}) (?P<target>[^ "]*) HTTP/(?P<version>[0-9.]{1,3})" '
    rf'(?P<status>[1-5][0-9]{{2}}) (?P<size>[0-9]+|-) "(?P<referrer>{_TEXT})" '
    rf'"(?P<agent>{_TEXT})"$'
)
#: Below this line stands what nobody caught.
_THROWN = r"^Unhandled Error$"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Twisted's lines."""
    head = prefix(lines, rf"(?P<stamp>{_STAMP}) \[(?P<system>{_SYSTEM})\] ?")
    stamps = moments(head["stamp"])
    known = pl.col("rest").is_not_null()
    own = pl.when(pl.col("system") == "-").then("rest")
    said = own.str.extract_groups(_ACCESS).struct
    thrown = pl.col("rest").str.contains(_THROWN)
    return head.select(
        local_time=pl.lit(stamps["local_time"]),
        utc_offset=pl.lit(stamps["utc_offset"]),
        logger=pl.when(pl.col("system") != "-").then("system"),
        client_ip=said.field("client"),
        method=said.field("method"),
        **target(said.field("target")),
        http_version=said.field("version"),
        status=said.field("status").cast(pl.Int16, strict=False),
        bytes_sent=said.field("size").cast(pl.Int64, strict=False),
        referrer=said.field("referrer").replace("-", None),
        user_agent=said.field("agent").replace("-", None),
        reason=pl.when(thrown).then(pl.lit("exception")),
        message="rest",
        flags=pl.when(known & pl.lit(stamps["local_time"]).is_null()).then(
            pl.lit(["bad_time"])
        ),
        refused=pl.when(~known).then(pl.lit("no line of Twisted")),
    )


FORMAT = Format(
    name="twisted",
    title="Twisted log",
    hop="application",
    reference="twisted/logger/_legacy.py and twisted/web/http.py: combinedLogFormatter",
    head=rf"^{_STAMP} \[{_SYSTEM}\] ?",
    parse=parse,
    multiline=True,
    stamps_end=True,
)
