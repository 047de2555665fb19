"""Papertrail's archives: ten values with tabs between, a line each, as they came in.

Number, when it was written and when it came, the sender's number, name and address,
facility, severity, program, message. An archive has no header line.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix
from forensic.fields.messages import programs, system_messages
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(?:Z| ?[+-][0-9]{2}:?[0-9]{2})"
)
_SEVERITIES = "Emergency|Alert|Critical|Error|Warning|Notice|Info|Debug"
_CELL = r"[^\t]*"
_HEAD = (
    rf"^[0-9]{{3,20}}\t{_STAMP}\t{_STAMP}\t[0-9]+\t{_CELL}\t{_CELL}\t{_CELL}"
    rf"\t(?:{_SEVERITIES})?\t{_CELL}\t"
)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns; `message` is the payload."""
    head = prefix(
        lines,
        rf"[0-9]{{3,20}}\t(?P<stamp>{_STAMP})\t{_STAMP}\t[0-9]+\t(?P<host>{_CELL})"
        rf"\t{_CELL}\t(?P<facility>{_CELL})\t(?P<severity>{_SEVERITIES})?"
        rf"\t(?P<program>{_CELL})\t",
    )
    stamps = moments(head["stamp"])
    program = programs(head["program"].str.replace(r"\[[0-9]+\]$", ""))
    facts = system_messages(program["system"], head["rest"])
    return head.select(
        envelope_local=stamps["local_time"],
        envelope_offset=stamps["utc_offset"],
        hostname=pl.when(pl.col("host") != "").then("host"),
        process=pl.when(pl.col("program") != "").then("program"),
        hop=program["hop"],
        client_ip=facts["client_ip"],
        reason=facts["reason"],
        level=pl.col("severity").str.to_lowercase(),
        message="rest",
        extra=json_extra(facility=pl.col("facility")),
        refused=pl.when(pl.col("rest").is_null()).then(
            pl.lit("no line of a Papertrail archive")
        ),
    )


FORMAT = Format(
    name="papertrail",
    title="Papertrail archive",
    hop=None,
    reference="https://www.papertrail.com/help/permanent-log-archives/",
    head=_HEAD,
    parse=parse,
    envelope=True,
    narrow=True,
    payload=False,
    paths=r"(?i)papertrail|\.tsv",
)
