"""ModSecurity's audit log, written in a row: a record of sections, `--id-A--` first.

A is the connection, B the request, F the answer, H what the rules said. Version 3
frames ids with three dashes. The record of a refused request is told as the error log
tells it, so that both speak of one thing.
"""

import polars as pl

from forensic.fields.columns import clf_stamp, json_extra, offset_seconds, target
from forensic.format import Format

__all__ = ["FORMAT"]

_HEAD = r"^(?:--[0-9a-f]{8}-A--|---[0-9A-Za-z]{8}---A--)[ \r]*(?:\n|$)"
_WHERE = (
    r"^-+[0-9A-Za-z]{8}-+A--[ \r]*\n\[([^ \]]+) -?([+-][0-9]{4})\] ([^ \n]+)"
    r" ([^ \n]+) [0-9]+ ([^ \n]+) ([0-9]+)"
)
_ASKED = r"-B--\r?\n([A-Z][A-Z_-]{1,20}) ([^ \r\n]+)(?: HTTP/([0-9.]+))?"
_DENIED = r"(?:Message|ModSecurity): (Access denied with code [0-9]{3}[^\n]*)"
_WARNED = r"(?:Message|ModSecurity): ((?:Warning|Pattern|Matched)[^\n]*)"
_SHOWN = 8 << 10


def _text(pattern: str) -> pl.Expr:
    return pl.col("text").str.extract(pattern)


def _header(name: str) -> pl.Expr:
    """A header of the request; the name stands at a line's begin, before the answer."""
    return pl.col("asked").str.extract(rf"(?i)\n{name}: *([^\r\n]+)").str.strip_chars()


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of audit records."""
    where = pl.col("text").str.extract_groups(_WHERE).struct
    asked = pl.col("text").str.extract_groups(_ASKED).struct
    stamp, zone, unique, client = (where.field(str(n)) for n in range(1, 5))
    address = target(asked.field("2"))
    denied, warned = _text(_DENIED), _text(_WARNED)
    said = pl.coalesce(denied, warned).str.strip_chars().str.slice(0, _SHOWN)
    code = said.str.extract(r"^Access denied with code ([0-9]{3})")
    sent = _text(r"-F--\r?\nHTTP/[0-9.]+ ([0-9]{3})")
    request = _text(r"(?s)-B--(.*?)\n-+[0-9A-Za-z]{8}-+[C-Z]--")
    frame = pl.DataFrame({"text": lines}).with_columns(asked=request)
    return frame.select(
        local_time=clf_stamp(stamp),
        utc_offset=offset_seconds(zone),
        level=pl.when(denied.is_not_null())
        .then(pl.lit("error"))
        .otherwise(pl.lit("warn")),
        client_ip=client,
        method=asked.field("1"),
        path=address["path"],
        query=address["query"],
        http_version=asked.field("3"),
        host=pl.coalesce(_header("host").str.replace(r":\d+$", ""), address["host"]),
        user_agent=_header("user-agent"),
        referrer=_header("referer"),
        forwarded_for=_header("x-forwarded-for"),
        status=pl.coalesce(code, sent).cast(pl.Int16, strict=False),
        request_id=unique,
        action=pl.when(denied.is_not_null()).then(pl.lit("block")),
        rule=said.str.extract(r'\[id "([^"]*)"\]'),
        reason=pl.when(denied.is_not_null())
        .then(pl.lit("modsecurity_denied"))
        .when(warned.is_not_null())
        .then(pl.lit("modsecurity_warning")),
        message=pl.concat_str(pl.lit("ModSecurity: "), said),
        extra=json_extra(
            rules=pl.col("text")
            .str.extract_all(r'(?m)^(?:Message|ModSecurity): .*\[id "[^"]*"\]')
            .list.eval(pl.element().str.extract(r'\[id "([^"]*)"\]'))
            .list.join(" ")
            .replace({"": None}),
            server=where.field("5"),
            sent=sent,
            engine=_text(r'Engine-Mode: "([^"\n]*)"'),
        ),
        refused=pl.when(~pl.col("text").str.contains(_HEAD)).then(
            pl.lit("no audit record")
        ),
    )


FORMAT = Format(
    name="modsec_audit",
    title="ModSecurity audit log",
    hop="web_server",
    reference="https://github.com/owasp-modsecurity/ModSecurity/wiki/ModSecurity-2-Data-Formats",
    head=_HEAD,
    parse=parse,
    multiline=True,
    whole=True,
    paths=r"(?i)modsec|audit",
)
