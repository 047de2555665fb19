"""Lambda's own lines in a function's log, and what its runtimes put before messages.

`START`, `END` and `REPORT RequestId: …` frame a call; Python's runtime writes
`[ERROR]<tab>stamp<tab>request<tab>text`, Node's `stamp<tab>request<tab>ERROR<tab>text`.
"""

import polars as pl

from forensic.fields.columns import (
    iso_stamp,
    json_extra,
    prefix,
    seconds,
)
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT"]

_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
_LEVEL = r"(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)"
_FRAME = rf"(?:START|END|REPORT) RequestId: {_ID}"
_PYTHON = rf"\[{_LEVEL}\]\t{_STAMP}\t{_ID}\t"
_NODE = rf"{_STAMP}\t(?:{_ID}|undefined)\t{_LEVEL}\t"
_TIMEOUT = rf"{_STAMP} {_ID} Task timed out after [0-9.]+ seconds"


def _stamped() -> dict[str, pl.Expr]:
    stamp = iso_stamp(pl.col("stamp"))
    return {
        "local_time": stamp,
        "utc_offset": pl.when(stamp.is_not_null()).then(pl.lit(0, pl.Int32)),
        "refused": pl.when(pl.col("rest").is_null()).then(pl.lit("no Lambda line")),
    }


def _frame(lines: pl.Series) -> pl.DataFrame:
    """The lines that Lambda itself writes around a call."""
    head = prefix(lines, rf"(?P<word>START|END|REPORT) RequestId: (?P<id>{_ID})")
    rest = pl.col("rest")
    number = r": ([0-9.]+) (?:ms|MB)"
    duration = rest.str.extract(rf"^\s+Duration{number}")
    status = rest.str.extract(r"\tStatus: ([a-z_]+)")
    words = {"timeout": "task_timed_out", "error": "lambda_error"}
    whole = pl.concat_str("word", pl.lit(" RequestId: "), pl.col("id"), rest)
    return head.select(
        request_id="id",
        duration=seconds(duration, 1e3),
        message=whole,
        trace_id=rest.str.extract(r"XRAY TraceId: (\S+)"),
        reason=status.replace_strict(words, default=None, return_dtype=pl.String),
        extra=json_extra(
            init=rest.str.extract(rf"\tInit Duration{number}"),
            memory=rest.str.extract(rf"\tMemory Size{number}"),
            memory_used=rest.str.extract(rf"\tMax Memory Used{number}"),
        ),
        refused=pl.when(rest.is_null()).then(pl.lit("no Lambda line")),
    )


def _python(lines: pl.Series) -> pl.DataFrame:
    head = prefix(
        lines, rf"\[(?P<level>{_LEVEL})\]\t(?P<stamp>{_STAMP})\t(?P<id>{_ID})\t"
    )
    return _message(head)


def _node(lines: pl.Series) -> pl.DataFrame:
    head = prefix(
        lines,
        rf"(?P<stamp>{_STAMP})\t(?:(?P<id>{_ID})|undefined)\t(?P<level>{_LEVEL})\t",
    )
    return _message(head)


def _message(head: pl.DataFrame) -> pl.DataFrame:
    return head.select(
        request_id="id",
        level=pl.col("level").str.to_lowercase(),
        message="rest",
        **_stamped(),
    )


def _timeout(lines: pl.Series) -> pl.DataFrame:
    head = prefix(lines, rf"(?P<stamp>{_STAMP}) (?P<id>{_ID}) ")
    over = pl.col("rest").str.contains(r"^Task timed out after [0-9.]+ seconds")
    frame = head.select(
        request_id="id",
        message="rest",
        reason=pl.when(over).then(pl.lit("task_timed_out")),
        **_stamped(),
    )
    return frame.with_columns(
        refused=pl.when(pl.col("reason").is_null()).then(pl.lit("no Lambda line"))
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Lambda's lines."""
    return first_that_parses(lines, [_python, _node, _timeout, _frame])


FORMAT = Format(
    name="aws_lambda",
    title="Lambda function log",
    hop="application",
    reference="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html",
    head=rf"^(?:{_FRAME}|{_PYTHON}|{_NODE}|{_TIMEOUT})",
    parse=parse,
    multiline=True,
    paths=r"(?i)lambda",
)
