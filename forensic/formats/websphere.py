"""WebSphere and Liberty: `[2/6/25, 5:32:07:123 GMT] 00000021 Logger  E SRVE0777E: …`.

SystemOut.log, console.log and messages.log: stamp, thread, a logger cut to its place,
a letter for the kind, the message. The stamp is written as the server's locale has it;
month first, as in the default, unless that cannot be.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix
from forensic.fields.http_messages import http_messages
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = (
    r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{2}(?:[0-9]{2})?,? "
    r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}:[0-9]{3} [A-Z]{1,5}(?:[+-][0-9]{2}:[0-9]{2})?"
)
_PARTS = (
    r"^([0-9]{1,2})/([0-9]{1,2})/(?:20)?([0-9]{2}),? "
    r"([0-9]{1,2}):([0-9]{2}:[0-9]{2}):([0-9]{3}) ([A-Z]{1,5}(?:[+-][0-9:]{5})?)$"
)
_KIND = r"[FEWAICDOR123<>Z]"
#: The letter of the kind ▶ its level; `O` and `R` are what was printed.
_LEVELS = {
    "F": "fatal",
    "E": "error",
    "W": "warning",
    "A": "notice",
    "I": "info",
    "C": "info",
    "D": "info",
    "O": "info",
    "R": "error",
    **dict.fromkeys("123<>", "trace"),
}
_REASONS = {
    "exception": r"^(?:SRVE0(?:777|315|068|271|293|242)E|SRVE0190E): |Exception",
    "stuck_thread": r"^WSVR0605W: |hung in the server|^CWWKE0701E",
    "memory_limit": r"OutOfMemoryError",
    "start_failed": r"^CWWKZ0002E: |^SRVE0265E: |^CWWKO0221E: ",
    "lifecycle": r"^CWWKF0011I: |^CWWKE0036I: |^CWWKZ0001I: |^WSVR0001I: ",
}


def _stamps(texts: pl.Series) -> pl.DataFrame:
    parts = texts.str.extract_groups(_PARTS).struct
    names = ["month", "day", "year", "hour", "rest", "millis", "zone"]
    frame = parts.rename_fields(names).struct.unnest()
    first, second = (pl.col(n).str.zfill(2) for n in ("month", "day"))
    turned = (first > "12") & (second <= "12")
    month = pl.when(turned).then(second).otherwise(first)
    day = pl.when(turned).then(first).otherwise(second)
    clock = pl.concat_str(pl.col("hour").str.zfill(2), "rest", separator=":")
    date = pl.concat_str(pl.lit("20") + pl.col("year"), month, day, separator="-")
    moment = pl.concat_str(date, pl.lit("T"), clock, pl.lit("."), "millis")
    zone = pl.col("zone").str.replace(r"^(?:GMT|UTC)([+-])", "$1")
    return moments(frame.select(pl.concat_str(moment, pl.lit(" "), zone)).to_series())


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the server's lines."""
    head = prefix(
        lines,
        rf"\[(?P<stamp>{_STAMP})\] (?P<thread>[0-9A-Fa-f]{{8}}) (?:id=[^ ]* +)?"
        rf"(?P<logger>[^ ]+) +(?P<kind>{_KIND}) +",
    )
    stamps = _stamps(head["stamp"])
    known = pl.col("rest").is_not_null()
    spoken = http_messages(head["rest"])
    reason = pl.coalesce(
        pl.when(pl.col("rest").str.contains(shape)).then(pl.lit(name))
        for name, shape in _REASONS.items()
    )
    moment = pl.lit(stamps["local_time"])
    return head.select(
        "logger",
        **{name: pl.lit(spoken[name]) for name in spoken.columns if name != "reason"},
        local_time=moment,
        utc_offset=stamps["utc_offset"],
        level=pl.col("kind").replace_strict(
            _LEVELS, default=None, return_dtype=pl.String
        ),
        message="rest",
        reason=reason,
        extra=json_extra(
            thread=pl.col("thread"),
            kind=pl.col("kind"),
            zone=pl.lit(stamps["zone"]),
        ),
        flags=pl.when(known & moment.is_null()).then(pl.lit(["bad_time"])),
        refused=pl.when(~known).then(pl.lit("no line of WebSphere")),
    )


FORMAT = Format(
    name="websphere",
    title="WebSphere or Liberty log",
    hop="app_server",
    reference="https://www.ibm.com/docs/en/was/9.0.5?topic=logs-interpreting-jvm",
    head=rf"^\[{_STAMP}\] [0-9A-Fa-f]{{8}} ",
    parse=parse,
    multiline=True,
    paths=r"(?i)SystemOut|SystemErr|messages.*\.log|liberty|websphere|wlp",
)
