"""gunicorn's access log, also behind its error log's header, and hypercorn's.

The default line is nginx's `combined`, and only the file's name tells them apart.
Behind a proxy or a socket the client is the proxy's address or nothing. Written at
the end of a request; a `%(D)s` or `%(L)s` of the site's own stays in `extra.tail`.
"""

import polars as pl

from forensic.fields.columns import json_extra, prefix
from forensic.fields.combined import LINE, combined
from forensic.fields.rowwise import first_that_parses, where_any
from forensic.format import Format, headed

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} [+-][0-9]{4}"
_HEADER = rf"\[{_STAMP}\] \[(?P<pid>[0-9]{{1,10}})\] \[(?P<level>[A-Z]+)\] "
_CLF = (
    r"[^ ]* - (?:.{1,255}? )?\[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9:]{8}"
    r' [+-][0-9]{4}\] "'
)


def _plain(lines: pl.Series) -> pl.DataFrame:
    """The combined line, also where the client is empty (a Unix socket)."""
    empty = lines.str.starts_with(" - ").fill_null(value=False)
    whole = lines
    if empty.any():
        named = pl.when(empty).then(pl.concat_str(pl.lit("-"), lines)).otherwise(lines)
        whole = pl.select(named).to_series()
    frame = combined(whole)
    tail = pl.when(pl.col("tail") != "").then(pl.col("tail").str.strip_chars(" "))
    return frame.with_columns(
        client_ip=pl.when(pl.col("client_ip") != "-").then("client_ip"),
        extra=json_extra(tail=tail),
    ).drop("tail")


def _headed(lines: pl.Series) -> pl.DataFrame:
    """The line behind gunicorn's own header; hypercorn writes `1.1` for `HTTP/1.1`."""
    head = prefix(lines, _HEADER)
    line = head["rest"].str.replace(
        r' ([123](?:\.[01])?)" ([0-9]{3}) ', ' HTTP/$1" $2 '
    )
    frame = _plain(line.fill_null(""))
    with_port = r"^([0-9.]+|\[[0-9A-Fa-f:]+\]):[0-9]+$"
    return frame.with_columns(
        client_ip=pl.col("client_ip").str.replace(with_port, "$1"),
        pid=head["pid"].cast(pl.Int64, strict=False),
        level=head["level"].str.to_lowercase(),
    )


_PARSERS = [
    where_any(f"^ - |{LINE}", _plain, "not an access line"),
    where_any(_HEADER, _headed, "not an access line"),
]


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of access lines."""
    return first_that_parses(lines, _PARSERS)


FORMAT = headed(
    Format(
        name="gunicorn_access",
        title="gunicorn access log",
        hop="app_server",
        reference="gunicorn/glogging.py, gunicorn/config.py: access_log_format",
        head=rf"^(?:\[{_STAMP}\] \[[0-9]+\] \[[A-Z]+\] )?{_CLF}",
        parse=parse,
        stamps_end=True,
        paths=r"(?i)gunicorn|hypercorn",
    )
)
