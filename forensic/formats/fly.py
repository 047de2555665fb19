"""Fly.io's log as `fly logs` prints it: `stamp app[machine] region [level] text`.

`app` is what the application printed, `proxy` what Fly's own proxy says, `runner` what
became of the machine. Older versions put no blank behind the level.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix, without_colour
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_COLOUR = r"(?:\x1b\[[0-9;]*m)*"
_WHO = r"[a-z][a-z0-9-]{0,20}"
_MACHINE = r"[0-9a-f]{6,40}"
_LEVEL = r"[a-z]{4,8}"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns; `message` is the payload."""
    head = prefix(
        without_colour(lines),
        rf"(?P<stamp>{_STAMP}) (?P<who>{_WHO})\[(?P<machine>{_MACHINE})\]"
        rf" (?P<region>[a-z]{{3}}) \[(?P<level>{_LEVEL})\] ?",
    )
    stamps = moments(head["stamp"])
    return head.select(
        envelope_local=stamps["local_time"],
        envelope_offset=stamps["utc_offset"],
        hostname="machine",
        process="who",
        message="rest",
        extra=json_extra(region=pl.col("region"), level=pl.col("level")),
        refused=pl.when(pl.col("rest").is_null()).then(pl.lit("no line of Fly.io's")),
    )


FORMAT = Format(
    name="fly",
    title="Fly.io's log",
    hop=None,
    reference="https://fly.io/docs/flyctl/logs/",
    head=(
        rf"^{_COLOUR}{_STAMP}{_COLOUR} {_COLOUR}{_WHO}\[{_COLOUR}{_MACHINE}{_COLOUR}\]"
        rf"{_COLOUR} {_COLOUR}[a-z]{{3}}{_COLOUR} {_COLOUR}\[{_COLOUR}{_LEVEL}"
    ),
    parse=parse,
    envelope=True,
    narrow=True,
    payload=False,
    paths=r"(?i)fly",
)
