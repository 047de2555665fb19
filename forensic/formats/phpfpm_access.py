"""php-fpm's access log: `127.0.0.1 -  06/Feb/2025:14:32:07 +0900 "GET /index.php" 500`.

That is its default format; `www.conf` offers one that goes on with the script, the time
in milliseconds, memory and processor. The path is mostly the script's, not what the
client asked for; the stamp says when the request came.
"""

import polars as pl

from forensic.fields.columns import (
    clf_stamp,
    dash_to_null,
    http_status,
    json_extra,
    offset_seconds,
    seconds,
    target,
)
from forensic.format import Format

__all__ = ["FORMAT"]

_CLF = r"\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2}"
_PEER = r"(-|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+)"
_LINE = (
    # It escapes no quotes: those of the path stand before the last ones.
    rf'^{_PEER} - (\S*) ({_CLF}) ([+-]\d{{4}}) "([A-Z]{{3,16}}) (.*)"'
    r' (\d{3})(?: ([^"]*))?$'
)
_NAMES = ["peer", "user", "stamp", "zone", "method", "target", "status", "tail"]
#: The longer format of `www.conf`: script, milliseconds, kilobytes, processor.
_LONGER = r"^(/\S*) (\d+\.\d{3}) (\d+) (\d+\.\d{2})%$"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of php-fpm's access lines."""
    found = lines.str.extract_groups(_LINE).struct.unnest()
    rows = found.rename(dict(zip(found.columns, _NAMES, strict=True)))
    longer = pl.col("tail").str.extract_groups(_LONGER).struct
    script, took = longer.field("1"), longer.field("2")
    stamp = clf_stamp(pl.col("stamp"))
    # The script stands behind the status, and has the same quotes.
    either = pl.col("target").str.contains(r'" \d{3} ') & pl.col("tail").is_not_null()
    either = either.fill_null(value=False)
    offset = offset_seconds(pl.col("zone"))
    return rows.select(
        "method",
        local_time=stamp,
        utc_offset=offset,
        start_time=(stamp - pl.duration(seconds=offset)).dt.replace_time_zone("UTC"),
        client_ip=dash_to_null(pl.col("peer")),
        user=pl.when(~pl.col("user").is_in(["", "-"])).then("user"),
        status=pl.when(~either).then(http_status(pl.col("status"))),
        duration=seconds(took, 1e3),
        extra=json_extra(script=script, tail=pl.when(script.is_null()).then("tail")),
        flags=pl.when(either).then(pl.lit(["forgery_suspect"])),
        refused=pl.when(stamp.is_null()).then(pl.lit("no access line of php-fpm")),
        **target(pl.col("target")),
    )


FORMAT = Format(
    name="phpfpm_access",
    title="php-fpm access log",
    hop="app_server",
    reference="https://www.php.net/manual/en/install.fpm.configuration.php",
    head=rf'^{_PEER} - \S* {_CLF} [+-]\d{{4}} "[A-Z]{{3,16}} .*" \d{{3}}',
    parse=parse,
    paths=r"(?i)php|fpm",
    stamps_start=True,
)
