"""AWS Global Accelerator's flow logs: which connections it handed to which endpoint.

The order of the fields is fixed, the names in the header line changed over the years;
later versions put their fields behind the others.
"""

import re

import polars as pl

from forensic.fields.columns import dash_to_null, json_extra
from forensic.format import Format

__all__ = ["FORMAT"]

_COUNT = r"(?:[0-9]+|-)"
_WORD = r"[^ ]+"
#: Field ▶ the shape of its values.
_FIELDS = {
    "version": r"[0-9]\.[0-9]",
    "account": r"[0-9]{12}",
    "accelerator_id": r"[0-9A-Za-z-]{36}",
    "client": _WORD,
    "client_port": _COUNT,
    "accelerator_ip": _WORD,
    "accelerator_port": _COUNT,
    "endpoint": _WORD,
    "endpoint_port": _COUNT,
    "protocol": r"[A-Z0-9-]+",
    "ip_address_type": r"(?:IPV4|IPV6|-)",
    "packets": _COUNT,
    "bytes": _COUNT,
    "start": r"[0-9]{9,10}",
    "end": r"[0-9]{9,10}",
    "action": r"(?:ACCEPT|REJECT|-)",
    "log_status": r"(?:OK|NODATA|SKIPDATA)",
    "source_ip": _WORD,
    "source_port": _COUNT,
    "endpoint_region": _WORD,
    "accelerator_region": _WORD,
    "direction": r"(?:INGRESS|EGRESS|-)",
}
_LATER = ["vpc_id", "reject_reason"]
_PATTERN = (
    "^"
    + " ".join(f"(?P<{name}>{shape})" for name, shape in _FIELDS.items())
    + "".join(f"(?: (?P<{name}>{_WORD})" for name in _LATER)
    + ")?" * len(_LATER)
    + "(?: .*)?$"
)
_SHOWN = (
    "account client_port protocol packets accelerator_ip source_ip source_port"
    " log_status accelerator_id endpoint_region accelerator_region direction"
).split()


def _parse(lines: pl.Series) -> pl.DataFrame:
    rows = lines.str.extract_groups(_PATTERN).struct.unnest()
    start, end = (
        pl.col(name).cast(pl.Int64, strict=False) for name in ("start", "end")
    )
    stamp = pl.from_epoch(start, "s").cast(pl.Datetime("us"))
    port = dash_to_null(pl.col("endpoint_port"))
    there = pl.concat_str("endpoint", port, separator=":", ignore_nulls=True)
    return rows.select(
        local_time=stamp,
        utc_offset=pl.when(start.is_not_null()).then(pl.lit(0, pl.Int32)),
        start_time=stamp.dt.replace_time_zone("UTC"),
        client_ip=dash_to_null(pl.col("client")),
        upstream=pl.when(pl.col("endpoint") != "-").then(there),
        bytes_sent=pl.col("bytes").cast(pl.Int64, strict=False),
        duration=pl.when(end >= start).then((end - start).cast(pl.Float64)),
        action=dash_to_null(pl.col("action")),
        reason=dash_to_null(pl.col("reject_reason")),
        extra=json_extra(**{n: dash_to_null(pl.col(n)) for n in [*_SHOWN, "vpc_id"]}),
        refused=pl.when(start.is_null()).then(
            pl.lit("no flow record of Global Accelerator")
        ),
    )


FORMAT = Format(
    name="global_accelerator",
    title="Global Accelerator flow log",
    hop=None,
    reference=(
        "https://docs.aws.amazon.com/global-accelerator/latest/dg/"
        "monitoring-global-accelerator.flow-logs.html"
    ),
    head=re.sub(r"\?P<\w+>", "?:", _PATTERN),
    parse=_parse,
    header=r"^version aws_account_id accelerator_id [a-z_ -]+$",
    paths=r"(?i)global-?accelerator",
)
