"""IIS's own log file format, before W3C's: fifteen fields parted by commas.

`203.0.113.9, -, 2/6/2025, 14:32:07, W3SVC1, WEB1, 192.0.2.5, 16, 305, 1245, 200, 0,
GET, /a, x=1,`: client, user, local date and time, site, server, milliseconds, bytes,
status, Windows's error, method, target, query.
"""

import polars as pl

from forensic.fields.columns import http_status, iso_stamp, json_extra, seconds
from forensic.format import Format

__all__ = ["FORMAT"]

_ADDRESS = r"[0-9A-Fa-f.:%]{2,45}"
_NUMBER = r"-?[0-9]{1,18}"
_LINE = (
    rf"^({_ADDRESS}), ([^,]*), ([0-9]{{1,2}})/([0-9]{{1,2}})/([0-9]{{2,4}}), "
    r"([0-9]{1,2}:[0-9]{2}:[0-9]{2}), ([A-Za-z0-9_-]+), ([^,]*), ([^,]*), "
    rf"({_NUMBER}), ({_NUMBER}), ({_NUMBER}), ([0-9]{{1,3}}), ({_NUMBER}), "
    r"([A-Za-z_-]+), ([^,]*), (.*?),?\s*$"
)
_NAMES = (
    "client_ip user first second year clock site server address millis received sent"
    " status windows method path query"
).split()
_NONE = ["-", ""]


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of IIS's own rows."""
    rows = lines.str.extract_groups(_LINE).struct.rename_fields(_NAMES).struct.unnest()
    first, second = (pl.col(n).str.zfill(2) for n in ("first", "second"))
    # Month first, unless that cannot be.
    turned = (first > "12") & (second <= "12")
    month = pl.when(turned).then(second).otherwise(first)
    day = pl.when(turned).then(first).otherwise(second)
    year = pl.when(pl.col("year").str.len_bytes() == 2).then("20" + pl.col("year"))
    date = pl.concat_str(pl.coalesce(year, "year"), month, day, separator="-")
    moment = iso_stamp(pl.concat_str(date, pl.lit(" "), pl.col("clock").str.zfill(8)))
    plain = {
        name: pl.when(~pl.col(name).is_in(_NONE)).then(name)
        for name in ("user", "method", "path", "query")
    }
    return rows.select(
        local_time=moment,
        client_ip=pl.col("client_ip").str.replace(r"%[0-9A-Za-z]+$", ""),
        **plain,
        hostname="server",
        status=http_status(pl.col("status")),
        bytes_sent=pl.col("sent").cast(pl.Int64, strict=False),
        bytes_received=pl.col("received").cast(pl.Int64, strict=False),
        duration=seconds(pl.col("millis"), 1e3),
        extra=json_extra(
            site=pl.col("site"),
            address=pl.col("address"),
            windows=pl.col("windows").cast(pl.Int64, strict=False),
        ),
        refused=pl.when(moment.is_null()).then(pl.lit("no row of IIS's own format")),
    )


FORMAT = Format(
    name="native_iis",
    title="IIS access log (its own format)",
    hop="web_server",
    reference="https://learn.microsoft.com/previous-versions/iis/6.0-sdk/ms525807(v=vs.90)",
    head=rf"^{_ADDRESS}, [^,]*, [0-9]{{1,2}}/[0-9]{{1,2}}/[0-9]{{2,4}}, [0-9]{{1,2}}:",
    parse=parse,
    stamps_end=True,
    paths=r"(?i)\biis|w3svc|(?:^|/)in\d{6}",
)
