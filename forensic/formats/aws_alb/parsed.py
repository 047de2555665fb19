"""The fields of ALB rows ▶ the parsed columns."""

import polars as pl

from forensic.fields import columns
from forensic.fields.octets import Octets, by_run, digits, pair, shape
from forensic.formats.aws_alb.extra import extra
from forensic.formats.aws_alb.request import request

__all__ = ["REFUSED", "parsed"]

#: Actions with which a listener rule ends a request itself.
_BY_RULE = "(?:fixed-response|redirect|authenticate|jwt-validation)$"
REFUSED = "no row of an ALB access log"
#: `2025-02-06T03:00:00.043000Z`, in words.
_CLOCK = shape(27, date=0, hour=8, second=11, fraction=19)


def _moments(stamps: pl.Series) -> pl.Series:
    """The times of `2025-02-06T03:00:00.043000Z`; null for `-`."""
    stamp = pl.col("stamp")
    written = pl.DataFrame({"stamp": stamps}).select(columns.dash_to_null(stamp))
    octets = Octets.of(stamps)
    clock = octets.at(octets.start, _CLOCK)
    values, fits = digits(clock["fraction"], ".000000Z")
    if not (fits & (octets.end - octets.start == _CLOCK.itemsize)).all():
        return written.select(columns.iso_stamp(stamp)).to_series()
    seconds = by_run(
        [clock["date"], clock["hour"], clock["second"]],
        lambda first: written[first].select(columns.iso_stamp(stamp.str.slice(0, 19))),
    ).to_series()
    micros = (pair(values, 1) * 100 + pair(values, 3)) * 100 + pair(values, 5)
    return seconds + pl.Series(micros).cast(pl.Duration("us"))


def parsed(fields: pl.DataFrame, escaped: pl.Series) -> pl.DataFrame:
    """The parsed columns of the fields; refused where they are not sound."""
    fields = fields.with_columns(
        ended=_moments(fields["time"]), began=_moments(fields["request_creation_time"])
    )
    ended, began = pl.col("ended"), pl.col("began")
    parts = [
        _seconds(f"{name}_processing_time")
        for name in ("request", "target", "response")
    ]
    between = columns.seconds((ended - began).dt.total_microseconds(), 1e6)
    fields = fields.hstack(request(fields["request"]))
    domain = columns.dash_to_null(pl.col("domain_name")).str.replace(r":\d+$", "")
    readable = pl.col("sound") & ended.is_not_null()
    trace = columns.dash_to_null(pl.col("trace_id"))
    rest = pl.when(pl.col("method").is_null()).then(pl.col("request"))
    by_rule = pl.col("actions_executed").str.contains(_BY_RULE)
    odd = pl.col("classification").is_in(["Ambiguous", "Severe"])
    odd &= pl.col("target_status_code") == "-"
    found = fields.select(
        local_time=ended,
        utc_offset=pl.when(ended.is_not_null()).then(pl.lit(0, pl.Int32)),
        start_time=began.dt.replace_time_zone("UTC"),
        client_ip=_address(columns.dash_to_null(pl.col("client"))),
        host=pl.coalesce(domain, "host"),
        **{name: pl.col(name) for name in ("method", "scheme", "path", "query")},
        http_version="http_version",
        status=_whole("elb_status_code", pl.Int16()),
        upstream_status=_whole("target_status_code", pl.Int16()),
        bytes_sent=_whole("sent_bytes", pl.Int64()),
        bytes_received=_whole("received_bytes", pl.Int64()),
        duration=pl.coalesce(
            pl.sum_horizontal(parts, ignore_nulls=False),
            pl.when(between >= 0).then(between),
        ),
        upstream_duration=parts[1],
        upstream=columns.dash_to_null(pl.col("target")),
        user_agent=columns.dash_to_null(pl.col("user_agent")),
        trace_id=pl.when(trace.str.contains(";", literal=True))
        .then(pl.coalesce(trace.str.extract(r"Root=([^;]+)", 1), trace))
        .otherwise(trace.str.strip_prefix("Root=")),
        action=columns.dash_to_null(pl.col("actions_executed")),
        rule=pl.when(by_rule).then(
            columns.dash_to_null(pl.col("matched_rule_priority"))
        ),
        reason=pl.coalesce(
            columns.dash_to_null(pl.col("error_reason")),
            pl.when(odd).then("classification_reason"),
        ),
        message=rest,
        extra=extra(fields, escaped),
        flags=pl.when(pl.col("doubtful")).then(pl.lit(["forgery_suspect"])),
        refused=pl.when(~readable).then(pl.lit(REFUSED)),
    )
    if not found["refused"].count():
        return found
    kept = pl.col("refused").is_null()
    return found.with_columns(pl.when(kept).then(pl.exclude("refused")))


def _seconds(name: str) -> pl.Expr:
    """A time in seconds; null for -1."""
    value = pl.col(name).cast(pl.Float64, strict=False)
    return pl.when(value >= 0).then(value)


def _address(column: pl.Expr) -> pl.Expr:
    """The address without its port; IPv6 stands with or without brackets."""
    return column.str.replace(r":\d+$", "").str.strip_chars("[]")


def _whole(name: str, dtype: pl.DataType) -> pl.Expr:
    return pl.col(name).cast(dtype, strict=False)
