"""WebLogic's server log: `####<stamp> <severity> <subsystem> … <message>`.

Each part stands in angle brackets. The stamp is written as the server's locale has it;
the count of milliseconds behind it is read where there is one. An exception follows on
further lines, and a bracket ends the record.
"""

import polars as pl

from forensic.fields.columns import json_extra, prefix
from forensic.format import Format

__all__ = ["FORMAT"]

#: A user's own brackets stand inside those of the field: `<<WLS Kernel>>`.
_PARTS = r"<(?:<[^<>]*>|[^<>]*)> "
_HEAD = r"^####<[^<>]+> <[A-Za-z]+> <[^<>]*> "
#: The class of a message ▶ the codes of its catalogue.
_REASONS = {
    "exception": ["BEA-101017", "BEA-101019", "BEA-101020"],
    "stuck_thread": ["BEA-000337"],
    "memory_limit": ["BEA-310003", "BEA-310002"],
}


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of WebLogic's records."""
    head = prefix(
        lines,
        r"####<(?P<stamp>[^<>]+)> <(?P<level>[A-Za-z]+)> <(?P<logger>[^<>]*)>"
        r" <(?P<machine>[^<>]*)> <(?P<server>[^<>]*)> <(?P<thread>[^<>]*)> "
        rf"(?P<user>{_PARTS})(?P<ids>(?:{_PARTS}){{0,6}})<(?P<code>[A-Z]+-[0-9]+)> <",
    )
    known = pl.col("rest").is_not_null()
    counted = pl.col("ids").str.extract(r"<([0-9]{12,14})> ").cast(pl.Int64)
    moment = pl.from_epoch(counted, time_unit="ms").cast(pl.Datetime("us"))
    written = pl.col("stamp").str.to_datetime(
        "%b %d, %Y %I:%M:%S %p", time_unit="us", strict=False, exact=False
    )
    reason = pl.coalesce(
        pl.when(pl.col("code").is_in(codes)).then(pl.lit(name))
        for name, codes in _REASONS.items()
    )
    user = pl.col("user").str.strip_chars("<> ")
    return head.select(
        "logger",
        local_time=pl.coalesce(moment, written),
        utc_offset=pl.when(moment.is_not_null()).then(pl.lit(0, pl.Int32)),
        hostname=pl.when(pl.col("machine") != "").then("machine"),
        level=pl.col("level").str.to_lowercase(),
        user=pl.when(~user.is_in(["", "anonymous", "WLS Kernel"])).then(user),
        message=pl.col("rest").str.replace(r">\s*$", ""),
        reason=reason,
        extra=json_extra(
            code=pl.col("code"), server=pl.col("server"), thread=pl.col("thread")
        ),
        flags=pl.when(known & moment.is_null() & written.is_null()).then(
            pl.lit(["bad_time"])
        ),
        refused=pl.when(~known).then(pl.lit("no record of WebLogic")),
    )


FORMAT = Format(
    name="weblogic",
    title="WebLogic server log",
    hop="app_server",
    reference="https://docs.oracle.com/middleware/12213/wls/WLLOG/logging_services.htm",
    head=_HEAD,
    parse=parse,
    multiline=True,
    paths=r"(?i)weblogic|servers/[^/]+/logs",
)
