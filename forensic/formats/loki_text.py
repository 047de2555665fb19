"""Lines that Loki kept, as text: what `logcli query` prints, and Grafana's download.

`2025-02-06T14:32:07+09:00 {app="nginx"} line`; Grafana leaves the labels out and puts
a tab there, under a few lines about the query, and may put milliseconds in front.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix, without_colour
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
#: The same moment, counted: Grafana's.
_MILLIS = r"(?:1[0-9]{12}\t)?"
_LABELS = r'\{(?:[A-Za-z_][A-Za-z0-9_]*="(?:[^"\\]|\\.)*"(?:, )?)*\}'
_COLOUR = r"(?:\x1b\[[0-9;]*m)*"


def _label(names: str) -> pl.Expr:
    """The value of the first of the labels."""
    return pl.col("labels").str.extract(rf'[{{ ](?:{names})="([^"]*)"', 1)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns; `message` is the payload."""
    head = prefix(
        without_colour(lines),
        rf"{_MILLIS}(?P<stamp>{_STAMP})(?:\t| (?P<labels>{_LABELS}) )",
    )
    stamps = moments(head["stamp"])
    return head.select(
        envelope_local=stamps["local_time"],
        envelope_offset=stamps["utc_offset"],
        hostname=_label("host|hostname|node_name|node|instance"),
        message="rest",
        extra=json_extra(
            filename=_label("filename"), pod=_label("pod"), app=_label("app|container")
        ),
        refused=pl.when(pl.col("rest").is_null()).then(pl.lit("no line of Loki")),
    )


FORMAT = Format(
    name="loki_text",
    title="lines of Grafana Loki as text",
    hop=None,
    reference="https://grafana.com/docs/loki/latest/query/logcli/getting-started/",
    head=rf"^{_COLOUR}{_MILLIS}{_STAMP}{_COLOUR}(?:\t| {_COLOUR}\{{)",
    parse=parse,
    envelope=True,
    payload=False,
    header=r"^(?:Common labels: \{|Line limit: |Total bytes processed: )",
    paths=r"(?i)loki|grafana|logcli|explore",
)
