"""IIS and HTTP.SYS logs: W3C extended, whose columns a line `#Fields:` names.

The sniffer passes that line on as a template; a file without it (a rotated piece) is
read in the orders that IIS itself writes. Spaces in a value are logged as `+`, or the
value stands in quotes (Advanced Logging). Stamps are UTC.
"""

import functools
import re

import polars as pl

from forensic.columns import first_that_parses, iso_stamp, json_extra, seconds, target
from forensic.format import Format

__all__ = ["FORMAT", "from_template"]

_ENDING = "sc-status sc-substatus sc-win32-status"
_COUNTS = "sc-bytes cs-bytes time-taken"
#: Orders that IIS writes by itself: what names the server, what follows the client.
_USUAL = [
    ("s-ip", f"cs(User-Agent) cs(Referer) {_ENDING} time-taken"),
    ("s-ip", f"cs(User-Agent) {_ENDING} time-taken"),
    ("s-sitename s-ip", f"cs(User-Agent) {_ENDING}"),
    (
        "s-sitename s-computername s-ip",
        f"cs-version cs(User-Agent) cs(Cookie) cs(Referer) cs-host {_ENDING} {_COUNTS}",
    ),
]
_MIDDLE = "cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip"
#: Column ▶ the names of its field, in lower case.
_NAMES = {
    "client_ip": "c-ip",
    "forwarded_for": "x-forwarded-for cs(x-forwarded-for) s-xff",
    "method": "cs-method",
    "path": "cs-uri-stem",
    "query": "cs-uri-query",
    "uri": "cs-uri",
    "host": "cs-host cs(host)",
    "version": "cs-version",
    "status": "sc-status c-status",
    "substatus": "sc-substatus",
    "windows": "sc-win32-status",
    "bytes_sent": "sc-bytes",
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
_DATE, _CLOCK = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
#: Fields that only one kind of value can fill: they tell a row from a foreign one.
_SHAPES = {
    "date": _DATE,
    "time": rf"{_CLOCK}(?:\.[0-9]{{1,6}})?",
    "date-local": _DATE,
    "time-local": rf"{_CLOCK}(?:\.[0-9]{{1,6}})?",
    "cs-method": r"[A-Za-z_-]+",
    "cs-version": r"HTTP/[0-9.]+|-",
    "sc-status": r"[0-9]{3}|-",
    "s-port": r"[0-9]+|-",
}
#: Never kept: what signs a user in.
_SECRET = {"cs(cookie)", "sc(set-cookie)", "cs(authorization)"}
_FIELDS = re.compile(rb"^#Fields:[ \t]*([^\t\r\n]+?)[ \t]*\r?$", re.MULTILINE)
_DAY = re.compile(rb"^#Date:[ \t]*(\d{4}-\d\d-\d\d)\b", re.MULTILINE)


def templates(head: bytes) -> list[str]:
    """What the header lines at the front of a file say of its rows.

    Where no field is a date, the one of `#Date` leads, if there is only one.
    """
    days = set(_DAY.findall(head))
    found = []
    for line in dict.fromkeys(_FIELDS.findall(head)):
        names = line.decode("utf-8", "replace").split()
        if "time" in names and "date" not in names and len(days) == 1:
            names.insert(0, next(iter(days)).decode())
        stamped = {"time", "time-local"} & {*names} and len(names) <= 100
        if stamped and "x-edge-location" not in names:
            found.append(" ".join(names))
    return found


def _pattern(fields: list[str]) -> str:
    """The expression of a row, one group a field (f0, f1, …), quoted or not."""
    groups = []
    for place, name in enumerate(fields):
        shape = rf'"?(?:{_SHAPES[name]})"?' if name in _SHAPES else r'"[^"]*"|[^ ]*'
        groups.append(f"(?P<f{place}>{shape})")
    return f"^{' +'.join(groups)} *$"


def _text(fields: list[str], column: str) -> pl.Expr:
    """The first field that holds the column, `-` as null, without quotes."""
    places = [i for i, name in enumerate(fields) if _COLUMN_OF.get(name) == column]
    values = [_plain(place) for place in places]
    return pl.coalesce(values) if values else pl.lit(None, pl.String)


def _plain(place: int) -> pl.Expr:
    value = pl.col(f"f{place}").str.replace(r'^"(.*)"$', "${1}")
    return pl.when(~value.is_in(["-", ""])).then(value)


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


def _parse(lines: pl.Series, fields: list[str], day: str | None) -> pl.DataFrame:
    rows = lines.str.extract_groups(_pattern(fields)).struct.unnest()
    stamp, local = _stamp(fields, day)
    uri = target(_text(fields, "uri"))
    kept = _COLUMN_OF.keys() - {"sc-win32-status"}
    names = [n for n in fields if n not in kept and n not in {*_SHAPES, *_SECRET}]
    names += [name for name in ("s-port", "sc-substatus") if name in fields]
    shown = {name: _plain(fields.index(name)) for name in names}
    # IIS counts milliseconds; the W3C's draft and others seconds.
    millis = _text(fields, "millis")
    if "sc-win32-status" in fields:
        millis = pl.coalesce(millis, _text(fields, "taken"))
    return rows.select(
        local_time=stamp,
        utc_offset=pl.when(stamp.is_not_null()).then(
            pl.lit(None if local else 0, pl.Int32)
        ),
        **{
            name: _text(fields, name)
            for name in ("forwarded_for", "method", "user", "hostname")
        },
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
        duration=seconds(millis, 1e3),
        user_agent=_text(fields, "user_agent").str.replace_all("+", " ", literal=True),
        referrer=_text(fields, "referrer"),
        reason=_reason(fields),
        extra=json_extra(**shown) if shown else pl.lit(None, pl.String),
        refused=pl.when(stamp.is_null()).then(pl.lit("not a row of these fields")),
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of rows in one of the orders that IIS writes by itself."""
    orders = [
        f"date time {server} {_MIDDLE} {rest}".lower().split()
        for server, rest in _USUAL
    ]
    return first_that_parses(
        lines, [functools.partial(_parse, fields=order, day=None) for order in orders]
    )


def from_template(template: str) -> Format:
    """The format of rows below a certain `#Fields:` line."""
    fields = template.lower().split()
    day = fields.pop(0) if re.fullmatch(_DATE, fields[0]) else None
    return Format(
        name="iis",
        title="IIS access log (W3C)",
        hop="web_server",
        reference="https://www.w3.org/TR/WD-logfile",
        head=re.sub(r"\?P<f\d+>", "?:", _pattern(fields)),
        parse=functools.partial(_parse, fields=fields, day=day),
        stamps_end=True,
        header=FORMAT.header,
        paths=FORMAT.paths,
    )


FORMAT = Format(
    name="iis",
    title="IIS access log (W3C)",
    hop="web_server",
    reference="https://learn.microsoft.com/windows/win32/http/w3c-logging",
    head=rf"^{_DATE} {_CLOCK} (?:[A-Za-z0-9_.-]+ ){{0,2}}[0-9A-Fa-f.:%]+ [A-Z_]+ /",
    parse=parse,
    templates=templates,
    stamps_end=True,
    header=r"^#(?:Software|Version|Date|Start-Date|End-Date|Fields|Remark):",
    paths=r"(?i)\biis|w3svc|u_(?:ex|nc|in)\d+|httperr",
)
