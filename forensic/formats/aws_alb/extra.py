"""The fields of ALB rows that have no column ▶ JSON objects."""

import numpy as np
import polars as pl

from forensic.fields.columns import json_extra
from forensic.fields.octets import Octets

__all__ = ["escapes", "extra"]

#: Bytes that are looked through at once, so that they stay near the processor.
_NEAR = 1 << 18
#: Fields that have no column. The first of them hardly differ from row to row.
_STEADY = [
    "type",
    "elb",
    "target_group_arn",
    "ssl_cipher",
    "ssl_protocol",
    "chosen_cert_arn",
    "matched_rule_priority",
]
_EXTRA = [
    *_STEADY,
    "request_processing_time",
    "target_processing_time",
    "response_processing_time",
    "redirect_url",
    "classification",
    "classification_reason",
    "conn_trace_id",
    "transformed_host",
    "transformed_uri",
    "request_transform_status",
]


def extra(fields: pl.DataFrame, escaped: pl.Series) -> pl.Series:
    """JSON of the fields that have no column, `-` left out.

    `escaped` are the rows of which a text may need escapes: nearly always none.
    """
    own = pl.col("trace_id").str.extract(r"Self=([^;]+)", 1)
    several = pl.col("target_port_list").str.contains(" ", literal=True)
    values = {name: _there(pl.col(name)) for name in _EXTRA} | {
        "trace_self": pl.when(pl.col("trace_id").str.contains("Self=")).then(own),
        "client_port": pl.col("client").str.extract(r":([0-9]+)$", 1),
        "targets": pl.when(several).then("target_port_list"),
        "target_statuses": pl.when(several).then("target_status_code_list"),
    }
    if escaped.all():
        return fields.select(json_extra(**values)).to_series()
    plain = _joined(fields.select(**values))
    if not escaped.any():
        return plain
    odd = fields.filter(escaped).select(json_extra(**values)).to_series()
    return plain.scatter(escaped.arg_true(), odd)


def _joined(shown: pl.DataFrame) -> pl.Series:
    """The JSON objects of texts that need no escapes."""
    steady = shown.select(_STEADY)
    differs = [column.slice(1).ne_missing(column.head(-1)) for column in steady]
    changed = pl.concat(
        [pl.Series([True]), pl.select(pl.any_horizontal(differs)).to_series()]
    )
    runs = steady.filter(changed)
    head = pl.concat_str(_members(runs), ignore_nulls=True).str.strip_prefix(",")
    first = runs.select(head).to_series().gather(changed.cum_sum() - 1)
    rest = shown.drop(_STEADY)
    pieces = [pl.lit("{"), pl.lit(first), *_members(rest), pl.lit("}")]
    return rest.select(pl.concat_str(pieces, ignore_nulls=True)).to_series()


def _members(shown: pl.DataFrame) -> list[pl.Expr]:
    """`,"name":"value"` of each column, in pieces; of one without values, nothing."""
    pieces: list[pl.Expr] = [pl.lit("")]
    for column in shown:
        key, value = pl.lit(f',"{column.name}":"'), pl.col(column.name)
        if not column.null_count():
            pieces += [key, value, pl.lit('"')]
        elif column.null_count() < len(column):
            pieces.append(pl.concat_str(key, value, pl.lit('"')))
    return pieces


def escapes(lines: pl.Series) -> pl.Series:
    """The rows in which a character stands that JSON would escape."""
    octets = Octets.of(lines)
    found = []
    for low in range(0, max(len(octets.bytes_), 1), _NEAR):
        some = octets.bytes_[low : low + _NEAR]
        odd = some < ord(" ")
        odd |= some == ord("\\")
        found.append(np.flatnonzero(odd) + low)
    places = np.concatenate(found)  # most of them are the ends of lines
    before = np.searchsorted(places, octets.start)
    return pl.Series(before < np.searchsorted(places, octets.end))


def _there(column: pl.Expr) -> pl.Expr:
    return pl.when((column != "-") & (column != "")).then(column)
