"""AWS Application Load Balancer access logs, of every age (17 to 33 fields)."""

import numpy as np
import polars as pl

from forensic.fields.rowwise import first_that_parses, where_any
from forensic.format import Format
from forensic.formats.aws_alb.extra import escapes
from forensic.formats.aws_alb.fields import ANCHORED, anchored, split
from forensic.formats.aws_alb.parsed import REFUSED, parsed

__all__ = ["FORMAT"]

_HEAD = r"^(?:https?|h2|grpcs?|wss?) \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z \S+ "
#: The same of the first three fields, where they are ASCII.
_TYPES = ["http", "https", "h2", "grpc", "grpcs", "ws", "wss"]
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z$"
_ELB = r"^[!-~]+$"


def _usual(lines: pl.Series) -> pl.DataFrame:
    """The rows whose quotes are where they belong."""
    fields = split(lines).with_columns(doubtful=pl.lit(value=False))
    head = pl.col("type").is_in(_TYPES) & pl.col("time").str.contains(_TIME)
    named = pl.col("elb").str.contains(_ELB)
    shaped = (pl.col("sound") & head & named).fill_null(value=False)
    sound = fields.select(shaped).to_series()
    if sound.all():
        return parsed(fields, escapes(lines))
    refused = pl.DataFrame({"refused": [REFUSED]})
    if not sound.any():
        return refused[[0] * len(lines)]
    found = parsed(fields.filter(sound), escapes(lines).filter(sound))
    place = np.zeros(len(lines), np.uint32)
    place[sound.to_numpy()] = np.arange(1, len(found) + 1)
    return pl.concat([refused, found], how="diagonal", rechunk=True)[place]


def _odd(lines: pl.Series) -> pl.DataFrame:
    """The rows that hold raw quotes."""
    return parsed(anchored(lines), pl.repeat(True, len(lines), eager=True))


_PARSERS = [_usual, where_any(ANCHORED, _odd, REFUSED)]


def _parse(lines: pl.Series) -> pl.DataFrame:
    return first_that_parses(lines, _PARSERS)


FORMAT = Format(
    name="aws_alb",
    title="AWS Application Load Balancer access log",
    hop="load_balancer",
    reference="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html",
    head=_HEAD,
    parse=_parse,
    stamps_end=True,
    paths=r"(?i)elasticloadbalancing|(?:^|[/_.-])alb(?:[/_.-]|$)",
)
