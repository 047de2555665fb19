"""Heroku's log as its command line and drains write it: `stamp app[web.1]: text`.

`heroku[router]` writes a line for every request (a format of its own), `heroku[web.1]`
what became of a dyno, `app[web.1]` what the application printed. A drain gets them as
syslog of RFC 5424, but without structured data.
"""

import polars as pl

from forensic.fields.columns import moments, prefix, without_colour
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_DYNO = r"[a-z0-9_.-]{1,60}"
_SOURCE = rf"(?:app|heroku)\[{_DYNO}\]"
#: Drains over TCP write the length in front of each line.
_FRAME = r"(?:[0-9]{1,6} )?<[0-9]{1,3}>1 "


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns; `message` is the payload."""
    return first_that_parses(without_colour(lines), [_shown, _drained])


def _shown(lines: pl.Series) -> pl.DataFrame:
    named = rf"(?P<who>app|heroku)\[(?P<dyno>{_DYNO})\]: ?"
    return _columns(prefix(lines, rf"(?P<stamp>{_STAMP}) {named}"))


def _drained(lines: pl.Series) -> pl.DataFrame:
    named = rf"(?P<who>app|heroku) (?P<dyno>{_DYNO}) - "
    return _columns(prefix(lines, rf"{_FRAME}(?P<stamp>{_STAMP}) \S+ {named}"))


def _columns(head: pl.DataFrame) -> pl.DataFrame:
    stamps = moments(head["stamp"])
    who = pl.col("who")
    return head.select(
        envelope_local=stamps["local_time"],
        envelope_offset=stamps["utc_offset"],
        hostname="dyno",
        process="who",
        hop=pl.when(who == "app").then(pl.lit("application")),
        message="rest",
        refused=pl.when(pl.col("rest").is_null()).then(pl.lit("no line of Heroku's")),
    )


FORMAT = Format(
    name="heroku",
    title="Heroku's log",
    hop=None,
    reference="https://devcenter.heroku.com/articles/logging#log-format",
    head=(
        rf"^(?:\x1b\[[0-9;]*m)*(?:{_STAMP} {_SOURCE}:"
        rf"|{_FRAME}{_STAMP} \S+ (?:app|heroku) {_DYNO} - )"
    ),
    parse=parse,
    envelope=True,
    payload=False,
    usual=True,
    paths=r"(?i)heroku",
)
