"""Lines that Loki kept, as JSON: `logcli -o jsonl`, Grafana's download, Loki's API.

logcli writes the labels beside the line, Grafana its own fields; the API answers with
pairs of nanoseconds and line, and the lists around them are taken off before
(forensic.documents).
"""

from typing import Any

import polars as pl

from forensic.fields.exported import exported
from forensic.format import Format

__all__ = ["FORMAT"]

_LABELS = ("labels", "fields", "stream")
_HOSTS = ("host", "hostname", "node_name", "node", "instance")
_KEPT = ("filename", "namespace", "pod", "container", "app", "job")


def _read(record: Any) -> dict[str, Any] | None:
    if isinstance(record, list):  # [nanoseconds, line], perhaps with metadata behind
        pair = record[:2] if 2 <= len(record) <= 3 else [None, None]
        stamp, line = pair
        if not (isinstance(stamp, str) and len(stamp) == 19 and stamp.isdecimal()):
            return None
        return {"stamp": stamp, "message": _text(line)}
    labels = [record.get(k) for k in _LABELS] if isinstance(record, dict) else []
    found = next((given for given in labels if isinstance(given, dict)), None)
    if found is None or "line" not in record:  # a `line` alone may be that of a source
        return None
    stamp = record.get("timestamp", record.get("ts"))
    return {
        "stamp": stamp,
        "hostname": next((found[name] for name in _HOSTS if name in found), None),
        "message": _text(record["line"]) if stamp is not None else None,
        "extra": {name: found.get(name) for name in _KEPT},
    }


def _text(line: Any) -> str | None:
    return line.rstrip("\r\n") if isinstance(line, str) else None


def _parse(lines: pl.Series) -> pl.DataFrame:
    return exported(lines, _read, "JSON, but no line of Loki")


FORMAT = Format(
    name="loki_json",
    title="lines of Grafana Loki as JSON",
    hop=None,
    reference="https://grafana.com/docs/loki/latest/reference/loki-http-api/",
    head=(
        r'^\s*(?:\[\s*"1[0-9]{18}"\s*,\s*"|\{[\s\S]*"line"\s*:[\s\S]*"(?:timestamp|ts)"'
        r'\s*:|\{[\s\S]*"(?:timestamp|ts)"\s*:[\s\S]*"line"\s*:)'
    ),
    parse=_parse,
    envelope=True,
    payload=False,
    json=True,
    paths=r"(?i)loki|grafana|logcli|explore",
)
