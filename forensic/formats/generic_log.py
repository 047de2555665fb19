"""Any line that begins with a stamp: the last resort for logs of unknown programs.

Only the stamp is certain, and a level where one stands right behind it; a line that
tells of a request and its status is an application's. Known stamps:
`2025-02-06 14:32:07.123`, `2025/02/06 14:32:07`, `2012-025T10:22:40`, epochs, TAI64N
labels, `Thu Feb  6 14:32:07 2025`; in brackets or bare.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix
from forensic.fields.http_messages import http_messages
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format
from forensic.schema import HOPS

__all__ = ["FORMAT"]

_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,:][0-9]{1,9})?"
_ZONE = r"(?: ?[+-][0-9]{2}:?[0-9]{2}|Z)?"
_DATED = rf"[0-9]{{4}}[-/.][0-9]{{2}}[-/.][0-9]{{2}}[ T_-]{_CLOCK}{_ZONE}"
_ORDINAL = rf"[0-9]{{4}}-[0-9]{{3}}T{_CLOCK}{_ZONE}"
_CTIME = rf"[A-Z][a-z]{{2}} [A-Z][a-z]{{2}} [ 0-9][0-9] {_CLOCK} [0-9]{{4}}"
_EPOCH = r"1[0-9]{9}(?:[0-9]{3}|\.[0-9]{1,9})?"
_TAI = r"@[0-9a-f]{24}"
_LEVEL = (
    r"(?: *[|:-])? *[\[<(]?(?P<level>(?i:trace|debug|info|information|notice|warn"
    r"|warning"
    r"|error|err|critical|crit|fatal|severe|alert|emerg|log"
    r"|vrb|trc|dbg|inf|wrn|ftl|pnc))[\]>)]?(?::|,| -| \|| |$)"
)
#: How Serilog cuts the names of its levels, and zerolog's console (Traefik's own log).
_SHORT = {"vrb": "trace", "trc": "trace", "dbg": "debug", "inf": "info", "wrn": "warn"}
_SHORT |= {"err": "error", "ftl": "fatal", "pnc": "fatal"}
_NAMED = (
    r" (?P<zone>UTC|GMT|JST|KST|IST|CET|CEST|BST|EST|EDT|CST|CDT|MST|MDT|PST|PDT)\b"
)
#: TAI64N labels count seconds 10 ahead of UTC, as their writers do.
_TAI_AHEAD = 10


def _columns(head: pl.DataFrame, stamps: pl.DataFrame) -> pl.DataFrame:
    """The columns of stamped lines: a level and a zone may follow the stamp."""
    known = stamps["local_time"].is_not_null()
    zone = prefix(head["rest"].fill_null(""), rf"(?:{_NAMED})?")
    level = prefix(zone["rest"], _LEVEL)
    rest = level.select(pl.coalesce("rest", zone["rest"])).to_series()
    message = rest.str.replace(r"^[ \t]*(?::[ \t])?[ \t]*", "")
    http = http_messages(message)
    utc = zone["zone"].is_in(["UTC", "GMT"])
    return pl.DataFrame({"known": known}).select(
        *(http[name] for name in http.columns),
        local_time=stamps["local_time"],
        utc_offset=pl.when(utc)
        .then(pl.lit(0, pl.Int32))
        .otherwise(stamps["utc_offset"]),
        level=level["level"].str.to_lowercase().replace(_SHORT),
        hop=pl.when(http["path"].is_not_null() & http["status"].is_not_null()).then(
            pl.lit("application", pl.Enum(HOPS))
        ),
        message=message,
        extra=json_extra(zone=pl.lit(zone["zone"])),
        refused=pl.when(~pl.col("known")).then(pl.lit("no stamp")),
    )


def _dated(lines: pl.Series) -> pl.DataFrame:
    """The lines of `2025-02-06 14:32:07`, with any of the usual separators."""
    head = prefix(lines, rf"[\[(]?(?P<stamp>{_DATED})[\])]?")
    text = head["stamp"].str.replace(
        r"^([0-9]{4}).([0-9]{2}).([0-9]{2}).(.{8}):?", "$1-$2-$3 $4"
    )
    return _columns(head, moments(text))


def _rarer(lines: pl.Series) -> pl.DataFrame:
    """The lines of a day of the year, or of `Thu Feb  6 14:32:07 2025`."""
    head = prefix(
        lines,
        rf"[\[(]?(?:(?P<ordinal>[0-9]{{4}}-[0-9]{{3}})T(?P<clock>{_CLOCK})"
        rf"|[A-Z][a-z]{{2}} (?P<day>[A-Z][a-z]{{2}} [ 0-9][0-9]) (?P<time>{_CLOCK})"
        r" (?P<year>[0-9]{4}))[\])]?",
    )
    spoken = pl.concat_str("year", pl.lit(" "), pl.col("day").str.replace("  ", " 0"))
    date = pl.coalesce(
        pl.col("ordinal").str.to_date("%Y-%j", strict=False),
        spoken.str.to_date("%Y %b %d", strict=False),
    )
    clock = pl.coalesce("clock", "time")
    text = pl.concat_str(date.dt.strftime("%Y-%m-%d"), pl.lit(" "), clock)
    return _columns(head, moments(head.select(text).to_series()))


def _counted(lines: pl.Series) -> pl.DataFrame:
    """The lines of a count of seconds since 1970, or of a TAI64N label."""
    head = prefix(
        lines,
        r"[\[(]?(?:(?P<seconds>1[0-9]{9})(?P<millis>[0-9]{3})?(?:\."
        r"(?P<part>[0-9]{1,9}))?"
        r"|@4000000(?P<tai>[0-9a-f]{9})(?P<nanos>[0-9a-f]{8}))[\])]?(?: |$)",
    )
    part = pl.coalesce("part", "millis", pl.lit("")).str.pad_end(6, "0").str.slice(0, 6)
    seconds = pl.col("seconds").cast(pl.Int64, strict=False) * 1_000_000 + part.cast(
        pl.Int64
    )
    labels = pl.col("tai").str.to_integer(base=16, dtype=pl.Int64) - _TAI_AHEAD
    nanos = pl.col("nanos").str.to_integer(base=16, dtype=pl.Int64)
    micros = pl.coalesce(seconds, labels * 1_000_000 + nanos // 1000)
    stamps = head.select(
        local_time=micros.cast(pl.Datetime("us")),
        utc_offset=pl.when(micros.is_not_null()).then(pl.lit(0, pl.Int32)),
    )
    return _columns(head, stamps)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The stamp of each line, and the rest as its message."""
    return first_that_parses(lines, [_dated, _rarer, _counted])


FORMAT = Format(
    name="generic_log",
    title="lines with a stamp",
    hop=None,
    reference="ISO 8601, asctime(3), https://cr.yp.to/libtai/tai64.html",
    head=rf"^[\[(]?(?:{_DATED}|{_ORDINAL}|{_CTIME}|{_EPOCH}[ \])]|{_TAI})",
    parse=parse,
    multiline=True,
    last_resort=True,
)
