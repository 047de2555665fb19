"""VPC flow logs in the default order (version 2).

Custom orders are told by a header line only, which no row repeats: they are refused
unless they begin with the default fields.
"""

import polars as pl

from forensic.columns import dash_to_null, json_extra
from forensic.format import Format

__all__ = ["FORMAT"]

_HEAD = r"^\d (?:\d{12}|unknown) eni-[0-9a-f]+ "
_ROW = (
    r"^(?P<version>\d) (?P<account>\S+) (?P<interface>eni-\S+) (?P<source>\S+)"
    r" (?P<destination>\S+) (?P<source_port>\d+|-) (?P<destination_port>\d+|-)"
    r" (?P<protocol>\d+|-) (?P<packets>\d+|-) (?P<bytes>\d+|-) (?P<start>\d{9,10})"
    r" (?P<end>\d{9,10}) (?P<action>ACCEPT|REJECT|-) (?P<log_status>[A-Z]+)(?: .*)?$"
)
_EXTRA = ["account", "interface", "source_port", "protocol", "packets", "log_status"]


def _parse(lines: pl.Series) -> pl.DataFrame:
    row = lines.str.extract_groups(_ROW).struct.unnest()
    start, end = (
        pl.col(name).cast(pl.Int64, strict=False) for name in ("start", "end")
    )
    stamp = pl.from_epoch(start, "s").cast(pl.Datetime("us"))
    there = pl.concat_str("destination", "destination_port", separator=":")
    return row.select(
        local_time=stamp,
        utc_offset=pl.when(start.is_not_null()).then(pl.lit(0, pl.Int32)),
        start_time=stamp.dt.replace_time_zone("UTC"),
        client_ip=dash_to_null(pl.col("source")),
        upstream=pl.when(pl.col("destination") != "-").then(there),
        bytes_sent=pl.col("bytes").cast(pl.Int64, strict=False),
        duration=pl.when(end >= start).then((end - start).cast(pl.Float64)),
        action=dash_to_null(pl.col("action")),
        extra=json_extra(**{name: dash_to_null(pl.col(name)) for name in _EXTRA}),
        refused=pl.when(start.is_null()).then(
            pl.lit("no VPC flow record in the default order")
        ),
    )


FORMAT = Format(
    name="vpc_flow",
    title="VPC flow log",
    hop=None,
    reference="https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html",
    head=_HEAD,
    parse=_parse,
    header=r"^(?:version|account-id|interface-id)(?: [a-z-]+){3,}$",
    paths=r"(?i)vpcflow|flow-?log",
)
