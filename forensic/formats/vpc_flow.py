"""VPC flow logs: in the default order (version 2), or as the header line says.

Files of an export to S3 begin with the names of the fields, which the sniffer passes on
as a template. In CloudWatch Logs nothing names them: there only the default is read.
"""

import functools
import re

import polars as pl

from forensic.fields.columns import dash_to_null, json_extra
from forensic.format import Format

__all__ = ["FORMAT", "from_template"]

_DEFAULT = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets"
    " bytes start end action log-status"
).split()
#: Fields that only one kind of value can fill: they tell a row from a foreign one.
_SHAPES = {
    "version": r"[0-9]",
    "account-id": r"(?:[0-9]{12}|unknown)",
    "interface-id": r"(?:eni-[0-9a-f]+|-)",
    "start": r"[0-9]{9,10}",
    "end": r"[0-9]{9,10}",
    "action": r"(?:ACCEPT|REJECT|-)",
    "log-status": r"(?:OK|NODATA|SKIPDATA)",
} | dict.fromkeys(
    ("srcport", "dstport", "protocol", "packets", "bytes"), r"(?:[0-9]+|-)"
)
_USED = {"version", "srcaddr", "dstaddr", "dstport", "bytes", "start", "end", "action"}
#: The first line of a file: names of fields and nothing else.
_HEADER = r"(?:[a-z]+(?:-[a-z0-9]+)* )*(?:start|end)(?: [a-z]+(?:-[a-z0-9]+)*)*"
_ANNOUNCED = re.compile(rf"({_HEADER})\r?(?:\n|$)".encode())


def templates(head: bytes) -> list[str]:
    """The fields that the first line names, where they are a flow log's."""
    found = _ANNOUNCED.match(head[:4096])
    names = found[1].decode().split() if found else []
    known = {"start", "end"} < set(names) and len(set(names)) == len(names) > 3
    return [" ".join(names)] if known and _USED & {*names} - {"start", "end"} else []


def _pattern(fields: list[str], tail: str) -> str:
    """The expression of a row, one group a field (f0, f1, …)."""
    groups = [
        f"(?P<f{i}>{_SHAPES.get(name, '[^ ]+')})" for i, name in enumerate(fields)
    ]
    return f"^{' '.join(groups)}{tail}$"


def _parse(lines: pl.Series, fields: list[str], tail: str) -> pl.DataFrame:
    rows = lines.str.extract_groups(_pattern(fields, tail)).struct.unnest()
    rows = rows.rename({f"f{i}": name for i, name in enumerate(fields)})
    absent = [name for name in _DEFAULT if name not in fields]
    rows = rows.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    start, end = (
        pl.col(name).cast(pl.Int64, strict=False) for name in ("start", "end")
    )
    stamp = pl.from_epoch(start, "s").cast(pl.Datetime("us"))
    there = pl.concat_str(
        "dstaddr", dash_to_null(pl.col("dstport")), separator=":", ignore_nulls=True
    )
    shown = [name for name in fields if name not in _USED]
    return rows.select(
        local_time=stamp,
        utc_offset=pl.when(start.is_not_null()).then(pl.lit(0, pl.Int32)),
        start_time=stamp.dt.replace_time_zone("UTC"),
        client_ip=dash_to_null(pl.col("srcaddr")),
        upstream=pl.when(pl.col("dstaddr") != "-").then(there),
        bytes_sent=pl.col("bytes").cast(pl.Int64, strict=False),
        duration=pl.when(end >= start).then((end - start).cast(pl.Float64)),
        action=dash_to_null(pl.col("action")),
        extra=json_extra(
            **{name.replace("-", "_"): dash_to_null(pl.col(name)) for name in shown}
        )
        if shown
        else pl.lit(None, pl.String),
        refused=pl.when(start.is_null()).then(
            pl.lit("no VPC flow record of these fields")
        ),
    )


def from_template(template: str) -> Format:
    """The format of rows in the order of a header line."""
    return _format(template.split(), "")


def _format(fields: list[str], tail: str) -> Format:
    return Format(
        name="vpc_flow",
        title="VPC flow log",
        hop=None,
        reference="https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html",
        head=re.sub(r"\?P<f\d+>", "?:", _pattern(fields, tail)),
        parse=functools.partial(_parse, fields=fields, tail=tail),
        templates=templates,
        header=f"^{_HEADER}$",
        paths=r"(?i)vpcflow|flow-?log",
    )


#: Newer versions put their fields behind those of the default.
FORMAT = _format(_DEFAULT, r"(?: .*)?")
