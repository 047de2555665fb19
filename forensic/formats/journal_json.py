"""journald entries as JSON: `journalctl -o json`, and its -pretty, -sse, -seq.

All values are texts; one that is no UTF-8 is a list of bytes, one that was written
twice a list of texts, one over 4096 bytes null. The time is microseconds of UTC.
"""

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from forensic.fields.json_fields import json_rows
from forensic.fields.messages import programs, system_messages
from forensic.format import Format
from forensic.schema import PARSED

__all__ = ["FORMAT"]

_SEVERITIES = "emerg alert crit err warning notice info debug".split()
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - columns are naive
_SCHEMA = {
    name: PARSED[name]
    for name in (
        *("envelope_local", "envelope_offset", "hostname", "process", "pid", "level"),
        "message",
    )
}
_KEPT = {
    "_SYSTEMD_UNIT": "unit",
    "_BOOT_ID": "boot",
    "_TRANSPORT": "transport",
    "_SOURCE_REALTIME_TIMESTAMP": "source_timestamp",
    "CODE_FILE": "code_file",
    "CODE_LINE": "code_line",
}


def _text(value: Any) -> str | None:
    """A field's text: bytes are read as UTF-8, of several values the last counts."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not value:
        return None
    if all(isinstance(item, int) and 0 <= item < 256 for item in value):
        return bytes(value).decode("utf-8", "backslashreplace")
    return _text(value[-1])


def _integer(value: Any, most: int) -> int | None:
    text = _text(value)
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 18:
        return None
    return int(text) if int(text) <= most else None


def _read(entry: Any) -> dict[str, Any] | str:
    """The envelope's columns of one entry, or why it is none."""
    if not isinstance(entry, dict) or "__REALTIME_TIMESTAMP" not in entry:
        return "JSON, but no journal entry"
    micros = _integer(entry["__REALTIME_TIMESTAMP"], 4_102_444_800_000_000)
    severity = _integer(entry.get("PRIORITY"), 7)
    process = _text(entry.get("SYSLOG_IDENTIFIER")) or _text(entry.get("_COMM"))
    return {
        "envelope_local": None
        if micros is None
        else _EPOCH + timedelta(microseconds=micros),
        "envelope_offset": None if micros is None else 0,
        "hostname": _text(entry.get("_HOSTNAME")),
        "process": process,
        "pid": _integer(entry.get("_PID", entry.get("SYSLOG_PID")), 2**31),
        "level": None if severity is None else _SEVERITIES[severity],
        "message": _text(entry.get("MESSAGE")) or "",
        "extra": {n: _text(entry[key]) for key, n in _KEPT.items() if key in entry},
        "flags": ["bad_time"] if micros is None else [],
    }


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns of journal entries; `message` is the payload."""
    bare = lines.str.strip_chars_start("\x1e").str.strip_prefix("data: ")
    rows = json_rows(bare, _read, _SCHEMA)
    program = programs(rows["process"])
    facts = system_messages(program["system"], rows["message"])
    return rows.with_columns(program["hop"], facts["client_ip"], facts["reason"])


FORMAT = Format(
    name="journal_json",
    title="systemd journal as JSON",
    hop=None,
    reference="systemd.journal-fields(7), journalctl(1)",
    head=r'^(?:data: |\x1e)?\s*\{[\s\S]*"__REALTIME_TIMESTAMP"',
    parse=parse,
    envelope=True,
    payload=False,
    json=True,
    header=r"^-- .* --\s*$",
)
