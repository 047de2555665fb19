"""Lines as a shipper stored them: Filebeat, Fluent Bit, Fluentd, Vector, Elasticsearch.

One JSON record a line of some log, with where it came from beside it; of a record
without the marks of a shipper, the text must begin as a line of a log does. Records
that a shipper took apart itself (they have a level of their own) are an application's.
"""

from typing import Any

import polars as pl

from forensic.fields.exported import exported, is_carrier
from forensic.fields.json_fields import value_at
from forensic.format import Format

__all__ = ["FORMAT"]

#: A shipper's record has all keys of one of these sets.
_MARKS = [
    *({"agent", key} for key in ("input", "log", "ecs", "host")),
    {"kubernetes"},
    {"@metadata"},
    {"source_type", "timestamp"},
    {"container_id", "container_name"},
    {"_p", "stream"},
]
#: Fly.io gives every line a level, whatever it says.
_FLY = {"instance", "region", "timestamp", "message"}
#: An application's synonyms among them: what carries a line is none of its own.
_TEXTS = "event.original message log MESSAGE msg body text short_message".split()
_LEVELS = ("level", "log.level", "levelname", "severity", "loglevel")
_STAMPS = ("@timestamp", "timestamp", "time", "date")
_HOSTS = ("host.name", "host.hostname", "kubernetes.host", "host", "hostname")
_KEPT = {
    "log.file.path": "path",
    "file": "path",
    "stream": "stream",
    "source": "stream",
    "kubernetes.namespace_name": "namespace",
    "kubernetes.namespace": "namespace",
    "kubernetes.pod_name": "pod",
    "kubernetes.pod.name": "pod",
    "kubernetes.container_name": "container",
    "kubernetes.container.name": "container",
    "container_name": "container",
}


def _text(record: dict[str, Any], *names: str) -> str | None:
    """The first of the values that is a text."""
    return next((v for n in names if isinstance(v := value_at(record, n), str)), None)


def _stamp(record: dict[str, Any]) -> str | float | None:
    """The stamp as it is written, or else as it is counted."""
    counts = (v for n in _STAMPS if isinstance(v := record.get(n), int | float))
    return _text(record, *_STAMPS) or next(counts, None)


def _read(record: Any) -> dict[str, Any] | None:
    if isinstance(record, dict) and isinstance(record.get("_source"), dict):
        record = record["_source"]
    if not isinstance(record, dict):
        return None
    line = _text(record, *_TEXTS)
    marked = any(marks <= record.keys() for marks in [*_MARKS, _FLY])
    if line is None or not (marked or is_carrier(record, line)):
        return None
    apart = any(value_at(record, name) is not None for name in _LEVELS)
    if apart and not record.keys() >= _FLY:
        return None
    return {
        "stamp": _stamp(record),
        "hostname": _text(record, *_HOSTS),
        "message": line.rstrip("\r\n"),
        "extra": {
            kept: text for name, kept in _KEPT.items() if (text := _text(record, name))
        },
    }


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns of shippers' records; `message` is the payload."""
    return exported(lines, _read, "JSON, but no line in a shipper's record")


FORMAT = Format(
    name="shipper_json",
    title="lines in a shipper's JSON (Filebeat, Fluent Bit, Vector)",
    hop=None,
    reference="https://www.elastic.co/docs/reference/beats/filebeat/exported-fields",
    head=(
        r'^\s*\{[\s\S]*"(?:agent|kubernetes|@metadata|source_type|container_id|_p'
        r'|@version|instance|message|log|MESSAGE|msg|body|text|short_message)"\s*:'
    ),
    parse=parse,
    envelope=True,
    json=True,
    paths=r"(?i)filebeat|fluent|vector|elastic",
)
