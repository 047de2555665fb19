"""Elixir's Logger, as Phoenix and its neighbours write it: `$time $metadata[$level] `.

`05:32:07.123 request_id=F7 [info] GET /app`, and later `… [info] Sent 403 in 11ms`.
The usual layout has the time of day alone, on the machine's clock or in UTC; many sites
put `$date` before it. What a process died of stands on the lines below.
"""

import polars as pl

from forensic.fields.columns import groups, iso_stamp, json_extra, seconds, target
from forensic.format import Format

__all__ = ["FORMAT"]

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}"
_LEVEL = r"debug|info|notice|warn|warning|error|critical|alert|emergency"
#: `request_id=F7xY pid=<0.1.0> mfa=Shop.Web.index/2 `, in whatever order.
_META = r"(?:[a-z_]+=[^ \[\n]* )*"
_LINE = rf"^(?:({_DATE}) )?({_TIME}) ({_META})\[({_LEVEL})\] (?s:(.*))$"
_NAMES = ["date", "time", "meta", "level", "message"]
_ASKED = r"^([A-Z]{3,16}) (/[^ \n]*)$"
_ANSWERED = r"^(?:Sent|Chunked) ([1-5][0-9]{2}) in ([0-9]+)(ms|µs)$"
#: Of a process that died with a request: `Request: GET /orders/77`.
_DIED = r"\nRequest: ([A-Z]{3,16}) (/[^ \n]*)"
#: Its older word.
_LEVELS = {"warn": "warning"}


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Logger's lines."""
    rows = groups(lines, _LINE, _NAMES)
    message = pl.col("message")
    asked, died = (message.str.extract_groups(p).struct for p in (_ASKED, _DIED))
    sent = message.str.extract_groups(_ANSWERED).struct
    took = (
        pl.when(sent.field("3") == "ms")
        .then(seconds(sent.field("2"), 1e3))
        .otherwise(seconds(sent.field("2"), 1e6))
    )
    stamp = iso_stamp(pl.concat_str("date", "time", separator=" "))
    bad = pl.col("date").is_not_null() & stamp.is_null()
    own = pl.col("meta").str.replace_all(r"\brequest_id=[^ ]+ ", "")
    other = own.str.strip_chars_end()
    return rows.select(
        "message",
        local_time=stamp,
        level=pl.col("level").replace(_LEVELS),
        method=pl.coalesce(asked.field("1"), died.field("1")),
        **target(pl.coalesce(asked.field("2"), died.field("2"))),
        status=sent.field("1").cast(pl.Int16, strict=False),
        duration=took,
        request_id=pl.col("meta").str.extract(r"\brequest_id=([^ ]+)"),
        extra=json_extra(
            time_of_day=pl.when(pl.col("date").is_null()).then("time"),
            metadata=pl.when(other != "").then(other),
        ),
        flags=pl.when(bad).then(pl.lit(["bad_time"])),
        refused=pl.when(message.is_null()).then(pl.lit("no line of Elixir's Logger")),
    )


FORMAT = Format(
    name="elixir",
    title="Elixir and Phoenix (Logger)",
    hop="application",
    reference="https://hexdocs.pm/logger/Logger.Formatter.html",
    head=rf"^(?:{_DATE} )?{_TIME} {_META}\[(?:{_LEVEL})\] ",
    parse=parse,
    multiline=True,
    narrow=True,
    paths=r"(?i)elixir|phoenix|erlang",
)
