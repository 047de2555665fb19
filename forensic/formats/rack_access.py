"""Rack's access lines: `192.0.2.10 - - [06/Feb/2025:…] "GET /p …" 500 30 0.0007`.

What runs Ruby writes them (Sinatra, Hanami, `rackup`; under unicorn, thin, Puma or
WEBrick): like a web server's, but for the seconds with four decimals behind the bytes.
Before version 1.4 a space stood behind the date, and no zone behind the clock.
"""

import polars as pl

from forensic.fields.columns import clf_stamp, dash_to_null, offset_seconds, target
from forensic.format import Format

__all__ = ["FORMAT"]

_CLF = r"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}[: ][0-9]{2}:[0-9]{2}:[0-9]{2}"
_ZONE = r"(?: [+-][0-9]{4})?"
#: X-Forwarded-For as it came, where there is one.
_PEERS = r"[0-9A-Fa-f.:]+(?:, ?[0-9A-Fa-f.:]+)*|[^ \n]+"
_LINE = (
    rf"^({_PEERS}) - ([^\[\n]*?) \[({_CLF})({_ZONE})\]"
    r' "([A-Z]{3,16}) ([^\n]*?)(?: HTTP/([0-9.]+))?" ([1-5][0-9]{2})'
    r" ([0-9]+|-) ([0-9]+\.[0-9]{4})$"
)
_NAMES = "peer user stamp zone method target version status bytes took".split()


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Rack's access lines."""
    found = lines.str.extract_groups(_LINE).struct.unnest()
    rows = found.rename(dict(zip(found.columns, _NAMES, strict=True)))
    stamp = clf_stamp(pl.col("stamp").str.replace(" ", ":", literal=True))
    known = pl.col("stamp").is_not_null()
    return rows.select(
        "method",
        local_time=stamp,
        utc_offset=offset_seconds(pl.col("zone").str.strip_chars_start(" ")),
        client_ip=dash_to_null(pl.col("peer").str.extract(r"([^, ]+)$")),
        forwarded_for=pl.when(pl.col("peer").str.contains(",")).then("peer"),
        user=dash_to_null(pl.col("user")),
        http_version="version",
        status=pl.col("status").cast(pl.Int16, strict=False),
        bytes_sent=pl.col("bytes").cast(pl.Int64, strict=False),
        duration=pl.col("took").cast(pl.Float64, strict=False),
        flags=pl.when(known & stamp.is_null()).then(pl.lit(["bad_time"])),
        refused=pl.when(~known).then(pl.lit("no access line of Rack")),
        **target(pl.col("target")),
    )


FORMAT = Format(
    name="rack_access",
    title="Rack access log (Sinatra, unicorn, thin)",
    hop="app_server",
    reference="https://github.com/rack/rack/blob/main/lib/rack/common_logger.rb",
    head=(
        rf'^(?:{_PEERS}) - [^\[\n]*? \[{_CLF}{_ZONE}\] "[A-Z]{{3,16}} [^\n]*"'
        r" [1-5][0-9]{2} (?:[0-9]+|-) [0-9]+\.[0-9]{4}$"
    ),
    parse=parse,
    stamps_end=True,
    narrow=True,
    paths=r"(?i)unicorn|thin|puma|rack|sinatra|ruby",
)
