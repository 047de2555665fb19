"""Ruby's Logger, as Rails, Puma and Sidekiq use it.

`E, [2025-02-06T14:32:07.123456 #812] ERROR -- app: text`; local time without a zone. A
request is two lines, `Started` and `Completed`, with the same request id.
"""

import polars as pl

from forensic.fields.columns import moments, prefix
from forensic.fields.http_messages import http_messages
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
_LEVEL = r"(?:DEBUG|INFO|WARN|ERROR|FATAL|ANY|UNKNOWN)"
_REQUEST = r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of Ruby's lines."""
    head = prefix(
        lines,
        rf"[DIWEFAU], \[(?P<stamp>{_STAMP}) ?#(?P<pid>[0-9]+)\] +(?P<level>{_LEVEL})"
        rf" -- (?P<logger>[^:\n]*): (?:\[(?P<request>{_REQUEST})\] )?",
    )
    stamps = moments(head["stamp"])
    known = pl.col("rest").is_not_null()
    spoken = http_messages(head["rest"])
    return head.select(
        local_time=stamps["local_time"],
        level=pl.col("level").str.to_lowercase(),
        logger=pl.when(pl.col("logger") != "").then("logger"),
        pid=pl.col("pid").cast(pl.Int64, strict=False),
        request_id="request",
        **{name: spoken[name] for name in spoken.columns},
        message="rest",
        flags=pl.when(known & pl.lit(stamps["local_time"]).is_null()).then(
            pl.lit(["bad_time"])
        ),
        refused=pl.when(~known).then(pl.lit("no line of Ruby's Logger")),
    )


FORMAT = Format(
    name="ruby_logger",
    title="Ruby Logger (Rails, Puma, Sidekiq)",
    hop="application",
    reference="https://docs.ruby-lang.org/en/master/Logger/Formatter.html",
    head=rf"^[DIWEFAU], \[{_STAMP} ?#[0-9]+\] +{_LEVEL} -- ",
    header=r"^# Logfile created on ",
    parse=parse,
    multiline=True,
    paths=r"(?i)rails|production\.log|puma|sidekiq",
)
