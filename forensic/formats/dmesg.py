"""The kernel's ring buffer: `[12345.678901] text`, or a date with `dmesg -T`.

Seconds since boot are no moment; the dates that `-T` reckons from them are local time
and drift while a machine sleeps. `-x` puts facility and level in front.
"""

import polars as pl

from forensic.fields.columns import by_value, json_extra, prefix
from forensic.fields.messages import system_messages
from forensic.format import Format

__all__ = ["FORMAT"]

_UPTIME = r"\[ *[0-9]{1,9}\.[0-9]{6}\]"
_DATE = (
    r"\[(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ 0-9][0-9]"
    r" [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4}\]"
)
_FACILITY = r"(?:[a-z0-9]+ *:(?:emerg|alert|crit|err|warn|notice|info|debug) *: )?"
_HEAD = rf"^{_FACILITY}(?:{_UPTIME}|{_DATE} [^\[])"


def _moment(texts: pl.Series) -> pl.DataFrame:
    return texts.str.to_datetime(
        "[%a %b %e %H:%M:%S %Y]", time_unit="us", strict=False
    ).to_frame("local_time")


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of kernel messages."""
    head = prefix(
        lines,
        r"(?:(?P<facility>[a-z0-9]+) *:(?P<level>[a-z]+) *: )?"
        rf"(?:(?P<uptime>{_UPTIME})|(?P<date>{_DATE})) ?",
    )
    known = lines.str.contains(_HEAD) & head["rest"].is_not_null()
    moment = by_value(head["date"], _moment)["local_time"]
    kernel = pl.Series([True]).new_from_index(0, len(lines))
    facts = system_messages(kernel, head["rest"].fill_null(""))
    uptime = pl.col("uptime").str.strip_chars("[] ").cast(pl.Float64, strict=False)
    rows = head.select(
        "level",
        local_time=pl.lit(moment),
        process=pl.lit("kernel"),
        message="rest",
        reason=pl.lit(facts["reason"]),
        extra=json_extra(uptime=uptime, facility=pl.col("facility")),
        flags=pl.when(pl.col("date").is_not_null() & pl.lit(moment).is_null()).then(
            pl.lit(["bad_time"])
        ),
    )
    refused = pl.when(~pl.lit(known)).then(pl.lit("no kernel message"))
    return rows.select(pl.when(pl.lit(known)).then(pl.all()), refused=refused)


FORMAT = Format(
    name="dmesg",
    title="kernel messages (dmesg)",
    hop="host",
    reference="dmesg(1), https://docs.kernel.org/admin-guide/printk",
    head=_HEAD,
    parse=parse,
    multiline=True,
    payload=False,  # syslog understands what the kernel says
    paths=r"(?i)dmesg|kern",
)
