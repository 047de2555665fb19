"""Flows of Cilium as `hubble observe` prints them where nothing else is asked for.

`Feb  6 05:32:07.123: ingress/nginx-1:52097 (ID:4321) -> prod/web-2:8080 (ID:5511)
to-endpoint FORWARDED (TCP Flags: SYN)`. Names of pods stand where Cilium knows them,
addresses where it does not. Left is who asked, also of what comes back (`<-`).
"""

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix
from forensic.format import Format
from forensic.schema import YEARLESS
from forensic.zones import MONTHS

__all__ = ["FORMAT"]

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3,9}(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_STAMP = rf"(?:[A-Z][a-z]{{2}} [ 0-9][0-9]|{_DATE})[T ]{_CLOCK}"
#: A pod, a name or an address, its port where there is one, and who that is.
_PEER = r"[^\s()]+"
_WHO = r"\([^()\n]{1,80}\)"
_ARROW = r"(?:->|<-|<>)"
_VERDICT = (
    r"(?:FORWARDED|DROPPED|DENIED|ALLOWED|AUDITED|AUDIT|REDIRECTED|ERROR|TRACED"
    r"|TRANSLATED)"
)
_FLOW = rf"{_STAMP}(?: \[[^\]\s]+\])?: {_PEER} (?:{_WHO} )?{_ARROW} {_PEER} "
_REFUSED = ["DROPPED", "DENIED", "ERROR"]
#: What stands for the address of a client: no name of a pod does.
_ADDRESS = (
    r"^\[?((?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9a-fA-F:]*:[0-9a-fA-F:]+?)\]?(?::\d+)?$"
)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of flows."""
    rows = prefix(
        lines,
        rf"(?:(?P<name>{'|'.join(MONTHS)}) (?P<day>[ 0-9][0-9])|(?P<date>{_DATE}))"
        rf"[T ](?P<clock>{_CLOCK})(?: \[(?P<node>[^\]\s]+)\])?: (?P<asks>{_PEER}) "
        rf"(?:{_WHO} )?{_ARROW} (?P<asked>{_PEER}) (?:{_WHO} )?"
        rf"(?P<what>[^\n]*?)(?P<verdict>{_VERDICT})(?P<tail>[^\n]*)",
    )
    month = pl.col("name").replace_strict(MONTHS, default=None)
    day = pl.col("day").str.replace(" ", "0", literal=True)
    written = pl.format("{}-{}-{}", pl.lit(YEARLESS), month, day)
    stamp = pl.format("{}T{}", pl.coalesce("date", written), "clock")
    stamps = moments(rows.select(stamp).to_series())
    refused = pl.col("verdict").is_in(_REFUSED)
    return rows.select(
        local_time=stamps["local_time"],
        utc_offset=stamps["utc_offset"],
        hostname="node",
        process=pl.when(pl.col("verdict").is_not_null()).then(pl.lit("hubble")),
        client_ip=pl.col("asks").str.extract(_ADDRESS, 1),
        upstream="asked",
        action=pl.when(refused).then(pl.lit("REJECT")).otherwise(pl.lit("ACCEPT")),
        reason=pl.when(refused).then(
            pl.col("what").str.strip_chars(" ").replace("", "DROPPED")
        ),
        level=pl.when(refused).then(pl.lit("warning")),
        message=pl.format("{} ▶ {} {}{}{}", "asks", "asked", "what", "verdict", "tail"),
        extra=json_extra(sender=pl.col("asks")),
        refused=pl.when(pl.col("verdict").is_null()).then(
            pl.lit("no flow of Cilium's")
        ),
    )


FORMAT = Format(
    name="hubble_text",
    title="flows of Cilium as text (Hubble)",
    hop="host",
    reference="https://github.com/cilium/cilium/blob/main/hubble/pkg/printer/printer.go",
    head=rf"^{_FLOW}(?:{_WHO} )?[^\n]*{_VERDICT}",
    parse=parse,
    narrow=True,
    sure=True,
    paths=r"(?i)hubble|cilium|flows?\b",
)
