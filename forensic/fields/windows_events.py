"""Events of Windows ▶ columns: what its System and Application logs tell of IIS.

However they were exported, an event has a source, a number and a text. Sources count
their numbers for themselves; of those that matter for a website the word is here.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments, target
from forensic.fields.date_order import is_assumed, iso_date, whole_clock

__all__ = ["LEVELS", "told_offset", "windows_events", "windows_stamps"]

#: Source and number ▶ the word for what happened.
_WORDS = {
    "app_pool_disabled": r"^(?:\w+-)*WAS 50(?:02|57|59)$|^W3SVC 10(?:02|57)$",
    "worker_crashed": r"^(?:\w+-)*WAS 50(?:09|11)$|^W3SVC 10(?:09|11)$",
    "worker_unresponsive": r"^(?:\w+-)*WAS 50(?:10|12)$|^W3SVC 1010$",
    "worker_recycled": r"^(?:\w+-)*WAS 5(?:07[4-9]|08[01]|117|186)$",
    "exception": r"^ASP\.NET [0-9.]+ 13(?:09|25)$|^\.NET Runtime 1026$",
    "boot_failed": r"^IIS AspNetCore Module(?: V2)? 10(?:0[05-7]|1[068]|3[0-5])$",
    "service_failed": r"^Service Control Manager 70(?:0[0-9]|2[34]|3[14])$",
    "memory_low": r"^(?:\w+-)*Resource-Exhaustion-Detector 2004$",
}
#: A program's own death is one of IIS where it is IIS that died.
_FAULT = r"^(?:Application Error 1000|\.NET Runtime 102[3-6])$"
_WORKER = r"(?i)\b(?:w3wp|iisexpress|dotnet)\.exe\b"
#: The request of which ASP.NET speaks: in the text, or in the data that it is made of.
_ASKED = (
    r"(?s)(?:Request URL: *|; )(https?://[^;\s]+)"
    r"(?:(?:.*?User host address: *|; /[^;]*; )([0-9A-Fa-f.:]+))?"
)
#: ASP.NET tells the moment of its event in UTC, too.
_UTC = r"Event time \(UTC\): *([0-9/.-]+,? [0-9:]+(?:[ \x{202f}\x{a0}][AaPp][Mm])?)"
_QUARTER, _FARTHEST = 900, 14 * 3600
#: What speaks for an application.
_SPEAKERS = r"^(?:ASP\.NET |\.NET Runtime$|IIS AspNetCore Module)"
#: The level as it is shown, or its number ▶ the level.
LEVELS = {
    **dict.fromkeys("1 Critical 重大 Kritisch Critique".split(), "critical"),
    **dict.fromkeys("2 Error エラー Fehler Erreur FailureAudit".split(), "error"),
    **dict.fromkeys("3 Warning 警告 Warnung Avertissement".split(), "warning"),
    **dict.fromkeys("0 4 Information 情報 Informationen SuccessAudit".split(), "info"),
    **dict.fromkeys("5 Verbose 詳細 Ausführlich Détaillé".split(), "debug"),
}
_LOCAL = (
    r"^(?:([0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{4})"
    r"|([0-9]{4}[/-][0-9]{1,2}[/-][0-9]{1,2})),?[ T]([0-9]{1,2}:[0-9]{2}:[0-9]{2}"
    "(?:\\.[0-9]{1,9})?)(?:[ \u202f\u00a0]([AaPp]\\.?[Mm]\\.?))?(Z)?$"
)


def windows_stamps(stamps: pl.Series, order: str) -> pl.DataFrame:
    """`local_time`, `utc_offset` of stamps, in the country's order or ISO's; `flags`.

    A stamp that is none, or whose day custom alone tells, is flagged.
    """
    parts = pl.col("stamp").str.strip_chars().str.extract_groups(_LOCAL).struct
    numbers, years, clock, half, zone = (parts.field(str(n)) for n in range(1, 6))
    date = years.str.extract_groups(r"^(.{4}).([0-9]{1,2}).([0-9]{1,2})$").struct
    dated = pl.concat_str(
        date.field("1"),
        *(date.field(n).str.zfill(2) for n in ("2", "3")),
        separator="-",
    )
    text = pl.concat_str(
        pl.coalesce(iso_date(numbers, order, half), dated),
        pl.lit("T"),
        whole_clock(clock, half),
        zone.fill_null(""),
    )
    written = stamps.to_frame("stamp")
    read = moments(written.select(text).to_series()).drop("zone")
    assumed = written.select(is_assumed(numbers, order, half)).to_series()
    return read.with_columns(
        flags=pl.when(pl.col("local_time").is_null())
        .then(pl.lit(["bad_time"]))
        .when(assumed)
        .then(pl.lit(["order_assumed"]))
    )


def told_offset(stamps: pl.DataFrame, messages: pl.Series, order: str) -> pl.DataFrame:
    """The stamps, with the offset from UTC where the text of the event tells it."""
    utc = windows_stamps(messages.str.extract(_UTC), order)["local_time"]
    ahead = (pl.col("local_time") - pl.lit(utc)).dt.total_seconds() / _QUARTER
    told = ahead.round().cast(pl.Int32) * _QUARTER
    known = pl.coalesce("utc_offset", pl.when(told.abs() <= _FARTHEST).then(told))
    return stamps.with_columns(utc_offset=known)


def windows_events(events: pl.DataFrame) -> pl.DataFrame:
    """The columns of events, by `stamp`, `source`, `event`, `level` and `message`.

    And `hostname` and `log`. What ASP.NET says of an exception names its request.
    """
    name = pl.format("{} {}", pl.col("source"), pl.col("event"))
    reason = pl.lit(None, pl.String)
    for word, pattern in _WORDS.items():
        reason = (
            pl.when(name.str.contains(pattern)).then(pl.lit(word)).otherwise(reason)
        )
    text = pl.col("message")
    died = name.str.contains(_FAULT) & text.str.contains(_WORKER)
    reason = pl.when(died).then(pl.lit("worker_crashed")).otherwise(reason)
    asp = pl.col("source").str.starts_with("ASP.NET ")
    asked = text.str.extract_groups(_ASKED).struct
    url = target(pl.when(asp).then(asked.field("1")))
    return events.select(
        "hostname",
        level=pl.col("level").replace_strict(
            LEVELS, default=pl.col("level").str.to_lowercase()
        ),
        process="source",
        reason=reason,
        hop=pl.when(pl.col("source").str.contains(_SPEAKERS) & ~died)
        .then(pl.lit("application"))
        .otherwise(pl.lit("host")),
        message=text.str.strip_chars(),
        client_ip=pl.when(asp).then(asked.field("2")),
        **url,
        extra=json_extra(event_id=pl.col("event"), log=pl.col("log")),
    )
