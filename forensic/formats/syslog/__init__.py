"""Syslog files: traditional, ISO, RFC 5424, with or without priority or facility.

The lines of `/var/log/syslog`, `messages`, `auth.log` and of `journalctl -o short*`:
a stamp, a host, a program and a payload, which is often another program's log line.
Nearly every line is cut at fixed places; what has another shape goes through the
regular expressions of the rarer ones, one by one.
"""

from functools import partial

import polars as pl

from forensic.fields.columns import (
    by_value,
    dash_to_null,
    iso_stamp,
    json_extra,
    offset_seconds,
    prefix,
)
from forensic.fields.messages import programs, system_messages
from forensic.fields.rowwise import first_that_parses, refused_where
from forensic.format import Format
from forensic.formats.syslog.cut import NO_HOSTS, SEVERITIES, cut
from forensic.formats.syslog.stamps import BSD, CLOCK, DATE, bsd_stamps, sliced

__all__ = ["FORMAT"]

#: Some appliances put a space behind it.
_PRI = r"(?:<(?P<pri>[0-9]{1,3})> ?)?"
_ZONE = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})"
#: One space before a one-digit day, a year, a Japanese locale, a zone.
_MONTH = r"(?:[A-Z][a-z]{2}| ?[0-9]{1,2}月)"
_RARE_BSD = rf"{_MONTH} {{1,2}}[0-9]{{1,2}} (?:[0-9]{{4}} )?{CLOCK}"
#: `journalctl -o short-full` names the day of the week and the zone.
_WEEKDAY = r"(?:[A-Z][a-z]{2}|月|火|水|木|金|土|日)"
_NAMED_ZONE = r"(?:[A-Z]{2,5}|[+-][0-9]{2}(?:[0-9]{2})?)"
_UNIX = r"[0-9]{10}(?:\.[0-9]{1,6})?"
#: What stands behind the stamp is a whole line of some log, or of a traceback: `ts`
#: and templates of one's own write neither host nor program.
_WHOLE = (
    rf"(?:[\[(]?[0-9]{{4}}[-/][0-9]{{2}}[-/][0-9]{{2}}[ T]{CLOCK}"
    r"|[0-9A-Fa-f:.]+ [^ ]+ [^ ]+ \[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:"
    r"|Traceback \(most recent call last\):"
    r"|[A-Za-z_][A-Za-z0-9_.]*(?:Error|Exception|Exit|Interrupt)(?:: |$))"
)
#: A stamp as templates write it that name year to second one by one: a number in
#: brackets behind the program, or a whole line, tells it from an application's.
_DATED = (
    rf"{DATE} {CLOCK} [^ ]+ [A-Za-z][A-Za-z0-9_./-]*"
    rf"(?:\[[0-9]*\]: |: {_WHOLE})"
)
_HEAD = (
    r"^(?:[0-9]{1,5} )?(?:<[0-9]{1,3}> ?)?(?:"
    rf"{_RARE_BSD}:? |{DATE}T{CLOCK}{_ZONE} |{_UNIX} [^ ]+ [^ ]+: |{_DATED}"
    rf"|{_WEEKDAY} {DATE} {CLOCK} {_NAMED_ZONE} "
    rf"|[1-9] (?:-|{DATE}T{CLOCK}{_ZONE}) [^ ]+ [^ ]+ [^ ]+ [^ ]+ [\[-])"
)

_PID = r"(?:\[(?P<pid>[0-9]*)\])?"
_HOST = r"(?P<hostname>[A-Za-z0-9_-]|[A-Za-z0-9_:][^ \[]*[^ \[:\]])"
_USUAL = rf"(?P<hostname>[^ :\[\"(]+) (?P<process>[^ :\[\"0-9][^ :\[\"]*){_PID}: ?"
_FACILITY = (
    r"(?:kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|security"
    r"|local[0-7])"
)
#: From the most certain shape of host and program to the least.
_ORIGINS = [
    # ChromeOS: a level where the host should stand
    (
        rf"(?P<level>EMERG|ALERT|CRIT|ERR|WARNING|NOTICE|INFO|DEBUG) "
        rf"(?P<process>[^ :\[\]]+){_PID}: ?"
    ),
    # busybox: facility and level behind the host
    (
        rf"{_HOST} {_FACILITY}[. ](?P<level>{'|'.join(SEVERITIES)}|panic|error|warn) "
        rf"(?P<process>[^ :\[\"]+){_PID}: ?"
    ),
    # F5: the level alone, before a program with its number
    (
        rf"{_HOST} (?P<level>{'|'.join(SEVERITIES)}) "
        r"(?P<process>[A-Za-z_][^ :\[\"]*)\[(?P<pid>[0-9]+)\]: ?"
    ),
    # OpenShift's router: the host twice
    (
        rf"{_HOST} (?P<again>[^ \[]+) "
        r"(?P<process>[A-Za-z_][^ :\[\"]*)\[(?P<pid>[0-9]+)\]: ?"
    ),
    # FreeBSD's syslogd -v, and what is built on it: both in angles before the host
    (
        rf"<(?:{_FACILITY}|[0-9]{{1,2}})\.(?P<level>[a-z]+|[0-7])> {_HOST} "
        rf"(?:(?P<process>[A-Za-z_][^ :\[\"]*){_PID}: ?)?"
    ),
    # a host with colons; macOS: a part in parentheses, a level in angles
    (
        rf"{_HOST} (?P<process>[^ :\[\"]+){_PID}(?: \([^)]*\))?"
        r"(?: <(?P<level>[A-Z][a-z]+)>)?: ?"
    ),
    rf"{_HOST} (?P<process>[^ :\[]+)\[(?P<pid>[0-9]+)\] ?",
    # no host
    rf"(?P<process>[A-Za-z_][^ :\[]*){_PID}: ?",
    # no colon: rsyslog takes the first word for the program
    rf"{_HOST} (?P<process>[A-Za-z_][A-Za-z0-9_./@-]*) ",
    rf"{_HOST} ",
    "",
]
_BY_NUMBER = {str(number): name for number, name in enumerate(SEVERITIES)}
#: The shapes from here on guess: they are for stamps that only syslog writes.
_LOOSE = 8
#: A first word that looks like a program and is none.
_NO_PROGRAM = (pl.col("process") == "last") & pl.col("rest").str.starts_with("message ")
_NO_SHAPE = "no syslog shape"
#: The levels of applications' loggers.
_WORDS = "error warn warning info http verbose debug silly trace fatal critical".split()
#: The named groups of all shapes.
_GROUPS = "pri bsd iso unix zone hostname process pid level msgid data rest".split()
#: RFC 5424; structured data: quotes may hide a bracket, a backslash a quote.
_PROTOCOL = (
    rf"(?:[0-9]{{1,5}} )?<(?P<pri>[0-9]{{1,3}})>[1-9] "
    rf"(?:-|(?P<iso>{DATE}T{CLOCK})(?P<zone>{_ZONE})) (?P<hostname>[^ ]+) "
    r"(?P<process>[^ ]+) (?P<procid>[^ ]+) (?P<msgid>[^ ]+) "
    r'(?P<data>-|(?:\[[^ \]"]+(?: [^ =\]"]+="(?:[^"\\]|\\.)*")*\])+)(?: |$)'
)


def _offsets(zones: pl.Series) -> pl.DataFrame:
    """`offset` of `+0900`, `+09`, `Z`, `UTC`; null for `JST`, whose `name` is kept."""
    zone = pl.col("zone")
    whole = pl.when(zone.str.len_bytes() == 3).then(zone + "00").otherwise(zone)
    return pl.DataFrame({"zone": zones}).select(
        offset=pl.when(zone.is_in(["UTC", "GMT"]))
        .then(pl.lit(0, pl.Int32))
        .otherwise(offset_seconds(whole)),
        name=pl.when(zone.str.contains("^[A-Z]{2,}$")).then(zone),
    )


def _levels(priorities: pl.Series) -> pl.DataFrame:
    """`level` of each PRI; above 191 there is none."""
    number = pl.col("pri").cast(pl.Int16, strict=False)
    names = dict(enumerate(SEVERITIES))
    level = pl.when(number < 192).then(number % 8)
    return pl.DataFrame({"pri": priorities}).select(
        level=level.replace_strict(names, default=None, return_dtype=pl.String)
    )


def _stamps(found: pl.DataFrame) -> pl.DataFrame:
    """The frame with `local`, `offset` and the zone's `name`."""
    moments: list[pl.Expr | pl.Series] = [pl.lit(None, pl.Datetime("us"))]
    if found["bsd"].null_count() < found.height:
        moments.append(by_value(found["bsd"], bsd_stamps)["local"])
    if found["iso"].null_count() < found.height:
        moments.append(iso_stamp(pl.col("iso")))
    if found["unix"].null_count() < found.height:
        micros = (
            pl.col("unix").str.slice(0, 10)
            + pl.col("unix").str.slice(11).str.pad_end(6, "0")
        ).cast(pl.Int64, strict=False)
        moments.append(micros.cast(pl.Datetime("us")))
    zones = by_value(found["zone"], _offsets)
    utc = pl.when(pl.col("unix").is_not_null()).then(pl.lit(0, pl.Int32))
    return found.with_columns(
        local=pl.coalesce(moments),
        offset=pl.coalesce(utc, zones["offset"]),
        name=zones["name"],
    )


def _unwrapped(found: pl.DataFrame) -> pl.DataFrame:
    """The frame with `message` and `repeated`, from `message repeated 4 times: […]`."""
    rest = pl.col("rest")
    wrapped = found["rest"].str.starts_with("message repeated ")
    if not wrapped.any():
        return found.with_columns(message=rest, repeated=pl.lit(None, pl.Int64))
    groups = rest.str.extract_groups(
        r"^message repeated (?P<times>[0-9]{1,9}) times?: \[ ?(?P<inner>.*)\]$"
    ).struct
    return found.with_columns(
        message=pl.coalesce(groups.field("inner"), rest),
        repeated=groups.field("times").cast(pl.Int64, strict=False),
    )


def _columns(found: pl.DataFrame) -> pl.DataFrame:
    """The parsed columns of what a shape's groups found; refused where nothing."""
    if not found["rest"].count():
        return refused_where(found["rest"].is_null().to_numpy(), _NO_SHAPE).to_frame()
    absent = [name for name in _GROUPS if name not in found.columns]
    none = [pl.lit(None, pl.String).alias(name) for name in absent]
    stamped = found.with_columns(none)
    if "local" not in found.columns:
        stamped = _stamps(stamped)
    whole = _unwrapped(stamped)
    program = programs(whole["process"])
    facts = system_messages(program["system"], whole["message"])
    levels = by_value(whole["pri"], _levels)["level"]
    parsed = pl.col("rest").is_not_null()
    # A level is no program: `…Z error: text`, as winston's `printf` is often given.
    levelled = pl.col("hostname").is_null() & pl.col("pri").is_null()
    parsed &= ~(levelled & pl.col("process").is_in(_WORDS)).fill_null(value=False)
    bad_time = parsed & pl.col("local").is_null() & (pl.col("data").is_null())
    return whole.select(
        envelope_local="local",
        envelope_offset="offset",
        hostname=dash_to_null(pl.col("hostname")),
        process=dash_to_null(pl.col("process")),
        pid=pl.col("pid").cast(pl.Int64, strict=False),
        hop=program["hop"],
        level=pl.coalesce(
            pl.col("level").str.to_lowercase().replace(_BY_NUMBER), levels
        ),
        message="message",
        client_ip=facts["client_ip"],
        reason=facts["reason"],
        extra=json_extra(
            zone=pl.col("name"),
            repeated=pl.col("repeated"),
            msgid=dash_to_null(pl.col("msgid")),
            structured_data=dash_to_null(pl.col("data")),
        ),
        flags=pl.when(bad_time).then(pl.lit(["bad_time"])),
        refused=pl.when(~parsed).then(pl.lit(_NO_SHAPE)),
    )


def _traditional(lines: pl.Series) -> pl.DataFrame:
    """The lines of `Feb  6 05:32:07 host program[pid]: …`, cut at fixed places."""
    stamps = by_value(lines.str.slice(0, 16), sliced)
    origin = prefix(lines.str.slice(16), _USUAL)
    if not stamps["sound"].all():
        origin = origin.select(pl.when(stamps["sound"]).then(pl.all()))
    return _columns(
        origin.with_columns(
            stamps["local"],
            offset=pl.lit(None, pl.Int32),
            name=pl.lit(None, pl.String),
        )
    )


def _usual(lines: pl.Series) -> pl.DataFrame:
    """The lines of `host program[pid]: …` behind a BSD or an ISO stamp."""
    stamped = prefix(
        lines, rf"{_PRI}(?:(?P<bsd>{BSD})|(?P<iso>{DATE}T{CLOCK})(?P<zone>{_ZONE})) "
    )
    origin = prefix(stamped["rest"], _USUAL)
    if stamped["iso"].null_count() < len(lines):
        other = origin["hostname"].is_in(NO_HOSTS)
        origin = origin.select(pl.when(~other).then(pl.all()))
    return _columns(stamped.drop("rest").with_columns(origin))


def _protocol(lines: pl.Series) -> pl.DataFrame:
    """The lines of RFC 5424."""
    found = prefix(lines, _PROTOCOL)
    # rsyslog keeps the space behind the tag of a message that came in as RFC 3164.
    bom = pl.col("rest").str.strip_prefix("\ufeff").str.strip_prefix(" ")
    return _columns(found.with_columns(pid="procid", rest=bom))


def _origin(texts: pl.Series, shape: int) -> pl.DataFrame:
    """What one shape of host and program finds behind the stamp."""
    found = prefix(texts, _ORIGINS[shape])
    if "again" in found.columns:
        twice = pl.col("again") == pl.col("hostname")
        found = found.select(pl.when(twice).then(pl.all())).drop("again")
    return found.with_columns(
        shape=pl.lit(shape),
        refused=pl.when(pl.col("rest").is_null()).then(texts),
    )


def _rare(lines: pl.Series) -> pl.DataFrame:
    """The lines with a rarer stamp, or without a host, a colon or a program."""
    stamped = prefix(
        lines,
        rf"(?:[0-9]{{1,5}} )?{_PRI}(?:(?P<iso>{DATE}T{CLOCK})(?P<zone>{_ZONE})"
        rf"|(?P<bsd>{_RARE_BSD}):?|{_WEEKDAY} (?P<full>{DATE} {CLOCK}) "
        rf"(?P<named>{_NAMED_ZONE})|(?P<unix>{_UNIX})|(?P<dated>{DATE} {CLOCK})) ",
    )
    shapes = [partial(_origin, shape=number) for number in range(len(_ORIGINS))]
    origin = first_that_parses(stamped["rest"], shapes).drop("refused")
    no_program = origin.select(_NO_PROGRAM.fill_null(value=False)).to_series()
    whole = pl.concat_str(pl.col("process"), pl.lit(" "), pl.col("rest"))
    own = stamped["rest"].str.contains(f"^{_WHOLE}").fill_null(value=False)
    bare = pl.lit(own)
    named = [name for name in ("hostname", "pid", "level") if name in origin.columns]
    found = stamped.drop("rest").with_columns(
        origin.with_columns(
            *(pl.when(~bare).then(name).alias(name) for name in named),
            process=pl.when(~(pl.lit(no_program) | bare)).then("process"),
            rest=pl.when(bare)
            .then(pl.lit(stamped["rest"]))
            .when(no_program)
            .then(whole)
            .otherwise("rest"),
        )
    )
    certain = pl.col("shape").is_between(1, _LOOSE - 1) & ~bare
    written = (pl.col("iso").str.len_bytes() == 26) & (
        pl.col("zone").str.len_bytes() == 6
    )
    sure = pl.col("iso").is_null() | certain | written
    sure &= pl.col("dated").is_null() | certain
    if "hostname" in origin.columns:
        # CloudWatch prints stamps alike, and behind them a stream or Lambda's words.
        stream = pl.col("hostname").str.contains("/", literal=True) & ~certain
        other = (pl.col("hostname").is_in(NO_HOSTS) | stream).fill_null(value=False)
        bsd = pl.col("iso").is_null() & pl.col("dated").is_null()
        sure &= bsd | ~other
    return _columns(
        found.with_columns(
            iso=pl.coalesce("iso", "full", "dated"),
            zone=pl.coalesce("zone", "named"),
            rest=pl.when(sure).then("rest"),
        )
    )


def _slow(lines: pl.Series) -> pl.DataFrame:
    """The lines of any shape."""
    return first_that_parses(lines, [_traditional, _usual, _protocol, _rare])


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns of syslog lines; `message` is the payload."""
    return _unescaped(first_that_parses(lines, [cut, _slow], _HEAD))


def _unescaped(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the line ends and tabs that rsyslog writes as `#012` and `#011`."""
    text = rows["message"]
    if not text.str.contains("#01", literal=True).any():
        return rows
    ends = text.str.replace_all("#012", "\n", literal=True).str.strip_chars_end("\n")
    return rows.with_columns(message=ends.str.replace_all("#011", "\t", literal=True))


FORMAT = Format(
    name="syslog",
    title="syslog",
    hop=None,
    reference="RFC 3164, RFC 5424, rsyslog's templates, journalctl(1)",
    head=_HEAD,
    parse=parse,
    multiline=True,
    envelope=True,
    paths=r"(?:^|/)(?:syslog|messages|auth\.log|secure|daemon\.log|kern\.log"
    r"|user\.log|cron|maillog|mail\.log|journal)",
    header=r"^-- .* --\s*$",
)
