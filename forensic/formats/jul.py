r"""java.util.logging's default, of old Tomcats and of Java itself: two lines a record.

`Feb 06, 2025 2:32:07 PM com.example.Shop pay` and below it `SEVERE: text`, then the
stack. Where another logger's lines stand between (log4j's in catalina.out), the level
stays in the message. Local time without a zone; other locales than English write other
months.
"""

import polars as pl

from forensic.fields.columns import prefix
from forensic.fields.http_messages import http_messages
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = (
    r"[A-Z][a-z]{2} [0-9]{1,2}, [0-9]{4},? [0-9]{1,2}:[0-9]{2}:[0-9]{2}"
    "[ \u202f\u00a0][AP]M"
)
_PARTS = (
    r"^([A-Z][a-z]{2}) ([0-9]{1,2}), ([0-9]{4}),? ([0-9]{1,2})(:[0-9]{2}:[0-9]{2})"
    "[ \u202f\u00a0]([AP]M)$"
)
_LEVEL = r"(?:SEVERE|WARNING|INFO|CONFIG|FINER|FINEST|FINE)"
#: Whose loggers are the container's own.
_TOMCAT = r"^org\.apache\.(?:catalina|coyote|tomcat|jasper|juli)\."


def _stamp(texts: pl.Expr) -> pl.Expr:
    parts = texts.str.extract_groups(_PARTS).struct
    month, day, year, hour, rest, half = (parts.field(str(n)) for n in range(1, 7))
    date = pl.concat_str(
        year, month, day.str.zfill(2), hour.str.zfill(2) + rest, half, separator=" "
    )
    return date.str.to_datetime("%Y %b %d %I:%M:%S %p", time_unit="us", strict=False)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of records: the head's, and what stands on the lines below it."""
    head = prefix(
        lines,
        rf"(?P<stamp>{_STAMP}) (?P<logger>[A-Za-z_$][A-Za-z0-9_.$]*)"
        r"(?: (?P<place>[^ \n]+))?\r?(?:\n|$)",
    )
    known = head["rest"].is_not_null()
    below = prefix(head["rest"], rf"(?:(?P<level>{_LEVEL}): )?")
    spoken = http_messages(below["rest"])
    level = below["level"].str.to_lowercase()
    moment = head.select(_stamp(pl.col("stamp"))).to_series()
    failed = pl.lit(below["rest"]).str.contains("(?:Exception|Error)(?::|\n|$)")
    return head.select(
        "logger",
        **{name: pl.lit(spoken[name]) for name in spoken.columns if name != "reason"},
        local_time=pl.lit(moment),
        level=pl.lit(level),
        hop=pl.when(pl.col("logger").str.contains(_TOMCAT)).then(pl.lit("app_server")),
        message=pl.lit(below["rest"]),
        reason=pl.when(failed & pl.lit(level).is_in(["severe", "warning"])).then(
            pl.lit("exception")
        ),
        flags=pl.when(pl.lit(known & moment.is_null())).then(pl.lit(["bad_time"])),
        refused=pl.when(~pl.lit(known)).then(pl.lit("no record of java.util.logging")),
    )


FORMAT = Format(
    name="jul",
    title="java.util.logging, two lines a record",
    hop="application",
    reference="https://docs.oracle.com/javase/8/docs/api/java/util/logging/SimpleFormatter.html",
    head=rf"^{_STAMP} [A-Za-z_$][A-Za-z0-9_.$]*(?: |$)",
    parse=parse,
    multiline=True,
    whole=True,
    mixed=True,
    paths=r"(?i)catalina|tomcat",
)
