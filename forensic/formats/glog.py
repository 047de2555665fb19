"""glog and klog: `E0517 15:04:22.619632 1952452992 file.cc:253] text`.

Google's C++ and Go libraries, and with them Kubernetes. The stamp has neither year
nor zone.
"""

import polars as pl

from forensic.fields.columns import iso_stamp, json_extra, prefix
from forensic.format import Format
from forensic.schema import YEARLESS

__all__ = ["FORMAT"]

_LEVELS = {"I": "info", "W": "warning", "E": "error", "F": "fatal", "D": "debug"}
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of glog lines."""
    head = prefix(
        lines,
        rf"(?P<level>[IWEFD])(?P<year>20[0-9]{{2}})?(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}})"
        rf" (?P<clock>{_CLOCK}) +(?P<thread>[0-9]+) (?P<caller>[^ \]]+:[0-9]+)\] ?",
    )
    year = pl.col("year").fill_null(str(YEARLESS))
    text = pl.format("{}-{}-{} {}", year, "month", "day", "clock")
    parsed = pl.col("rest").is_not_null()
    thread = pl.col("thread").cast(pl.Int64, strict=False)
    return head.select(
        local_time=iso_stamp(text),
        level=pl.col("level").replace_strict(
            _LEVELS, default=None, return_dtype=pl.String
        ),
        message="rest",
        extra=json_extra(thread=thread, caller=pl.col("caller")),
        flags=pl.when(parsed & iso_stamp(text).is_null()).then(pl.lit(["bad_time"])),
        refused=pl.when(~parsed).then(pl.lit("no glog header")),
    )


FORMAT = Format(
    name="glog",
    title="glog or klog",
    hop=None,
    reference="https://github.com/google/glog: log line format",
    head=rf"^[IWEFD](?:20[0-9]{{2}})?[0-9]{{4}} {_CLOCK} +[0-9]+ ",
    parse=parse,
    multiline=True,
)
