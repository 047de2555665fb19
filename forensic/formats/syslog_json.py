"""Syslog messages as JSON: rsyslog's templates and `%jsonmesg%`, `format-json`.

Whoever writes the template names the keys. A record is known by what only syslog has,
a facility, a tag or a program's name, beside a text; the text is some log's line,
whatever level the record has, which is syslog's word for it.
"""

import re
from typing import Any

import polars as pl

from forensic.fields.columns import moments
from forensic.fields.json_fields import json_rows
from forensic.fields.messages import programs, system_messages
from forensic.format import Format
from forensic.schema import PARSED

__all__ = ["FORMAT"]

_STAMPS = (
    "ISODATE R_ISODATE S_ISODATE timereported @timestamp timestamp time timegenerated"
    " isodate date generated_at received_at"
).split()
_TEXTS = "MESSAGE msg message MSG Message".split()
_HOSTS = "HOST hostname host logsource HOSTNAME fromhost source_host".split()
_PROGRAMS = "PROGRAM programname program app-name appname APP-NAME app_name".split()
_TAGS = "syslogtag tag LEGACY_MSGHDR".split()
_PIDS = "PID procid pid PROCID".split()
_LEVELS = (
    "PRIORITY LEVEL severity syslogseverity-text severity_label level priority"
    " syslogseverity"
).split()
_FACILITIES = (
    "FACILITY facility syslogfacility syslogfacility-text facility_label"
    " syslogfacility_text"
).split()
_SEVERITIES = "emerg alert crit err warning notice info debug".split()
_TAG = re.compile(r"([^\[\]: ]{1,128})(?:\[([0-9]{1,10})\])?:? ?\Z")
_SCHEMA = {
    name: PARSED[name] for name in ("hostname", "process", "pid", "level", "message")
} | {"written": pl.String()}


def _first(record: dict[str, Any], names: list[str]) -> str | None:
    """The first of the values that says something, as text."""
    found = (record[name] for name in names if isinstance(record.get(name), str | int))
    return next((str(value) for value in found if value not in ("", "-")), None)


def _level(record: dict[str, Any]) -> str | None:
    word = (_first(record, _LEVELS) or "").lower()
    number = int(word) if word.isdigit() else -1
    if 0 <= number < len(_SEVERITIES):
        return _SEVERITIES[number]
    return None if not word or word.isdigit() else word


def _read(record: Any) -> dict[str, Any] | str:
    if not isinstance(record, dict):
        return "JSON, but no message of syslog"
    text = next((record[n] for n in _TEXTS if isinstance(record.get(n), str)), None)
    facility = _first(record, _FACILITIES)
    tag = _TAG.match(_first(record, _TAGS) or "")
    process = _first(record, _PROGRAMS) or (tag[1] if tag else None)
    known = "syslogtag" in record or "PROGRAM" in record or facility is not None
    if text is None or process is None or not known:
        return "JSON, but no message of syslog"
    pid = _first(record, _PIDS) or (tag[2] if tag else None)
    return {
        "written": _first(record, _STAMPS),
        "hostname": _first(record, _HOSTS),
        "process": process,
        "pid": int(pid) if pid and pid.isdigit() and len(pid) < 10 else None,
        "level": _level(record),
        # The space behind a tag is rsyslog's; more of them begin a traceback's line.
        "message": re.sub(r"^ (?! )", "", text).rstrip("\r\n"),
        "extra": {"facility": facility} if facility else {},
    }


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns of such messages; `message` is the payload."""
    rows = json_rows(lines, _read, _SCHEMA)
    stamps = moments(rows["written"])
    program = programs(rows["process"])
    facts = system_messages(program["system"], rows["message"])
    return rows.drop("written").with_columns(
        program["hop"],
        facts["client_ip"],
        facts["reason"],
        envelope_local=stamps["local_time"],
        envelope_offset=stamps["utc_offset"],
    )


FORMAT = Format(
    name="syslog_json",
    title="syslog messages as JSON (rsyslog, syslog-ng)",
    hop=None,
    reference="https://www.rsyslog.com/doc/configuration/properties.html, https://axoflow.com/docs/axosyslog-core/chapter-templates/customizing-message-format/format-json/",
    head=(
        r'^\s*\{[\s\S]*"(?:PROGRAM|syslogtag|FACILITY|facility|syslogfacility'
        r'|syslogfacility-text|facility_label)"\s*:'
    ),
    parse=parse,
    envelope=True,
    payload=False,
    json=True,
    paths=r"(?i)syslog|rsyslog",
)
