"""PHP's own log and php-fpm's: `[06-Feb-2025 14:32:07] WARNING: [pool www] …`.

PHP writes a zone behind the clock, by abbreviation or name; php-fpm writes local
time without one, and may add microseconds, a process and the place in its source. To
syslog php-fpm writes the level alone: `[WARNING] [pool www] …`. What a worker prints,
as in containers, is `NOTICE: PHP message: PHP Fatal error: …`, behind words of its
master or bare.
"""

import polars as pl

from forensic.fields.columns import by_value, json_extra, moments, prefix
from forensic.format import Format
from forensic.zones import offsets_of

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{2}-[A-Z][a-z]{2}-[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{6})?"
_LEVEL = r"(?:ALERT|ERROR|WARNING|NOTICE|DEBUG)"
_ZONE = r"[A-Za-z]+(?:[/_+-][A-Za-z0-9_+-]+)*"
#: How what php-fpm writes to syslog begins behind its level.
_TOLD = (
    r"(?:\[pool |fpm is running|ready to handle connections|Terminating \.\.\."
    r"|exiting, bye-bye|Reloading in progress|FPM initialization failed"
    r"|unable to bind listening socket)"
)
_PLACE = r"(?:[a-z_]+\(\), line [0-9]+: )?"
#: php-fpm's, its slow log's, or PHP's own with a zone.
_HEAD = (
    rf"^\[(?:{_STAMP}(?:\](?: {_LEVEL}: | [^\n]*\bpid [0-9]+, {_LEVEL}: |  \[pool )"
    rf"| {_ZONE}\] )|{_LEVEL}\] {_PLACE}{_TOLD})|^NOTICE: PHP message: "
)
#: What stands before the words of PHP itself in what a worker printed.
_PRINTED = (
    rf"^(?:(?:{_LEVEL}: )?\[pool [^\]\n]+\] child [0-9]+ said into std(?:err|out): \")?"
    r"NOTICE: PHP message: "
)
_PREFIX = (
    rf"\[(?:(?P<stamp>{_STAMP})(?: (?P<zone>{_ZONE}))?\] +"
    r"(?:[^\n:]*?\bpid (?P<master>[0-9]+), )?"
    rf"(?:(?P<level>{_LEVEL}): {_PLACE})?|(?P<bare>{_LEVEL})\] {_PLACE})"
    r"(?:\[pool (?P<pool>[^\]\n]+)\] ?)?(?:(?:child|pid) (?P<child>[0-9]+)\b)?"
)
_SAID = (
    r"^(?:PHP )?(Fatal error|Parse error|Warning|Notice|Deprecated|Recoverable fatal"
    r" error): "
)
_LEVELS = {
    "Fatal error": "fatal",
    "Parse error": "fatal",
    "Recoverable fatal error": "error",
    "Warning": "warning",
    "Notice": "notice",
    "Deprecated": "notice",
}
#: The class of a message ▶ words that are certain of it.
_REASONS = {
    "workers_exhausted": r"server reached (?:pm\.)?max_children"
    r"|seems busy \(you may need",
    "request_terminated": r"execution timed out \([0-9.]+ sec\), terminating",
    "slow_request": r"executing too slow|^\[pool [^\]]+\] +pid \d+$",
    "worker_exited": r"exited on signal [0-9]+",
    "memory_limit": r"Allowed memory size of [0-9]+ bytes exhausted|Out of memory",
    "time_limit": r"Maximum execution time of [0-9]+ seconds? exceeded",
    "start_failed": r"FPM initialization failed|unable to bind listening socket",
    "lifecycle": r"fpm is running|ready to handle connections|^Terminating \.\.\."
    r"|exiting, bye-bye|^Reloading in progress",
    "exception": r"Uncaught |^(?:PHP )?(?:Fatal|Parse) error",
}


def _moment(texts: pl.Series) -> pl.DataFrame:
    return texts.str.to_datetime(
        "%d-%b-%Y %H:%M:%S%.f", time_unit="us", strict=False
    ).to_frame("local_time")


def _offset(zones: pl.Series) -> pl.DataFrame:
    """The offset of a zone that is named by its abbreviation."""
    named = "2000-01-01 00:00:00 " + zones
    return moments(named).select("utc_offset")


def _offsets(local: pl.Series, zones: pl.Series) -> pl.Expr:
    """The offsets of zones by abbreviation, or by name at that moment."""
    short = by_value(zones, _offset)["utc_offset"]
    return pl.coalesce(pl.lit(short), pl.lit(offsets_of(local, zones)))


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of PHP's lines."""
    head = prefix(lines, _PREFIX)
    known = lines.str.contains(_HEAD)
    whole = lines.str.replace(rf"^\[(?:{_STAMP}(?: {_ZONE})?|{_LEVEL})\] +", "")
    printed = whole.str.contains(_PRINTED)
    if printed.any():
        words = whole.str.replace(_PRINTED, "").str.replace(r'"$', "")
        whole = words.zip_with(printed, whole)
    said = pl.col("text").str.extract(_SAID)
    level = pl.coalesce(
        pl.coalesce("level", "bare").str.to_lowercase(),
        said.replace_strict(_LEVELS, default=None, return_dtype=pl.String),
    )
    # php-fpm names the script's request where it was slow or was ended.
    asked = r'\(request: "([A-Z]+) ([^"?\n]*)(?:\?([^"\n]*))?"\)'
    request = lines.str.extract_groups(asked).struct.unnest()
    reason = pl.coalesce(
        pl.when(pl.col("text").str.contains(pattern)).then(pl.lit(name))
        for name, pattern in _REASONS.items()
    )
    pid = pl.coalesce("child", "master").cast(pl.Int64, strict=False)
    bare = pl.col("text").str.replace(rf"^(?:[^\n:]*?\bpid [0-9]+, )?{_LEVEL}: ", "")
    moment = by_value(head["stamp"], _moment)["local_time"]
    rows = head.with_columns(text=whole).select(
        pid=pid,
        local_time=pl.lit(moment),
        utc_offset=_offsets(moment, head["zone"]),
        level=level,
        process=pl.when(pl.col("zone").is_null()).then(pl.lit("php-fpm")),
        message=bare,
        method=pl.lit(request["1"]),
        path=pl.lit(request["2"]),
        query=pl.lit(request["3"]),
        reason=reason,
        extra=json_extra(pool=pl.col("pool"), zone=pl.col("zone")),
        flags=pl.when(pl.lit(moment).is_null() & pl.col("stamp").is_not_null()).then(
            pl.lit(["bad_time"])
        ),
    )
    refused = pl.when(~pl.lit(known)).then(pl.lit("no line of PHP"))
    return rows.select(pl.when(pl.lit(known)).then(pl.all()), refused=refused)


FORMAT = Format(
    name="php",
    title="PHP or php-fpm log",
    hop="app_server",
    reference="https://www.php.net/manual/en/install.fpm.configuration.php",
    head=_HEAD,
    parse=parse,
    multiline=True,
    paths=r"(?i)php|fpm",
)
