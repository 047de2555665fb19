"""Lines as a shipper stored them: Filebeat, Fluent Bit, Fluentd, Vector, Elasticsearch.

One JSON record a line of some log, with where it came from beside it; of a record
without the marks of a shipper, the text must begin as a line of a log does. Records
that a shipper took apart itself (they have a level of their own) are an application's.
"""

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from forensic.columns import moments
from forensic.exported import is_carrier
from forensic.format import Format
from forensic.json_fields import value_at
from forensic.json_text import NotJsonError, compact, load

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
_SCHEMA: dict[str, pl.DataType] = dict.fromkeys(
    ("written", "hostname", "message", "extra", "flag", "refused"), pl.String()
)
_SCHEMA["counted"] = pl.Datetime("us")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - columns are naive
_LATEST = 4_102_444_800


def _text(record: dict[str, Any], *names: str) -> str | None:
    """The first of the values that is a text."""
    return next((v for n in names if isinstance(v := value_at(record, n), str)), None)


def _counted(record: dict[str, Any]) -> datetime | None:
    """The moment that stands as a count of seconds since 1970."""
    for name in _STAMPS:
        value = record.get(name)
        if isinstance(value, int | float) and 0 < value < _LATEST:
            return _EPOCH + timedelta(microseconds=round(value * 1e6))
    return None


def _row(text: str) -> dict[str, Any]:
    try:
        record, duplicates = load(text)
    except NotJsonError as error:
        return {"refused": str(error)}
    if isinstance(record, dict) and isinstance(record.get("_source"), dict):
        record = record["_source"]
    if not isinstance(record, dict):
        return {"refused": "JSON, but no shipper's record"}
    line = _text(record, *_TEXTS)
    marked = any(marks <= record.keys() for marks in _MARKS)
    if not (marked or is_carrier(record, line)):
        return {"refused": "JSON, but no shipper's record"}
    if line is None or any(value_at(record, name) is not None for name in _LEVELS):
        return {"refused": "JSON of a shipper, but not a line of a log"}
    extra = {kept: _text(record, n) for n, kept in _KEPT.items() if _text(record, n)}
    return {
        "written": _text(record, *_STAMPS),
        "counted": _counted(record),
        "hostname": _text(record, *_HOSTS),
        "message": line.rstrip("\r\n"),
        "extra": compact(extra | ({"duplicates": duplicates} if duplicates else {})),
        "flag": "duplicate_key" if duplicates else None,
    }


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns of shippers' records; `message` is the payload."""
    rows = pl.DataFrame([_row(line) for line in lines.to_list()], schema=_SCHEMA)
    stamps = moments(rows["written"])
    counted = pl.col("counted").is_not_null()
    return rows.select(
        *("hostname", "message", "extra", "refused"),
        envelope_local=pl.coalesce(pl.lit(stamps["local_time"]), "counted"),
        envelope_offset=pl.when(pl.lit(stamps["local_time"]).is_not_null())
        .then(pl.lit(stamps["utc_offset"]))
        .when(counted)
        .then(pl.lit(0, pl.Int32)),
        flags=pl.when(pl.col("flag").is_not_null()).then(pl.concat_list("flag")),
    )


FORMAT = Format(
    name="shipper_json",
    title="lines in a shipper's JSON (Filebeat, Fluent Bit, Vector)",
    hop=None,
    reference="https://www.elastic.co/docs/reference/beats/filebeat/exported-fields",
    head=(
        r'^\s*\{[\s\S]*"(?:agent|kubernetes|@metadata|source_type|container_id|_p'
        r'|@version|message|log|MESSAGE|msg|body|text|short_message)"\s*:'
    ),
    parse=parse,
    envelope=True,
    payload=False,
    json=True,
    paths=r"(?i)filebeat|fluent|vector|elastic",
)
