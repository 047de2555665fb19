"""Tornado's log: `[W 250206 14:32:07 web:2348] 403 GET /path (192.0.2.10) 0.61ms`.

Jupyter writes the same with its own stamp and name: `[W 2025-02-06 14:32:07.123
ServerApp]`. Local time without a zone. A line with a status and no duration tells why
the one behind it says so.
"""

import polars as pl

from forensic.fields.columns import moments, prefix, seconds, target
from forensic.format import Format

__all__ = ["FORMAT"]

_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3})?"
_STAMP = rf"(?:[0-9]{{6}}|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}) {_CLOCK}"
_WHERE = r"[A-Za-z_][A-Za-z0-9_.-]*(?::[0-9]+)?"
_LEVELS = {"D": "debug", "I": "info", "W": "warning", "E": "error", "C": "critical"}
_REQUEST = (
    r"^(?:([1-5][0-9]{2}) |Uncaught exception )([A-Z]{3,16}) ([^ ]*) \(([^)\n]*)\)"
    r"(?:(?: \[[^\]\n]*\])? ([0-9]+\.[0-9]{2})ms)?"
)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Tornado's lines."""
    head = prefix(
        lines,
        rf"\[(?P<level>[DIWEC]) (?P<stamp>{_STAMP}) (?P<where>{_WHERE})\] ",
    )
    short = r"^([0-9]{2})([0-9]{2})([0-9]{2}) "
    stamps = moments(head["stamp"].str.replace(short, "20$1-$2-$3 "))["local_time"]
    known = pl.col("rest").is_not_null()
    said = pl.col("rest").str.extract_groups(_REQUEST).struct
    took = said.field("5")
    return head.select(
        local_time=pl.lit(stamps),
        level=pl.col("level").replace_strict(
            _LEVELS, default=None, return_dtype=pl.String
        ),
        logger="where",
        client_ip=said.field("4").str.extract(r"([0-9A-Fa-f.:]{2,})$"),
        method=said.field("2"),
        **target(said.field("3")),
        status=pl.when(took.is_not_null()).then(
            said.field("1").cast(pl.Int16, strict=False)
        ),
        duration=seconds(took, 1e3),
        message="rest",
        flags=pl.when(known & pl.lit(stamps).is_null()).then(pl.lit(["bad_time"])),
        refused=pl.when(~known).then(pl.lit("no line of Tornado")),
    )


FORMAT = Format(
    name="tornado",
    title="Tornado or Jupyter log",
    hop="application",
    reference="tornado/log.py: LogFormatter, tornado/web.py: log_request",
    head=rf"^\[[DIWEC] {_STAMP} {_WHERE}\] ",
    parse=parse,
    multiline=True,
    stamps_end=True,
)
