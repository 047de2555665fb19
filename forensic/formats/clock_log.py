"""Application lines with a time of the day and no date: `05:32:07.123 [main] INFO …`.

What logback, log4j 2, WildFly's console, Elixir's logger, Serilog, pino-pretty and
zerolog's console write by default. Such an event has a time only where an envelope
(docker, Kubernetes, the journal) has it; the clock stays in `extra`.
"""

from functools import partial

import polars as pl

from forensic.fields.columns import json_extra, prefix
from forensic.fields.http_messages import http_messages
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT"]

_CLOCK = r"(?P<clock>[0-2][0-9]:[0-5][0-9]:[0-5][0-9](?:[.,][0-9]{1,6})?)"
_BARE = _CLOCK.replace("?P<clock>", "?:")
_WORDS = "TRACE DEBUG INFO WARN WARNING ERROR FATAL CRITICAL NOTICE".split()
_LEVEL = "|".join([*_WORDS, *(word.lower() for word in _WORDS)])
_SHORT = {"vrb": "trace", "dbg": "debug", "inf": "info", "wrn": "warn", "err": "error"}
_SHORT |= {"ftl": "fatal", "trc": "trace", "pnc": "fatal"}
_CUT = "|".join(word.upper() for word in _SHORT)
_NAME = r"[A-Za-z_$][A-Za-z0-9_.$/-]*"
#: From the most certain shape to the least.
_SHAPES = [
    # logback, log4j 2: [main] INFO  c.e.App - text
    (
        rf"{_CLOCK} \[(?P<thread>[^\]]{{0,120}})\] (?P<level>{_LEVEL}) +"
        rf"(?P<logger>{_NAME}) - "
    ),
    # WildFly: INFO  [org.jboss.as] (main) text
    (
        rf"{_CLOCK} (?P<level>{_LEVEL}) +\[(?P<logger>{_NAME})\] "
        r"\((?P<thread>[^)]{0,120})\) "
    ),
    # Elixir: what it knows of the request, then [info] text
    (
        rf"{_CLOCK} (?:request_id=(?P<request_id>[^ ]+) )?(?:[a-z_]+=[^ ]* ){{0,8}}"
        rf"\[(?P<level>{_LEVEL})\] +"
    ),
    # pino-pretty: [05:32:07.123] INFO (name/812 on host): text
    rf"\[{_CLOCK}\] (?P<level>{_LEVEL}) \((?:[^ )/]+/)?(?P<pid>[0-9]+)[^)]*\): ",
    # Serilog: [05:32:07 INF] text
    rf"\[{_CLOCK} (?P<level>{_CUT})\] ",
    # zerolog: 5:32AM INF text
    rf"(?P<clock>[0-9]{{1,2}}:[0-9]{{2}}[AP]M) (?P<level>{_CUT}) ",
]
_HEAD = (
    rf"^(?:{_BARE} (?:\[[^\]]{{0,120}}\] (?:{_LEVEL}) |(?:{_LEVEL}) +\[{_NAME}\] \("
    rf"|(?:[a-z_]+=[^ ]* ){{0,9}}\[(?:{_LEVEL})\] )"
    rf"|\[{_BARE}\] (?:{_LEVEL}) \(|\[{_BARE} (?:{_CUT})\] "
    rf"|[0-9]{{1,2}}:[0-9]{{2}}[AP]M (?:{_CUT}) )"
)
_GROUPS = "clock level thread logger pid request_id".split()


def _shape(lines: pl.Series, pattern: str) -> pl.DataFrame:
    found = prefix(lines, pattern)
    refused = pl.when(pl.col("rest").is_null()).then(pl.lit("no clock and level"))
    return found.with_columns(refused=refused)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of lines that begin with a clock."""
    ways = [partial(_shape, pattern=pattern) for pattern in _SHAPES]
    found = first_that_parses(lines, ways)
    absent = [name for name in [*_GROUPS, "rest"] if name not in found.columns]
    found = found.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    spoken = http_messages(found["rest"])
    return found.select(
        **{name: pl.lit(spoken[name]) for name in spoken.columns},
        level=pl.col("level").str.to_lowercase().replace(_SHORT),
        logger="logger",
        pid=pl.col("pid").cast(pl.Int64, strict=False),
        request_id="request_id",
        message="rest",
        extra=json_extra(clock=pl.col("clock"), thread=pl.col("thread")),
        refused="refused",
    )


FORMAT = Format(
    name="clock_log",
    title="application lines with a clock and no date",
    hop="application",
    reference="https://logback.qos.ch/manual/configuration.html; hexdocs.pm/logger",
    head=_HEAD,
    parse=parse,
    multiline=True,
)
