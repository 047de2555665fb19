"""Events that Splunk exported as JSON: the raw line, its host and source beside it.

A search writes one object a line with the event as `result`; the list of a job's
`results` is taken off before (forensic.documents).
"""

from typing import Any

import polars as pl

from forensic.fields.exported import exported
from forensic.format import Format

__all__ = ["FORMAT"]


def _read(record: Any) -> dict[str, Any] | None:
    if isinstance(record, dict) and isinstance(record.get("result"), dict):
        record = record["result"]
    if not isinstance(record, dict) or not isinstance(record.get("_raw"), str):
        return None
    return {
        "stamp": record.get("_time"),
        "hostname": record.get("host"),
        "message": record["_raw"].rstrip("\r\n"),
        "extra": {name: record.get(name) for name in ("source", "sourcetype", "index")},
    }


def _parse(lines: pl.Series) -> pl.DataFrame:
    return exported(lines, _read, "JSON, but no event of Splunk")


FORMAT = Format(
    name="splunk_json",
    title="events of Splunk as JSON",
    hop=None,
    reference="https://docs.splunk.com/Documentation/Splunk/latest/Search/ExportdatausingRESTAPI",
    head=r'^\s*\{[\s\S]*"_raw"\s*:',
    parse=_parse,
    envelope=True,
    payload=False,
    json=True,
    paths=r"(?i)splunk",
)
