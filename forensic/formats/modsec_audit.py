"""ModSecurity's audit log, written in a row: a record of sections, `--id-A--` first.

A is the connection, B the request, F the answer, H what the rules said. Version 3
frames ids with three dashes. The record of a refused request is told as the error log
tells it, so that both speak of one thing.
"""

import re

import numpy as np
import polars as pl

from forensic.fields.columns import clf_stamp, json_extra, offset_seconds, target
from forensic.fields.octets import Mask
from forensic.format import Format

__all__ = ["FORMAT"]

_HEAD = r"^(?:--[0-9a-f]{8}-A--|---[0-9A-Za-z]{8}---A--)[ \r]*(?:\n|$)"
_WHERE = (
    r"^-+[0-9A-Za-z]{8}-+A--[ \r]*\n\[([^ \]]+) -?([+-][0-9]{4})\] ([^ \n]+)"
    r" ([^ \n]+) [0-9]+ ([^ \n]+) ([0-9]+)"
)
#: What parts sections is of the record: a client, whose body may be among them, does
#: not know it.
_MARK = r"^(-+[0-9A-Za-z]{8}-+)A--"
_FIRST = re.compile(_MARK)
_ASKED = r"^B--\r?\n([A-Z][A-Z_-]{1,20}) ([^ \r\n]+)(?: HTTP/([0-9.]+))?"
_DENIED = r"(?m)^(?:Message|ModSecurity): (Access denied with code [0-9]{3}[^\n]*)"
_WARNED = r"(?m)^(?:Message|ModSecurity): ((?:Warning|Pattern|Matched)[^\n]*)"
_SHOWN = 8 << 10


def _within(lines: pl.Series, heads: Mask, more: bool) -> Mask:
    """Which heads stand in a record above: before its own end, in a body."""
    found = np.zeros(len(lines), np.bool_)
    closing = lines.str.contains(r"-Z--[ \r]*$").arg_true()
    texts = lines.gather(closing).str.strip_chars_end()
    ends = dict(zip(texts.to_list(), closing.to_list(), strict=True))
    last = -1
    for first in np.flatnonzero(heads):
        mark = _FIRST.match(lines[int(first)])
        if first <= last or mark is None:
            continue
        # A record without its end: a writer that died, unless it is still to come.
        otherwise = len(lines) - 1 if more else -1
        last = ends.get(f"{mark[1]}Z--", otherwise)
        found[first + 1 : last + 1] = heads[first + 1 : last + 1]
    return found


def _section(letter: str) -> pl.Expr:
    """The first section of a kind."""
    mine = pl.element().filter(pl.element().str.starts_with(f"{letter}--"))
    return pl.col("sections").list.eval(mine).list.first()


def _header(name: str) -> pl.Expr:
    """A header of the request; the name stands at a line's begin."""
    return pl.col("asked").str.extract(rf"(?i)\n{name}: *([^\r\n]+)").str.strip_chars()


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of audit records."""
    mark = pl.lit("\n") + pl.col("text").str.extract(_MARK).fill_null("")
    frame = pl.DataFrame({"text": lines})
    frame = frame.with_columns(sections=pl.col("text").str.split(mark))
    frame = frame.select(
        "text", asked=_section("B"), answer=_section("F"), said=_section("H")
    )
    where = pl.col("text").str.extract_groups(_WHERE).struct
    asked = pl.col("asked").str.extract_groups(_ASKED).struct
    stamp, zone, unique, client = (where.field(str(n)) for n in range(1, 5))
    address = target(asked.field("2"))
    denied, warned = (pl.col("said").str.extract(p) for p in (_DENIED, _WARNED))
    said = pl.coalesce(denied, warned).str.strip_chars().str.slice(0, _SHOWN)
    code = said.str.extract(r"^Access denied with code ([0-9]{3})")
    sent = pl.col("answer").str.extract(r"^F--\r?\nHTTP/[0-9.]+ ([0-9]{3})")
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
            rules=pl.col("said")
            .str.extract_all(r'(?m)^(?:Message|ModSecurity): .*\[id "[^"]*"\]')
            .list.eval(pl.element().str.extract(r'\[id "([^"]*)"\]'))
            .list.join(" ")
            .replace({"": None}),
            server=where.field("5"),
            sent=sent,
            engine=pl.col("said").str.extract(r'(?m)^Engine-Mode: "([^"\n]*)"'),
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
    within=_within,
    paths=r"(?i)modsec|audit",
)
