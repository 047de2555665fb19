"""Monolog's lines without a stamp, as its handler for syslog writes them (PHP).

`production.ERROR: text {"userId":7} []`; Laravel and Symfony log so. The channel is
named before the level; context and extras stand behind the text as JSON.
"""

import polars as pl

from forensic.format import Format

__all__ = ["FORMAT"]

_LEVEL = "DEBUG|INFO|NOTICE|WARNING|ERROR|CRITICAL|ALERT|EMERGENCY"
_LINE = rf"^([A-Za-z][\w-]{{0,40}})\.({_LEVEL}): ([\s\S]*)$"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the lines; the text with its context is the message."""
    groups = lines.str.extract_groups(_LINE).struct
    level = groups.field("2")
    return pl.select(
        logger=groups.field("1"),
        level=level.str.to_lowercase(),
        message=groups.field("3").str.strip_chars_end(),
        refused=pl.when(level.is_null()).then(pl.lit("no channel and level")),
    )


FORMAT = Format(
    name="monolog",
    title="Monolog without stamps (Laravel, Symfony)",
    hop="application",
    reference="https://seldaek.github.io/monolog/doc/01-usage.html",
    head=rf"^[A-Za-z][\w-]{{0,40}}\.(?:{_LEVEL}): ",
    parse=parse,
    multiline=True,
    paths=r"(?i)laravel|symfony|monolog",
)
