"""CloudWatch Logs as text: exports to S3, `aws logs tail`, and `--output text`.

Each event is a stamp, with `tail` the name of the stream, and the message; further
lines of a message follow without a stamp. What `tail --format short` stamps is told
from other logs only where the message is an object. `get-log-events` as text puts tabs
between an event's values, in the order of their names: `EVENTS`, when it came in, the
message, when it happened; `filter-log-events` its number and its stream, too.
"""

import polars as pl

from forensic.fields.columns import iso_stamp
from forensic.fields.rowwise import first_that_parses
from forensic.format import Format

__all__ = ["FORMAT"]

_EXPORT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
_TAIL = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 \S*[^\s:]"
_EPOCH = r"1\d{12}"
_SHORT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
_HEAD = (
    rf"^(?:(?:{_EXPORT}|{_TAIL}|{_EPOCH})(?: |$)|{_SHORT} \{{"
    rf"|EVENTS\t(?:\d{{50,60}}\t)?{_EPOCH}\t)"
)
_PARTS = rf"^(?:({_EXPORT})|({_TAIL})|({_EPOCH})|({_SHORT}))(?: (.*))?$"
_TABBED = (
    rf"^EVENTS\t(?:\d{{50,60}}\t({_EPOCH})\t([^\t]*)|({_EPOCH}))\t"
    rf"(.*?)(?:\t({_EPOCH}))?$"
)
#: `host program[pid]: text` behind the stamp: a syslog line, not an export.
_SYSLOG = r"^[A-Za-z0-9._-]+ [A-Za-z0-9_./@-]+(?:\[\d+\]: |: )"
#: A level, or a word of Lambda's: no host stands there.
_NO_HOST = r"^(?:[A-Z_]+|debug|info|warn|warning|error) "
#: What a program says first, and a colon: a level, or an error's name.
_NO_PROGRAM = r"^(?:[A-Z_]+|(?:[\w$]+\.)*\w*(?:Error|Exception|Warning)): "


def _parse(lines: pl.Series) -> pl.DataFrame:
    return first_that_parses(lines, [_spaced, _tabbed])


def _tabbed(lines: pl.Series) -> pl.DataFrame:
    """The events of `--output text`; in one of several lines the last has the stamp."""
    came, stream, alone, message, own = (
        pl.col("line").str.extract(_TABBED, number) for number in range(1, 6)
    )
    millis = pl.coalesce(own, came, alone).cast(pl.Int64, strict=False)
    known = message.is_not_null()
    return lines.to_frame("line").select(
        envelope_local=pl.from_epoch(millis, "ms").cast(pl.Datetime("us")),
        envelope_offset=pl.when(known).then(pl.lit(0, pl.Int32)),
        message=message,
        extra=pl.when(stream != "").then(
            pl.struct(log_stream=stream).struct.json_encode()
        ),
        refused=pl.when(~known).then(pl.lit("no event of CloudWatch Logs as text")),
    )


def _spaced(lines: pl.Series) -> pl.DataFrame:
    parts = lines.to_frame("line").select(
        pl.col("line").str.extract_groups(_PARTS).alias("part")
    )
    part = pl.col("part").struct
    export, tail, epoch, short = (part.field(number) for number in "1234")
    message = pl.coalesce(part.field("5"), pl.lit(""))
    written = pl.coalesce(export, tail, short)
    millis = epoch.cast(pl.Int64, strict=False)
    moment = pl.coalesce(
        iso_stamp(written), pl.from_epoch(millis, "ms").cast(pl.Datetime("us"))
    )
    stamped = moment.is_not_null()
    # `tail` puts a stream between stamp and message, as syslog puts a host: a
    # program's colon behind it says which.
    syslog = message.str.contains(_SYSLOG) & export.is_not_null()
    syslog &= ~message.str.contains(_NO_HOST)
    program = message.str.contains(r"^[\w./@-]+(?:\[\d+\])?: ")
    program &= ~message.str.contains(_NO_PROGRAM)
    syslog |= tail.is_not_null() & program
    stream = tail.str.slice(33)
    readable = stamped & ~syslog & (short.is_null() | message.str.starts_with("{"))
    return parts.select(
        envelope_local=pl.when(readable).then(moment),
        envelope_offset=pl.when(readable).then(pl.lit(0, pl.Int32)),
        message=pl.when(readable).then(message),
        extra=pl.when(readable & stream.is_not_null()).then(
            pl.struct(log_stream=stream).struct.json_encode()
        ),
        refused=pl.when(~readable.fill_null(value=False)).then(
            pl.lit("no event of a CloudWatch Logs export")
        ),
    )


FORMAT = Format(
    name="cloudwatch_export",
    title="CloudWatch Logs export",
    hop=None,
    reference="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3ExportTasks.html",
    head=_HEAD,
    parse=_parse,
    multiline=True,
    envelope=True,
    payload=False,
    header=r"^(?:[bf]/\d+\t[bf]/\d+$|SEARCHEDLOGSTREAMS\t)",
    paths=r"(?i)export|cloudwatch|aws-logs|/\d{6}\.gz$",
)
