"""W3C extended logs: rows whose columns a line `#Fields:` names.

Fields are parted by spaces or tabs; a value with spaces has `+` for them, or stands in
quotes. Who writes them names the fields alike, but not the zone of the stamps, nor the
unit of `time-taken`.
"""

import functools
import re
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from forensic.fields.columns import iso_stamp, json_extra, seconds, target
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = [
    "APPENDED",
    "CLOCK",
    "DATE",
    "HEADER",
    "Announced",
    "announced",
    "rows_of",
    "w3c",
]

#: Lines that describe the rows below them.
HEADER = r"^#(?:Software|Version|Date|Start-Date|End-Date|Fields|Remark):"
#: A field of the site's own comes last; most often it is what a proxy appends.
APPENDED = "x-forwarded-for?"
#: Column ▶ the names of its field, in lower case.
_NAMES = {
    "client_ip": "c-ip",
    "forwarded_for": "x-forwarded-for x-forwarded-for? cs(x-forwarded-for) s-xff",
    "method": "cs-method",
    "path": "cs-uri-stem",
    "query": "cs-uri-query",
    "uri": "cs-uri",
    "host": "cs-host cs(host)",
    "version": "cs-version",
    "status": "sc-status c-status",
    "substatus": "sc-substatus",
    "windows": "sc-win32-status",
    "bytes_sent": "sc-bytes bytes",
    "bytes_received": "cs-bytes",
    "user": "cs-username",
    "user_agent": "cs(user-agent)",
    "referrer": "cs(referer) cs(referrer)",
    "hostname": "s-computername",
    "reason": "s-reason",
    "millis": "timetakenms",
    "taken": "time-taken",
}
_COLUMN_OF = {
    name: column for column, names in _NAMES.items() for name in names.split()
}
DATE, CLOCK = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
#: Fields that only one kind of value can fill: they tell a row from a foreign one.
_SHAPES = {
    "date": DATE,
    "time": rf"{CLOCK}(?:\.[0-9]{{1,6}})?",
    "date-local": DATE,
    "time-local": rf"{CLOCK}(?:\.[0-9]{{1,6}})?",
    "cs-method": r"[A-Za-z][A-Za-z0-9_-]*|-",
    "cs-version": r"HTTP/[0-9.]+|-",
    "sc-status": r"[0-9]{3}|-",
    "s-port": r"[0-9]+|-",
    "c-port": r"[0-9]+|-",
    "s-siteid": r"[0-9]+|-",
    "streamid": r"[0-9]+|-",
    "s-reason": r"[A-Za-z0-9_/.]+|-",
    APPENDED: r"[0-9A-Fa-f.:]{3,45}(?:,\+?[0-9A-Fa-f.:]{3,45})*|-",
}
#: Of these, the ones that no column takes.
_SHOWN = ("s-port", "sc-substatus", "c-port", "streamid", "s-siteid")
#: Never kept: what signs a user in.
_SECRET = {"cs(cookie)", "sc(set-cookie)", "cs(authorization)"}
_GAP = r"[ \t]+"
_NO_ROW = "not a row of these fields"
_FIELDS = re.compile(rb"^#Fields:[ \t]*([^\r\n]+?)[ \t]*\r?$", re.MULTILINE)
_DAY = re.compile(rb"^#Date:[ \t]*(\d{4}-\d\d-\d\d)\b", re.MULTILINE)


_SOFTWARE = re.compile(rb"^#Software:[ \t]*(.+?)[ \t]*\r?$", re.MULTILINE)
#: Fields of IIS and HTTP.SYS alone.
_OWN = {"sc-substatus", "sc-win32-status", "s-siteid", "s-queuename"}


class Announced(NamedTuple):
    """What a file's header lines say of its rows."""

    #: The names of the fields, behind a day where no field is one.
    template: str
    #: Whether IIS or HTTP.SYS writes them.
    microsoft: bool
    #: The writer's own name.
    software: str


def announced(head: bytes) -> list[Announced]:
    """What the header lines at the front of a file say of its rows, and who writes it.

    Where no field is a date, the one of `#Date` leads, if there is only one.
    """
    days = set(_DAY.findall(head))
    software = b" ".join(_SOFTWARE.findall(head)).decode("utf-8", "replace")
    found = []
    for line in dict.fromkeys(_FIELDS.findall(head)):
        names = line.decode("utf-8", "replace").split()
        fields = [name.lower() for name in names]
        if "time" in fields and "date" not in fields and len(days) == 1:
            names.insert(0, next(iter(days)).decode())
        stamped = {"time", "time-local"} & {*fields} and len(names) <= 100
        if stamped and "x-edge-location" not in fields:
            found.append(
                Announced(" ".join(names), _microsoft(software, fields), software)
            )
    return found


def _microsoft(software: str, fields: Sequence[str]) -> bool:
    """Whether IIS or HTTP.SYS writes it: by its name, or by fields that others lack."""
    return "Microsoft" in software or "IIS" in software or bool(_OWN & {*fields})


def _pattern(fields: list[str]) -> str:
    """The expression of a row, one group a field (f0, f1, …), quoted or not."""
    groups = []
    for place, name in enumerate(fields):
        shape = rf'"?(?:{_SHAPES[name]})"?' if name in _SHAPES else r'"[^"]*"|[^ \t]*'
        groups.append(f"(?P<f{place}>{shape})")
    return f"^{_GAP.join(groups)}[ \\t]*$"


def _text(fields: list[str], column: str) -> pl.Expr:
    """The first field that holds the column, `-` as null."""
    places = [i for i, name in enumerate(fields) if _COLUMN_OF.get(name) == column]
    values = [_plain(place) for place in places]
    return pl.coalesce(values) if values else pl.lit(None, pl.String)


def _plain(place: int) -> pl.Expr:
    value = pl.col(f"f{place}")
    return pl.when(~value.is_in(["-", ""])).then(value)


def _split(lines: pl.Series, fields: list[str]) -> pl.DataFrame:
    """The fields of rows that one space parts and nothing quotes, and `refused`."""
    count = len(fields)
    parts = lines.str.split_exact(" ", count).struct.unnest()
    parts.columns = [f"f{place}" for place in range(count + 1)]
    line = pl.lit(lines)
    odd = [line.str.contains(mark, literal=True) for mark in ('"', "\t", "  ")]
    whole = pl.col(f"f{count - 1}").is_not_null()
    whole &= pl.col(f"f{count}").fill_null("") == ""
    whole &= ~pl.any_horizontal(odd) & (pl.col("f0") != "")
    shaped = [
        pl.col(f"f{place}").str.contains(f"^(?:{_SHAPES[name]})$")
        for place, name in enumerate(fields)
        if name in _SHAPES
    ]
    refused = pl.when(~pl.all_horizontal(whole, *shaped).fill_null(value=False))
    return parts.with_columns(refused=refused.then(pl.lit(_NO_ROW)))


def _matched(lines: pl.Series, fields: list[str]) -> pl.DataFrame:
    """The fields of rows with quotes, tabs or several spaces, and `refused`."""
    rows = lines.str.extract_groups(_pattern(fields)).struct.unnest()
    bare = pl.all().str.replace(r'^"(.*)"$', "${1}")
    refused = pl.when(pl.col("f0").is_null()).then(pl.lit(_NO_ROW))
    return rows.select(bare, refused=refused)


def _stamp(fields: list[str], day: str | None) -> tuple[pl.Expr, bool]:
    """The stamp, and whether it is local time."""
    local = "time" not in fields
    date, time = ("date-local", "time-local") if local else ("date", "time")
    first = (
        pl.col(f"f{fields.index(date)}") if date in fields else pl.lit(day, pl.String)
    )
    clock = pl.col(f"f{fields.index(time)}")
    return iso_stamp(pl.concat_str(first, pl.lit(" "), clock)), local


def _reason(fields: list[str]) -> pl.Expr:
    """HTTP.SYS's word for the cause, or a substatus such as 404.7.

    Of a gateway's error the Windows error says why: `502.3 12002`.
    """
    sub = _text(fields, "substatus").str.extract(r"^([1-9][0-9]*)$")
    windows = _text(fields, "windows").str.extract(r"^(12[0-9]{3})$")
    whole = pl.concat_str(_text(fields, "status"), pl.lit("."), sub)
    told = pl.concat_str(whole, pl.lit(" "), windows)
    return pl.coalesce(_text(fields, "reason"), told, whole)


def _parse(
    lines: pl.Series, fields: list[str], day: str | None, utc: bool
) -> pl.DataFrame:
    ways = [functools.partial(way, fields=fields) for way in (_split, _matched)]
    rows = first_that_parses(lines, ways)
    stamp, local = _stamp(fields, day)
    uri = target(_text(fields, "uri"))
    kept = _COLUMN_OF.keys() - {"sc-win32-status"}
    names = [n for n in fields if n not in kept and n not in {*_SHAPES, *_SECRET}]
    names += [name for name in _SHOWN if name in fields]
    shown = {name: _plain(fields.index(name)) for name in names}
    # IIS counts milliseconds, the W3C's draft seconds with a fraction; of whole numbers
    # others do not say which they are.
    taken, took = _text(fields, "taken"), seconds(_text(fields, "millis"), 1e3)
    if "sc-win32-status" in fields:
        took = pl.coalesce(took, seconds(taken, 1e3))
    elif "time-taken" in fields:
        took = pl.coalesce(took, seconds(taken.str.extract(r"^([0-9]+\.[0-9]+)$"), 1.0))
    return rows.select(
        local_time=stamp,
        utc_offset=pl.when(stamp.is_not_null()).then(
            pl.lit(0 if utc and not local else None, pl.Int32)
        ),
        **{name: _text(fields, name) for name in ("method", "user", "hostname")},
        forwarded_for=_text(fields, "forwarded_for").str.replace_all(
            "+", " ", literal=True
        ),
        # Of an IPv6 address, the zone names the server's own interface.
        client_ip=_text(fields, "client_ip").str.replace(r"%[0-9A-Za-z]+$", ""),
        scheme=uri["scheme"],
        host=pl.coalesce(_text(fields, "host"), uri["host"]),
        path=pl.coalesce(_text(fields, "path"), uri["path"]),
        query=pl.coalesce(_text(fields, "query"), uri["query"]),
        http_version=_text(fields, "version").str.strip_prefix("HTTP/"),
        status=_text(fields, "status").cast(pl.Int16, strict=False),
        bytes_sent=_text(fields, "bytes_sent").cast(pl.Int64, strict=False),
        bytes_received=_text(fields, "bytes_received").cast(pl.Int64, strict=False),
        duration=took,
        user_agent=_text(fields, "user_agent").str.replace_all("+", " ", literal=True),
        referrer=_text(fields, "referrer"),
        reason=_reason(fields),
        extra=json_extra(**shown) if shown else pl.lit(None, pl.String),
        refused=pl.coalesce("refused", pl.when(stamp.is_null()).then(pl.lit(_NO_ROW))),
    )


def rows_of(template: str, *, utc: bool) -> tuple[str, functools.partial[pl.DataFrame]]:
    """The `head` and the `parse` of rows below a certain `#Fields:` line."""
    fields = template.lower().split()
    day = fields.pop(0) if re.fullmatch(DATE, fields[0]) else None
    head = re.sub(r"\?P<f\d+>", "?:", _pattern(fields))
    return head, functools.partial(_parse, fields=fields, day=day, utc=utc)


def w3c(name: str, title: str, template: str, *, utc: bool, paths: str) -> Format:
    """The format of rows below a certain `#Fields:` line."""
    head, parse = rows_of(template, utc=utc)
    return Format(
        name=name,
        title=title,
        hop="web_server",
        reference="https://www.w3.org/TR/WD-logfile",
        head=head,
        parse=parse,
        stamps_end=True,
        header=HEADER,
        paths=paths,
    )
