"""uvicorn: `INFO:     127.0.0.1:54282 - "GET / HTTP/1.1" 200 OK`.

There is no stamp: the time comes from the envelope (journald, docker, syslog). The
level is padded to nine characters with its colon, which tells it from other logs; with
one space (`%(levelname)s: %(message)s`) only a line of access is told from them, and in
the access log of a gunicorn that runs uvicorn's workers, which has no level at all.
`fastapi run` writes it without a colon, to the right of ten.
"""

from functools import partial

import polars as pl

from forensic.fields.columns import prefix, target, without_colour
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT"]

_REQUEST = (
    r'^"(?P<method>[A-Z]+) (?P<target>[^"]*?) HTTP/(?P<http_version>[0-9.]+)"'
    r" (?P<status>[1-5][0-9]{2})"
)


_PADDED = (
    r"(?P<level>INFO:     |DEBUG:    |TRACE:    |ERROR:    |WARNING:  |CRITICAL: "
    r"|      INFO   |     DEBUG   |     ERROR   |   WARNING   |  CRITICAL   )"
)
_PEER = r"\[?(?P<client_ip>[0-9.]{7,15}|[0-9A-Fa-f:]{2,39})\]?:[0-9]+ - "


def _level() -> pl.Expr:
    level = pl.col("level").str.to_lowercase().str.strip_chars(" :")
    return pl.when(level != "").then(level)


def _read(lines: pl.Series, pattern: str) -> pl.DataFrame:
    head = prefix(without_colour(lines), pattern)
    message = head["rest"]
    request = message.str.extract_groups(_REQUEST).struct.unnest()
    failed = message.str.starts_with("Exception in ASGI application")
    invalid = message.str.starts_with("Invalid HTTP request received")
    return pl.concat([head, request], how="horizontal").select(
        "client_ip",
        "method",
        "http_version",
        status=pl.col("status").cast(pl.Int16, strict=False),
        level=_level(),
        message="rest",
        reason=pl.when(failed)
        .then(pl.lit("exception"))
        .when(invalid)
        .then(pl.lit("invalid_request")),
        refused=pl.when(pl.col("rest").is_null()).then(pl.lit("no uvicorn line")),
        **target(pl.col("target")),
    )


def _bare(lines: pl.Series) -> pl.DataFrame:
    """The columns of access lines whose level is not padded, or not written."""
    found = _read(lines, rf"(?P<level>(?:INFO: )?){_PEER}")
    none = pl.when(pl.col("status").is_null()).then(pl.lit("no uvicorn line"))
    return found.with_columns(refused=pl.coalesce("refused", none))


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of uvicorn's access lines and messages."""
    padded = partial(_read, pattern=rf"{_PADDED}(?:{_PEER})?")
    return first_that_parses(lines, [padded, _bare])


FORMAT = Format(
    name="uvicorn",
    title="uvicorn log",
    hop="app_server",
    reference="uvicorn/logging.py: DefaultFormatter, AccessFormatter",
    head=r"^(?:\x1b\[[0-9;]*m)*(?:INFO|DEBUG|TRACE|ERROR|WARNING|CRITICAL)"
    r"(?:\x1b\[[0-9;]*m)*: {1,5}(?:\x1b\[[0-9;]*m)*"
    r"|^(?:\x1b\[[0-9;]*m)*(?:      INFO|     DEBUG|     ERROR|   WARNING|  CRITICAL)"
    r"(?:\x1b\[[0-9;]*m)*   "
    r'|^\[?[0-9A-Fa-f.:]+\]?:[0-9]+ - "[A-Z]+ [^"]* HTTP/[0-9.]+" [1-5][0-9]{2}$',
    parse=parse,
    multiline=True,
)
