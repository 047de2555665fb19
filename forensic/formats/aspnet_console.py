"""The console of ASP.NET Core: `info: Category[id]`, the message indented below it.

Also the one-line shape (`SingleLine`), and systemd's (`<6>Category[id] message`). No
stamp unless one is configured: the time is that of the envelope. Journals and
containers carry each line alone, so that a request told on the second is one by itself.
"""

import polars as pl

from forensic.fields.columns import moments, prefix, without_colour
from forensic.fields.http_messages import http_messages
from forensic.format import Format

__all__ = ["FORMAT"]

_COLOUR = r"(?:\x1b\[[0-9;]*m)*"
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,7})?"
_STAMP = (
    rf"\[?(?:[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[ T]{_CLOCK}"
    r"(?:Z| ?[+-][0-9]{2}:?[0-9]{2})?)\]?"
)
_LEVELS = {
    "trce": "trace",
    "dbug": "debug",
    "fail": "error",
    "crit": "critical",
    # systemd's numbers.
    "7": "debug",
    "6": "info",
    "4": "warn",
    "3": "error",
    "2": "critical",
}
_WORD = r"trce|dbug|info|warn|fail|crit"
#: Names of classes, of generic ones too.
_NAME = r"[A-Za-z_][A-Za-z0-9_.+`<>,-]*"
_TOLD = r" {6}Request (?:starting|finished) HTTP/"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of such records."""
    row = prefix(
        without_colour(lines),
        rf"(?:(?:(?P<stamp>{_STAMP}) ?|\[?{_CLOCK}\]? ?)?(?P<word>{_WORD}): "
        rf"|<(?P<number>[2-7])>)(?P<logger>{_NAME})\[(?P<event>-?[0-9]{{1,10}})\]",
    )
    own = row["logger"].is_null() & lines.str.contains(rf"^{_TOLD}")
    rest = row.select(pl.when(pl.lit(own)).then(pl.lit(lines)).otherwise("rest"))
    body = rest.to_series().str.strip_chars().str.replace_all(r"\n {6}", "\n")
    stamps = moments(row["stamp"].str.strip_chars("[] "))
    http = http_messages(body)
    level = pl.coalesce("word", "number").replace(_LEVELS)
    return pl.concat([row, http], how="horizontal").select(
        *("method", "scheme", "host", "path", "query", "http_version", "status"),
        *("client_ip", "reason", "duration", "logger"),
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        level=level,
        message=pl.lit(body),
        refused=pl.when(pl.col("logger").is_null() & ~pl.lit(own)).then(
            pl.lit("no line of ASP.NET Core's console")
        ),
    )


FORMAT = Format(
    name="aspnet_console",
    title="ASP.NET Core's console",
    hop="application",
    reference="https://learn.microsoft.com/dotnet/core/extensions/console-log-formatter",
    head=(
        rf"^(?:{_COLOUR}(?:(?:{_STAMP}|\[?{_CLOCK}\]?) ?)?{_COLOUR}(?:{_WORD}){_COLOUR}"
        rf": {_NAME}\[-?[0-9]+\]|<[2-7]>{_NAME}\[-?[0-9]+\]|{_TOLD})"
    ),
    parse=parse,
    multiline=True,
    whole=True,
    paths=r"(?i)kestrel|dotnet|aspnet",
)
